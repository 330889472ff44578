//! One situation for every code, and none without.

use super::*;
use crate::{
    attestation::join,
    digest::Sha256Digest,
    gate::{Database, Measurement},
    scan::Severity,
    testing::{
        evidence::{changed, payload, saying, signed, statement},
        gated::{Gated, gated_policy},
        images::{descriptor, other_facts},
        log::FakeLog,
        policies::{document, kms_authority},
    },
    verdict::CODES,
};

fn database(measured: &mut Measurement) -> &mut Database {
    measured.scanner.database.as_mut().unwrap()
}

const CI: &[&str] = &["ci"];

/// A policy that asks `ci` for an SBOM, and one line of evidence.
fn line(line: Vec<u8>) -> Judgement {
    let policy = document(&[("ci", &LocalKey::p256(1))], &[("sbom", CI, 1)], "");
    Asked { policy, ..Asked::of(line) }.judge()
}

fn with_window(window: &str) -> Judgement {
    let ci = LocalKey::p256(1);
    let policy =
        document(&[("ci", &ci)], &[("sbom", CI, 1)], "").replace("[[require]]", &format!("{window}[[require]]"));
    Asked { policy, ..Asked::of(sbom()) }.judge()
}

fn with_provenance(payload: Vec<u8>, more: &str, now: i64) -> Judgement {
    let ci = LocalKey::p256(1);
    let policy = document(&[("ci", &ci)], &[("provenance", CI, 1)], more);
    Asked { policy, now: at(now), ..Asked::of(signed(&[(&ci, payload)])) }.judge()
}

fn with_kms(answer: Result<KeyAnswer, String>) -> Judgement {
    let ci = LocalKey::p256(1);
    let policy = document(&[], &[("sbom", CI, 1)], &kms_authority("ci", &ci));
    Asked { policy, kms: [("ci", answer)].into(), ..Asked::of(sbom()) }.judge()
}

fn with_log(bundle: &[u8], now: i64) -> Judgement {
    let ci = LocalKey::p256(1);
    let witnessed = "witness = [\"log\"]\ntrusted_root = \"root.json\"\n[[require]]";
    let policy = document(&[("ci", &ci)], &[("sbom", CI, 1)], "").replace("[[require]]", witnessed);
    let files = [("root.json".to_owned(), Ok(FakeLog::new(3).trusted_root()))].into();
    let policy = compile("policy.toml", &policy, &files).unwrap();
    let keys = Keys::new(&policy, |_| Err(String::new()));
    judge_bytes(&policy, &keys, &facts(), bundle, at(now))
}

fn sbom() -> Vec<u8> {
    LocalKey::p256(1).bundle(payload(Kind::Sbom))
}

fn by_ci(payload: &[u8], from: &str, to: &str) -> Judgement {
    line(LocalKey::p256(1).bundle(changed(payload, from, to)))
}

/// Every code, the situation that produces it, and what it looks like there.
fn situations() -> Vec<(&'static str, Judgement, &'static str)> {
    let [ci, risk, stranger] = [1, 2, 3].map(LocalKey::p256);
    let image = descriptor().image();
    let subject = descriptor().digest().to_string();
    let gathered = |gathered: Gathered<'_>| Asked::admitted().judge_gathered(&gathered);
    let owners = |more: &str| Asked { policy: Asked::admitted().policy + more, ..Asked::admitted() }.judge();
    let deep = format!("{}{}", "[".repeat(64), "]".repeat(64));
    let good = payload(Kind::Sbom);
    let both = document(&[("ci", &ci), ("risk", &risk)], &[("sbom", &["ci", "risk"], 2)], "");
    let sealing = |sealed: &str| {
        format!(
            r#"{{"buildDefinition":{{"buildType":"b","externalParameters":0,"internalParameters":{{"tags":{{"Name":"{sealed}"}}}}}},
            "runDetails":{{"builder":{{"id":"c"}}}}}}"#
        )
    };
    let other = other_facts().descriptor;
    let embedding = |content: &str| {
        format!(
            r#"{{"buildDefinition":{{"buildType":"b","externalParameters":0}},"runDetails":{{"builder":{{"id":"c"}},
                "byproducts":[{{"name":"image-descriptor","content":"{content}"}}]}}}}"#
        )
    };
    let base64 = |bytes: &[u8]| base64::Engine::encode(&base64::engine::general_purpose::STANDARD, bytes);
    let finished = r#"{"buildDefinition":{"buildType":"b","externalParameters":0},
        "runDetails":{"builder":{"id":"c"},"metadata":{"finishedOn":"2026-11-01T10:00:00Z"}}}"#;
    let empty = Policy { requirements: Vec::new(), ..policies::compiled(&Asked::admitted().policy) };
    let no_keys = Keys::new(&empty, |_| Err(String::new()));
    let log = FakeLog::new(3);

    vec![
        ("image-not-found", undescribed(Ok(Reason::ImageNotFound { image })), "reject image-not-found"),
        ("owner-not-accepted", owners("[identity]\nowners = [\"999999999999\"]\n"), "reject owner-not-accepted"),
        ("region-not-accepted", owners("[identity]\nregions = [\"us-east-1\"]\n"), "reject region-not-accepted"),
        ("evidence-absent", gathered(Gathered::Absent { place: "x".into() }), "reject evidence-absent"),
        ("evidence-too-large", line(b"x\n".repeat(257)), "reject evidence-too-large"),
        ("json-malformed", line(b"x".to_vec()), "reject json-malformed"),
        ("json-too-deep", by_ci(&good, "{}", &deep), "reject json-too-deep"),
        ("json-duplicate-key", by_ci(&good, "{}", r#"{"a":0,"a":0}"#), "reject json-duplicate-key"),
        ("json-unexpected-content", line(b"{}".to_vec()), "reject json-unexpected-content"),
        ("bundle-media-type", line(changed(&sbom(), "v0.3+json", "v0.4+json")), "reject bundle-media-type"),
        (
            "bundle-content",
            line(changed(&sbom(), r#""dsseEnvelope":"#, r#""messageSignature":{"signature":""},"dsseEnvelope":"#)),
            "reject bundle-content",
        ),
        (
            "bundle-material",
            line(changed(&sbom(), r#""publicKey":"#, r#""certificate":{},"publicKey":"#)),
            "reject bundle-material",
        ),
        (
            "envelope-signature-count",
            line(changed(&sbom(), r#""signatures":["#, r#""signatures":[{"sig":""},"#)),
            "reject envelope-signature-count",
        ),
        ("envelope-base64", line(changed(&sbom(), r#""sig":""#, r#""sig":"!"#)), "reject envelope-base64"),
        ("envelope-payload-type", line(ci.bundle_of_type("text/plain", good.clone())), "reject envelope-payload-type"),
        ("statement-type", by_ci(&good, "Statement/v1", "Statement/v2"), "reject statement-type"),
        (
            "statement-subject-count",
            by_ci(&good, r#""subject":["#, r#""subject":[{},"#),
            "reject statement-subject-count",
        ),
        ("statement-subject-digest", by_ci(&good, &subject, "00"), "reject statement-subject-digest"),
        ("signer-unknown", line(stranger.bundle(good.clone())), "reject signer-unknown attestation-missing"),
        (
            "signature-invalid",
            line(changed(&stranger.bundle(good.clone()), &stranger.public().hint(), &ci.public().hint())),
            "reject signature-invalid attestation-missing",
        ),
        (
            "subject-mismatch",
            line(ci.bundle(statement(other.digest(), "https://spdx.dev/Document", "{}"))),
            "reject subject-mismatch attestation-missing",
        ),
        (
            "authority-not-yet-valid",
            with_window("valid_from = 2030-01-01T00:00:00Z\n"),
            "reject authority-not-yet-valid attestation-missing",
        ),
        (
            "authority-expired",
            with_window("valid_until = 2020-01-01T00:00:00Z\n"),
            "reject authority-expired attestation-missing",
        ),
        (
            "authority-retired",
            with_window("retired = 2020-01-01T00:00:00Z\n"),
            "reject authority-retired attestation-missing",
        ),
        (
            "authority-key-withdrawn",
            with_kms(Ok(KeyAnswer::Withdrawn { state: "Disabled".into() })),
            "reject authority-key-withdrawn attestation-missing",
        ),
        ("authority-key-changed", with_kms(enabled(&risk)), "reject authority-key-changed attestation-missing"),
        ("witness-refused", with_log(&sbom(), NOW), "reject witness-refused attestation-missing"),
        (
            "witness-in-future",
            with_log(&log.seen(&sbom(), &ci, 1_700_000_000), 1_600_000_000),
            "reject witness-in-future attestation-missing",
        ),
        ("attestation-missing", line(Vec::new()), "reject attestation-missing"),
        (
            "attestation-ambiguous",
            line(join([sbom().as_slice(), &ci.bundle(saying(Kind::Sbom, "1"))])),
            "reject attestation-ambiguous",
        ),
        (
            "attestation-under-threshold",
            Asked { policy: both, ..Asked::of(sbom()) }.judge(),
            "reject attestation-under-threshold",
        ),
        (
            "attestation-not-named",
            with_gate(|gated| Gated { unnamed: vec![Kind::Sbom], ..gated }, ""),
            "reject attestation-not-named",
        ),
        ("gate-not-passed", with_summary("\"PASSED\"", "\"FAILED\""), "reject gate-not-passed"),
        (
            "approval-mismatch",
            with_gate(|gated| Gated { approved: Some(Sha256Digest::of(b"other")), ..gated }, ""),
            "reject attestation-missing approval-mismatch",
        ),
        (
            "builder-not-accepted",
            with_provenance(payload(Kind::Provenance), "[provenance]\nbuilders = [\"x\"]\n", NOW),
            "reject builder-not-accepted",
        ),
        (
            "repository-not-accepted",
            with_provenance(payload(Kind::Provenance), "[provenance]\nrepositories = [\"https://x.example/y\"]\n", NOW),
            "reject repository-not-accepted",
        ),
        (
            "base-owner-not-accepted",
            with_provenance(payload(Kind::Provenance), "[provenance]\nbase_owners = [\"999999999999\"]\n", NOW),
            "reject base-owner-not-accepted",
        ),
        ("tests-not-passed", with_tests("WARNED"), "reject tests-not-passed"),
        ("sbom-empty", measured(|measured| measured.packages.count = 0), "reject sbom-empty"),
        ("scan-time-absent", measured(|measured| measured.scanner.finished = None), "reject scan-time-absent"),
        (
            "input-in-future",
            measured(|measured| measured.scanner.finished = Some(at(NOW + 61))),
            "reject input-in-future",
        ),
        ("scan-too-old", measured(|measured| measured.scanner.finished = Some(at(0))), "reject scan-too-old"),
        ("database-absent", measured(|measured| measured.scanner.database = None), "reject database-absent"),
        ("database-too-old", measured(|measured| database(measured).built = at(0)), "reject database-too-old"),
        (
            "database-data-age-unknown",
            measured(|measured| database(measured).captured = None),
            "reject database-data-age-unknown",
        ),
        (
            "database-data-too-old",
            measured(|measured| database(measured).captured = Some(at(0))),
            "reject database-data-too-old",
        ),
        (
            "distribution-end-of-life",
            measured(|measured| measured.packages.end_of_life = Some(true)),
            "reject distribution-end-of-life",
        ),
        (
            "distribution-life-unknown",
            measured(|measured| measured.packages.end_of_life = None),
            "reject distribution-life-unknown",
        ),
        (
            "severity-unknown",
            measured(|measured| measured.findings[0].severity = Severity::Unknown),
            "reject severity-unknown",
        ),
        (
            "finding-at-threshold",
            measured(|measured| measured.findings[0].severity = Severity::High),
            "reject finding-at-threshold",
        ),
        ("exception-expired", with_gate(|gated| gated.excepting(at(NOW)), ""), "reject exception-expired"),
        ("exception-too-long", with_gate(|gated| gated.excepting(at(NOW * 2)), ""), "reject exception-too-long"),
        ("predicate-malformed", with_provenance(saying(Kind::Provenance, "{}"), "", NOW), "reject predicate-malformed"),
        (
            "predicate-malformed",
            with_provenance(saying(Kind::Provenance, &embedding("!")), "", NOW),
            "reject predicate-malformed",
        ),
        (
            "descriptor-mismatch",
            with_provenance(saying(Kind::Provenance, &embedding(&base64(other.bytes()))), "", NOW),
            "reject descriptor-mismatch",
        ),
        ("tag-mismatch", with_provenance(saying(Kind::Provenance, &sealing("lead")), "", NOW), "reject tag-mismatch"),
        (
            "tag-not-sealed",
            with_provenance(payload(Kind::Provenance), "[identity]\ntags = [\"Name\"]\n", NOW),
            "reject tag-not-sealed",
        ),
        (
            "image-unavailable",
            undescribed(Err(Fault::ImageUnavailable { problem: "x".into() })),
            "undetermined image-unavailable",
        ),
        (
            "evidence-unavailable",
            gathered(Gathered::Unavailable { problem: "x".into() }),
            "undetermined evidence-unavailable",
        ),
        ("key-unavailable", with_kms(Err("throttled".into())), "undetermined key-unavailable"),
        (
            "clock-before-signed-time",
            with_provenance(saying(Kind::Provenance, finished), "", 1_700_000_000),
            "undetermined clock-before-signed-time",
        ),
        ("internal", judge_bytes(&empty, &no_keys, &facts(), b"", at(NOW)), "undetermined internal"),
    ]
}

/// A gate that passed at [`NOW`], with one change, under a policy with one table more, judged a minute later.
fn with_gate(change: impl Fn(Gated) -> Gated, more: &str) -> Judgement {
    let [ci, boss] = [1, 2].map(LocalKey::p256);
    let evidence = change(Gated::at(at(NOW))).evidence(&ci, &boss);
    Asked { policy: gated_policy(&ci, &boss, more), now: at(NOW + 60), ..Asked::of(evidence) }.judge()
}

/// The same with one change of the gate's statement, which needs no approval.
fn with_summary(from: &str, to: &str) -> Judgement {
    let [ci, boss] = [1, 2].map(LocalKey::p256);
    let others = [Kind::Provenance, Kind::Sbom].map(payload);
    let gate = Gated::at(at(NOW)).clean().payload(&others.each_ref().map(|other| Sha256Digest::of(other)));
    let [provenance, sbom] = others;
    let evidence = signed(&[(&ci, provenance), (&ci, sbom), (&ci, changed(&gate, from, to))]);
    Asked { policy: gated_policy(&ci, &boss, ""), now: at(NOW + 60), ..Asked::of(evidence) }.judge()
}

fn measured(change: impl Fn(&mut Measurement)) -> Judgement {
    with_gate(
        |mut gated| {
            change(&mut gated.measurement);
            gated
        },
        "[gate]\nend_of_life = \"reject\"\n",
    )
}

fn with_tests(result: &str) -> Judgement {
    let ci = LocalKey::p256(1);
    let policy = document(&[("ci", &ci)], &[("tests", CI, 1)], "");
    let predicate = format!(
        r#"{{"result":"{result}","configuration":[{{"name":"goss.json","digest":{{"sha256":"{}"}}}}],"passedTests":["a"]}}"#,
        Sha256Digest::of(b"")
    );
    Asked { policy, ..Asked::of(signed(&[(&ci, saying(Kind::Tests, &predicate))])) }.judge()
}

#[test]
fn tests_that_passed_meet_what_asks_for_them() {
    assert_eq!(outcome(&with_tests("PASSED")), "admit");
    assert_eq!(outcome(&with_tests("FAILED")), "reject tests-not-passed");
}

/// What only a gate can find out: it is never signed, so no verdict has these codes.
const AT_THE_GATE: [&str; 10] = [
    "sbom-of-another-run",
    "scan-of-another-source",
    "scan-of-another-distribution",
    "scan-of-nothing",
    "packages-not-in-sbom",
    "scan-before-sbom",
    "sbom-time-absent",
    "database-invalid",
    "scanner-filter",
    "finding-hidden",
];

/// What is about an instance, not its image: `flow/launch/tests.rs` produces each of them.
const OF_A_LAUNCH: [&str; 4] =
    ["root-volume-foreign", "instance-unavailable", "instance-inconsistent", "root-volume-unavailable"];

/// What is about who this instance is, beside its image: `identity/tests.rs` and `flow/boot/tests.rs` produce them.
const OF_AN_IDENTITY: [&str; 5] =
    ["identity-not-verified", "identity-signer-unknown", "identity-mismatch", "identity-unavailable", "clock-behind"];

/// What lists say: `policy/lists/tests.rs` produces each of them.
const OF_A_LIST: [&str; 7] = [
    "key-revoked",
    "image-revoked",
    "builder-revoked",
    "evidence-revoked",
    "revocations-unavailable",
    "revocations-stale",
    "revocations-inconsistent",
];

/// What receipts say: `policy/receipts/tests.rs` produces both.
const OF_A_RECEIPT: [&str; 2] = ["receipt-missing", "receipts-unavailable"];

/// What is about an account in a region, and no image: `flow/audit/tests.rs` produces it.
const OF_A_PLACE: [&str; 1] = ["place-unavailable"];

/// What is about a recorded decision, and no image: `flow/what_if/tests.rs` produces it.
const OF_A_RECORD: [&str; 1] = ["record-unavailable"];

#[test]
fn every_code_has_a_situation_that_produces_it_and_no_other() {
    let mut seen: Vec<&str> = Vec::new();
    for (code, judgement, expected) in situations() {
        assert_eq!(outcome(&judgement), expected, "{code}");
        assert!(expected.contains(code));
        seen.push(code);
    }
    seen.dedup();
    let groups =
        [&AT_THE_GATE[..], &OF_A_LAUNCH, &OF_AN_IDENTITY, &OF_A_LIST, &OF_A_RECEIPT, &OF_A_PLACE, &OF_A_RECORD];
    let elsewhere = |code: &&str| groups.iter().any(|of| of.contains(code));
    let listed = CODES.iter().map(|(code, ..)| *code).filter(|code| !elsewhere(code));
    let listed: Vec<&str> = listed.collect();
    assert_eq!(seen, listed, "in the order of verdict::CODES");
}

#[test]
fn the_good_forms_of_these_situations_are_admitted() {
    let ci = LocalKey::p256(1);
    assert_eq!(outcome(&line(sbom())), "admit");
    assert_eq!(
        outcome(&with_window("valid_from = 2020-01-01T00:00:00Z\nvalid_until = 2030-01-01T00:00:00Z\n")),
        "admit"
    );
    assert_eq!(outcome(&with_kms(enabled(&ci))), "admit");
    assert_eq!(outcome(&with_log(&FakeLog::new(3).seen(&sbom(), &ci, 1_700_000_000), NOW)), "admit");
    assert_eq!(outcome(&with_provenance(payload(Kind::Provenance), "", NOW)), "admit");
}
