//! `tests/vectors/accept` and `tests/vectors/reject`, through `trust::believe`.

use std::{collections::BTreeSet, fmt::Write as _, path::Path, sync::Arc};

use goldseal_core::{
    attestation::lines,
    digest::Sha256Digest,
    image::Descriptor,
    time::Window,
    trust::{Authority, Believed, Scheme, Testimony, TrustRoot, Witness, believe},
};
use jiff::Timestamp;
use serde::Deserialize;

use super::files;

/// One case, beside the `.jsonl` with its evidence.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    #[expect(dead_code, reason = "for people")]
    what: String,
    now: Timestamp,
    authorities: Vec<Signer>,
    /// The lines that count; all of them when it says nothing.
    verified: Option<Vec<usize>>,
    /// Who signed the lines that count.
    by: Option<Vec<String>>,
    /// The codes of the lines that do not count.
    #[serde(default)]
    discounted: Vec<String>,
    /// The code for which everything is refused.
    reason: Option<String>,
    /// The line where that is found.
    line: Option<usize>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Signer {
    name: String,
    key: String,
    scheme: Option<Scheme>,
    from: Option<Timestamp>,
    until: Option<Timestamp>,
    witness: Option<Asked>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Asked {
    trusted_root: String,
    testimony: Vec<Testimony>,
}

impl Case {
    fn trust_root(&self) -> TrustRoot {
        TrustRoot::new(self.authorities.iter().map(Signer::authority).collect()).unwrap()
    }
}

impl Signer {
    fn authority(&self) -> Authority {
        let witness = self.witness.as_ref().map(|asked| {
            let trusted_root = files::text(&files::path(&asked.trusted_root));
            Arc::new(Witness::new(&trusted_root, asked.testimony.clone()).unwrap())
        });
        Authority {
            name: self.name.parse().unwrap(),
            key: Arc::new(files::key(&files::path(&self.key), self.scheme)),
            window: Window { from: self.from, until: self.until },
            retired: None,
            witness,
        }
    }
}

/// What happened, in the words of the cases: the lines that count, or code and line of what refuses all.
#[derive(Debug, PartialEq)]
enum Outcome {
    Counted { verified: Vec<(usize, String)>, discounted: Vec<(usize, &'static str)> },
    Unreadable { line: usize, code: &'static str },
}

fn outcome(root: &TrustRoot, evidence: &[u8], image: Sha256Digest, now: Timestamp) -> Outcome {
    match believe(root, evidence, image, now) {
        Ok(Believed { verified, discounted, .. }) => Outcome::Counted {
            verified: verified.iter().map(|one| (one.line(), one.by().to_string())).collect(),
            discounted: discounted.iter().map(|one| (one.line, one.discount.code())).collect(),
        },
        Err((line, defect)) => Outcome::Unreadable { line, code: defect.code() },
    }
}

fn image() -> Sha256Digest {
    Descriptor::parse(&files::read(&files::path("image.json"))).unwrap().digest()
}

/// Runs every case of a folder; `judge` says what is wrong, if anything is.
fn run(folder: &str, judge: impl Fn(&Case, &[u8], &Outcome) -> Result<(), String>) -> Vec<String> {
    let mut codes = Vec::new();
    let mut wrong = String::new();
    let cases = files::json_files(&files::path(folder));
    for path in &cases {
        let case: Case = files::json(path);
        let evidence = files::read(&path.with_extension("jsonl"));
        let found = outcome(&case.trust_root(), &evidence, image(), case.now);
        if let Err(problem) = judge(&case, &evidence, &found) {
            writeln!(wrong, "{folder}/{}: {problem}: {found:?}", files::name(path)).unwrap();
        }
        codes.extend(case.reason);
    }
    assert!(wrong.is_empty(), "{wrong}");
    assert!(cases.len() > 50, "{folder} holds {} cases only", cases.len());
    println!("vectors/{folder}: {} cases", cases.len());
    codes
}

#[test]
fn what_is_good_is_accepted() {
    run("accept", |case, evidence, found| {
        let all = || lines(evidence).unwrap().iter().map(|(line, _)| *line).collect();
        let expected = case.verified.clone().unwrap_or_else(all);
        let Outcome::Counted { verified, discounted } = found else { return Err("unreadable".to_owned()) };
        let counted: Vec<usize> = verified.iter().map(|(line, _)| *line).collect();
        let by = case.by.clone().unwrap_or_else(|| vec!["release".to_owned(); expected.len()]);
        if counted != expected || !verified.iter().map(|(_, by)| by).eq(&by) {
            return Err(format!("lines {expected:?} by {by:?} should count"));
        }
        let codes: Vec<&str> = discounted.iter().map(|(_, code)| *code).collect();
        if codes == case.discounted { Ok(()) } else { Err(format!("{:?} should not count", case.discounted)) }
    });
}

#[test]
fn what_is_bad_is_refused_for_its_reason() {
    let codes = run("reject", |case, _, found| {
        let expected = (case.line.unwrap_or(1), case.reason.as_deref().expect("a reason"));
        let refused = match found {
            Outcome::Unreadable { line, code } => (*line, *code) == expected,
            Outcome::Counted { verified, discounted } => verified.is_empty() && discounted.as_slice() == [expected],
        };
        if refused { Ok(()) } else { Err(format!("should be refused for {expected:?}")) }
    });
    let codes: BTreeSet<&str> = codes.iter().map(String::as_str).collect();
    for code in EVERY_CODE {
        assert!(codes.contains(code), "no vector is refused for {code}");
    }
    assert_eq!(codes.len(), EVERY_CODE.len(), "{codes:?}");
}

/// Every code of `Defect` and `Discount`.
const EVERY_CODE: [&str; 21] = [
    "authority-expired",
    "authority-not-yet-valid",
    "bundle-content",
    "bundle-material",
    "bundle-media-type",
    "envelope-base64",
    "envelope-payload-type",
    "envelope-signature-count",
    "evidence-too-large",
    "json-duplicate-key",
    "json-malformed",
    "json-too-deep",
    "json-unexpected-content",
    "signature-invalid",
    "signer-unknown",
    "statement-subject-count",
    "statement-subject-digest",
    "statement-type",
    "subject-mismatch",
    "witness-in-future",
    "witness-refused",
];

/// ADR 0004: no bit of accepted evidence is without effect.
#[test]
fn no_single_bit_flip_of_accepted_evidence_counts() {
    for name in ["scheme-ecdsa-p256-sha256", "cosign-p256-predicate"] {
        let path = files::path(&format!("accept/{name}.json"));
        let case: Case = files::json(&path);
        let (root, evidence) = (case.trust_root(), files::read(&path.with_extension("jsonl")));
        for at in 0..evidence.len() {
            for bit in 0..8 {
                let mut changed = evidence.clone();
                changed[at] ^= 1 << bit;
                let found = outcome(&root, &changed, image(), case.now);
                let counts = matches!(&found, Outcome::Counted { verified, .. } if !verified.is_empty());
                assert!(!counts, "{name}, byte {at} bit {bit}: {found:?}");
            }
        }
    }
}

#[test]
fn every_evidence_file_has_its_case() {
    for folder in ["accept", "reject"] {
        for entry in std::fs::read_dir(files::path(folder)).unwrap() {
            let path = entry.unwrap().path();
            let pair = |end: &str| Path::exists(&path.with_extension(end));
            assert!(pair("json") && pair("jsonl"), "{}", path.display());
        }
    }
}
