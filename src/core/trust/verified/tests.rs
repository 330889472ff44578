mod examined;

use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::{
    attestation::{EVIDENCE_LIMITS, join},
    testing::{
        evidence::{changed, payload, predicate_type, saying, sealed, signed, statement},
        images::{descriptor, other_facts},
        keys::{LocalKey, authority},
        log::FakeLog,
    },
    time::Window,
    trust::{Authority, Testimony, Witness},
};

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

const NOW: i64 = 1_800_000_000;

fn root() -> TrustRoot {
    TrustRoot::new(vec![authority("ci", &LocalKey::p256(1)), authority("risk", &LocalKey::p256(2))]).unwrap()
}

/// What becomes of a line: who is believed, or the code of why not. The same, whether or not somebody needs it after that.
fn fate_under(root: &TrustRoot, line: &[u8]) -> String {
    assert_eq!(format!("{:?}", consume(root, line.to_vec())), format!("{:?}", survey(root, line)));
    match believe(root, line, descriptor().digest(), at(NOW)) {
        Err((line, defect)) => format!("line {line}: {}", defect.code()),
        Ok(believed) => match (believed.verified.as_slice(), believed.discounted.as_slice()) {
            ([one], []) => format!("by {}", one.by()),
            ([], [one]) => one.discount.code().to_owned(),
            (verified, discounted) => format!("{} verified, {} discounted", verified.len(), discounted.len()),
        },
    }
}

fn fate(line: &[u8]) -> String {
    fate_under(&root(), line)
}

fn sbom() -> Vec<u8> {
    LocalKey::p256(1).bundle(payload(Kind::Sbom))
}

fn hint(key: &LocalKey) -> String {
    key.public().hint()
}

#[test]
fn a_good_line_is_believed_with_all_that_is_known_of_it() {
    let evidence = signed(&[(&LocalKey::p256(2), payload(Kind::Scan)), (&LocalKey::p256(1), payload(Kind::Sbom))]);
    let believed = believe(&root(), &evidence, descriptor().digest(), at(NOW)).unwrap();
    let [scan, sbom] = believed.verified.as_slice() else { panic!("two lines") };
    assert_eq!((scan.by().as_str(), scan.line(), sbom.by().as_str(), sbom.line()), ("risk", 1, "ci", 2));
    assert_eq!(sbom.digest(), Sha256Digest::of(&payload(Kind::Sbom)));
    assert_eq!(sbom.value().kind(), Some(Kind::Sbom));
    assert_eq!((sbom.seen(), sbom.until()), (None, None));
    assert!(believed.discounted.is_empty());
}

#[test]
fn what_is_no_bundle_with_an_envelope_is_refused_whoever_signed() {
    let message = r#""messageSignature":{"signature":"AQID"}"#;
    let file = changed(&sbom(), r#","dsseEnvelope":"#, &format!(r#",{message},"was":"#));
    let file = String::from_utf8(file).unwrap();
    let file = format!("{}}}", file.split(r#","was":"#).next().unwrap());
    for (line, expected) in [
        (b"x".as_slice(), "line 1: json-malformed"),
        (b"\n", "line 1: json-malformed"),
        (b"{}", "line 1: json-unexpected-content"),
        (file.as_bytes(), "line 1: bundle-content"),
        (&changed(&sbom(), "v0.3+json", "v0.9+json"), "line 1: bundle-media-type"),
    ] {
        assert_eq!(fate(line), expected, "{}", String::from_utf8_lossy(line));
    }
}

#[test]
fn a_hint_selects_and_never_grants() {
    let [ci, risk, stranger] = [1, 2, 3].map(LocalKey::p256);
    let named = |name: &str| changed(&sbom(), &hint(&ci), name);
    for (line, expected) in [
        (sbom(), "by ci"),
        (named(""), "by ci"),
        (changed(&sbom(), &format!(r#""hint":"{}""#, hint(&ci)), r#""hint":null"#), "by ci"),
        (changed(&sbom(), &format!(r#""hint":"{}""#, hint(&ci)), ""), "by ci"),
        (named(&hint(&risk)), "signature-invalid"),
        (named(&hint(&stranger)), "signer-unknown"),
        (named("garbage"), "signer-unknown"),
        (named(&hint(&ci).to_lowercase()), "signer-unknown"),
        (named(hint(&ci).trim_end_matches('=')), "signer-unknown"),
        (changed(&stranger.bundle(payload(Kind::Sbom)), &hint(&stranger), &hint(&ci)), "signature-invalid"),
        (changed(&stranger.bundle(payload(Kind::Sbom)), &hint(&stranger), ""), "signer-unknown"),
    ] {
        assert_eq!(fate(&line), expected, "{}", String::from_utf8_lossy(&line));
    }
}

#[test]
fn a_signature_covers_payload_and_payload_type() {
    let other = LocalKey::p256(1).bundle(payload(Kind::Scan));
    let payload_of = |line: &[u8]| {
        let text = std::str::from_utf8(line).unwrap();
        text.split(r#""payload":""#).nth(1).unwrap().split('"').next().unwrap().to_owned()
    };
    assert_eq!(fate(&changed(&sbom(), &payload_of(&sbom()), &payload_of(&other))), "signature-invalid");
    assert_eq!(fate(&changed(&sbom(), "in-toto+json", "in-toto+jsom")), "signature-invalid");
    let no_signature = String::from_utf8(sbom()).unwrap();
    let (before, after) = no_signature.split_once(r#""sig":""#).unwrap();
    let after = after.split_once('"').unwrap().1;
    assert_eq!(fate(format!(r#"{before}"sig":""{after}"#).as_bytes()), "signature-invalid");
}

/// cosign's bundles may carry a key id and log entries; goldseal writes neither, and asks of neither unless told to.
#[test]
fn a_key_id_and_log_entries_that_nobody_asked_for_change_nothing() {
    let with_key_id = changed(&sbom(), r#"{"sig":"#, r#"{"keyid":"SHA256:x","sig":"#);
    let with_entry = changed(&sbom(), r#""tlogEntries":[]"#, r#""tlogEntries":[{"logIndex":"1"}]"#);
    for line in [with_key_id, with_entry] {
        assert_eq!(fate(&line), "by ci");
    }
    assert_eq!(fate(&changed(&sbom(), r#"{"sig":"#, r#"{"keyid":7,"sig":"#)), "line 1: json-unexpected-content");
}

#[test]
fn strangers_count_for_nothing_and_harm_nobody() {
    let stranger = LocalKey::p256(3);
    let ci = hint(&LocalKey::p256(1));
    for garbage in [
        stranger.bundle(b"no json".to_vec()),
        stranger.bundle(br#"{"a":1,"a":2}"#.to_vec()),
        stranger.bundle(Vec::new()),
        stranger.bundle_of_type("text/plain", b"hello".to_vec()),
        changed(&stranger.bundle(b"no json".to_vec()), &hint(&stranger), &ci),
        changed(&sbom(), &format!(r#"{{"publicKey":{{"hint":"{ci}"}}"#), r#"{"certificate":{"rawBytes":"AA=="}"#),
        changed(&sbom(), &format!(r#"{{"publicKey":{{"hint":"{ci}"}}"#), r#"{"x509CertificateChain":{}"#),
    ] {
        let evidence = join([garbage.as_slice(), &sbom(), &garbage]);
        let believed = believe(&root(), &evidence, descriptor().digest(), at(NOW)).unwrap();
        assert_eq!(believed.verified.len(), 1);
        assert_eq!(believed.verified[0].line(), 2);
        let lines: Vec<usize> = believed.discounted.iter().map(|one| one.line).collect();
        assert_eq!(lines, [1, 3]);
        assert!(believed.discounted.iter().all(|one| one.kind.is_none()), "nobody reads what strangers say");
    }
}

#[test]
fn what_an_authority_signed_must_be_a_statement() {
    let ci = LocalKey::p256(1);
    let good = String::from_utf8(payload(Kind::Sbom)).unwrap();
    let subject = format!(r#"[{{"digest":{{"sha256":"{}"}}}}]"#, descriptor().digest());
    let with = |from: &str, to: &str| ci.bundle(changed(good.as_bytes(), from, to));
    for (line, expected) in [
        (ci.bundle_of_type("text/plain", payload(Kind::Sbom)), "line 1: envelope-payload-type"),
        (ci.bundle_of_type("application/vnd.in-toto+json ", payload(Kind::Sbom)), "line 1: envelope-payload-type"),
        (ci.bundle(b"no json".to_vec()), "line 1: json-malformed"),
        (ci.bundle(good.replace("{}", "{\"a\":1,\"a\":1}").into()), "line 1: json-duplicate-key"),
        (
            ci.bundle(good.replace("{}", &format!("{}{}", "[".repeat(64), "]".repeat(64))).into()),
            "line 1: json-too-deep",
        ),
        (with("Statement/v1", "Statement/v2"), "line 1: statement-type"),
        (with("Statement/v1", "Statement/v0.1"), "by ci"),
        (with(&subject, "[]"), "line 1: statement-subject-count"),
        (with(&subject, r#"[{"digest":{"sha512":"00"}}]"#), "line 1: statement-subject-digest"),
    ] {
        assert_eq!(fate(&line), expected, "{}", String::from_utf8_lossy(&line));
    }
}

#[test]
fn a_statement_about_another_image_says_nothing_about_this_one() {
    let other = statement(other_facts().descriptor.digest(), predicate_type(Kind::Sbom), "{}");
    let believed =
        believe(&root(), &LocalKey::p256(1).bundle(other), descriptor().digest(), at(NOW)).unwrap().discounted;
    let subject = other_facts().descriptor.digest();
    assert_eq!(believed[0].discount, Discount::SubjectMismatch { subject });
    assert_eq!(believed[0].kind, Some(Kind::Sbom));
    assert_eq!(fate(&LocalKey::p256(1).bundle(saying(Kind::Sbom, "0"))), "by ci");
}

#[test]
fn a_malformed_line_makes_all_unreadable() {
    let good = sbom();
    for bad in [b"".as_slice(), b"x", b"{}", &good[..good.len() - 1]] {
        for lines in [[bad, &good, &good], [&good, bad, &good], [&good, bad, b"{"]] {
            let evidence = join(lines);
            let line = 1 + lines.iter().position(|line| *line == bad).unwrap();
            let defect = believe(&root(), &evidence, descriptor().digest(), at(NOW)).unwrap_err();
            assert_eq!((defect.0, Err(defect)), (line, consume(&root(), evidence).map(drop)));
        }
    }
    let many = join(std::iter::repeat_n(good.as_slice(), EVIDENCE_LIMITS.lines + 1));
    let (line, defect) = believe(&root(), &many, descriptor().digest(), at(NOW)).unwrap_err();
    assert_eq!((line, defect.code()), (0, "evidence-too-large"));
    assert!(believe(&root(), b"", descriptor().digest(), at(NOW)).unwrap().verified.is_empty());
}

/// A root whose only authority has a window, and a witness if there is a log.
fn windowed(from: Option<i64>, until: Option<i64>, log: Option<&FakeLog>) -> TrustRoot {
    let window = Window { from: from.map(at), until: until.map(at) };
    let witness = log.map(|log| Arc::new(Witness::new(&log.trusted_root(), vec![Testimony::Log]).unwrap()));
    TrustRoot::new(vec![Authority { window, witness, ..authority("ci", &LocalKey::p256(1)) }]).unwrap()
}

#[test]
fn without_a_witness_the_window_is_judged_now() {
    for (from, until, expected) in [
        (None, None, "by ci"),
        (Some(NOW), None, "by ci"),
        (Some(NOW + 1), None, "authority-not-yet-valid"),
        (None, Some(NOW + 1), "by ci"),
        (None, Some(NOW), "authority-expired"),
        (Some(NOW), Some(NOW + 1), "by ci"),
    ] {
        assert_eq!(fate_under(&windowed(from, until, None), &sbom()), expected, "{from:?} {until:?}");
    }
    let believed = believe(&windowed(None, Some(NOW + 1), None), &sbom(), descriptor().digest(), at(NOW)).unwrap();
    assert_eq!(believed.verified[0].until(), Some(at(NOW + 1)));
}

/// A log that proves presence and no time (Rekor v2) leaves the present time to judge by.
#[test]
fn a_witness_without_a_time_changes_nothing_about_the_window() {
    let authority = |until| Authority {
        window: Window { from: None, until: Some(at(until)) },
        ..authority("ci", &LocalKey::p256(1))
    };
    for seen in [None, Some(&[][..])] {
        assert_eq!(counts(&authority(NOW + 1), seen, at(NOW)), None);
        let discount = counts(&authority(NOW), seen, at(NOW)).unwrap();
        assert_eq!(discount.code(), "authority-expired");
    }
    let times = [at(NOW - 2), at(NOW)];
    assert_eq!(counts(&authority(NOW + 1), Some(&times), at(NOW)), None);
    assert_eq!(
        counts(&authority(NOW), Some(&times), at(NOW)).unwrap().code(),
        "authority-expired",
        "every time counts"
    );
}

const SEEN: i64 = 1_700_000_000;

#[test]
fn with_a_witness_the_window_is_judged_when_it_saw() {
    let log = FakeLog::new(3);
    let line = log.seen(&sbom(), &LocalKey::p256(1), SEEN);
    for (from, until, expected) in [
        (None, None, "by ci"),
        (Some(SEEN), Some(SEEN + 1), "by ci"),
        (Some(SEEN + 1), None, "authority-not-yet-valid"),
        (None, Some(SEEN), "authority-expired"),
    ] {
        assert_eq!(fate_under(&windowed(from, until, Some(&log)), &line), expected, "{from:?} {until:?}");
    }
    let root = windowed(None, Some(SEEN + 1), Some(&log));
    let believed = believe(&root, &line, descriptor().digest(), at(NOW)).unwrap();
    assert_eq!(believed.verified[0].seen(), Some(at(SEEN)));
    assert_eq!(believed.verified[0].until(), None, "a witnessed signature was made inside the window for good");
    let early = believe(&root, &line, descriptor().digest(), at(SEEN - 1)).unwrap();
    assert_eq!(early.discounted[0].discount, Discount::WitnessInFuture { seen: at(SEEN) });
}

#[test]
fn a_witness_that_is_asked_for_must_be_there_and_be_right() {
    let (log, other) = (FakeLog::new(3), FakeLog::new(2));
    let ci = LocalKey::p256(1);
    let root = windowed(None, None, Some(&log));
    let right = log.seen(&sbom(), &ci, SEEN);
    let entry_of = |line: &[u8]| {
        let text = String::from_utf8(line.to_vec()).unwrap();
        let start = text.find(r#""tlogEntries""#).unwrap();
        text[start..].split_once("}]").unwrap().0.to_owned()
    };
    let scan = log.seen(&ci.bundle(payload(Kind::Scan)), &ci, SEEN);
    for (what, line, expected) in [
        ("right", right.clone(), "by ci"),
        ("absent", sbom(), "witness-refused"),
        ("another log", other.seen(&sbom(), &ci, SEEN), "witness-refused"),
        ("another time", changed(&right, "1700000000", "1600000000"), "witness-refused"),
        ("another statement's", changed(&right, &entry_of(&right), &entry_of(&scan)), "witness-refused"),
        ("another key's", log.seen(&sbom(), &LocalKey::p256(2), SEEN), "witness-refused"),
    ] {
        assert_eq!(fate_under(&root, &line), expected, "{what}");
    }
    assert_eq!(fate_under(&windowed(None, None, None), &right), "by ci", "nobody asked");
}

proptest! {
    #[test]
    fn arbitrary_bytes_are_believed_by_nobody(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let believed = believe(&root(), &bytes, descriptor().digest(), at(NOW));
        prop_assert!(believed.is_err() || bytes.is_empty());
    }

    #[test]
    fn json_made_from_a_good_bundle_is_never_more_than_the_good_one(
        at_byte in 0..sbom().len(), gone in 0..40usize, new in "[\\[\\]{}\",:a-z0-9=\\\\ \n]{0,20}",
    ) {
        let mut line = sbom();
        let end = (at_byte + gone).min(line.len());
        line.splice(at_byte..end, new.bytes());
        let Ok(believed) = believe(&root(), &line, descriptor().digest(), at(NOW)) else { return Ok(()) };
        for one in believed.verified {
            prop_assert_eq!(one.digest(), Sha256Digest::of(&payload(Kind::Sbom)));
        }
    }

    #[test]
    fn an_authority_that_signs_anything_makes_no_panic(payload in proptest::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(believe(&root(), &LocalKey::p256(1).bundle(payload), descriptor().digest(), at(NOW)).is_err());
    }
}

#[test]
fn evidence_of_three_kinds_is_three_statements() {
    let believed = believe(&root(), &sealed(&LocalKey::p256(1)), descriptor().digest(), at(NOW)).unwrap();
    let kinds: Vec<Option<Kind>> = believed.verified.iter().map(|one| one.value().kind()).collect();
    assert_eq!(kinds, [Some(Kind::Provenance), Some(Kind::Sbom), Some(Kind::Scan)]);
}

/// Serde reads structs from arrays as well, by position. No other reader of bundles does.
#[test]
fn what_must_be_an_object_is_not_read_from_an_array() {
    let ci = LocalKey::p256(1);
    let whole: serde_json::Value = serde_json::from_slice(&sbom()).unwrap();
    let [material, envelope] = ["verificationMaterial", "dsseEnvelope"].map(|key| whole[key].clone());
    let with = |change: fn(&mut serde_json::Value)| {
        let mut whole = whole.clone();
        change(&mut whole);
        serde_json::to_vec(&whole).unwrap()
    };
    let list = serde_json::json!([whole["mediaType"], material, envelope, null]);
    let subject = r#"[{"digest""#;
    let statement = format!(
        r#"["https://in-toto.io/Statement/v1",[{{"digest":{{"sha256":"{}"}}}}],"https://spdx.dev/Document",{{}}]"#,
        descriptor().digest()
    );
    for line in [
        serde_json::to_vec(&list).unwrap(),
        with(|whole| {
            let hint = whole["verificationMaterial"]["publicKey"]["hint"].take();
            whole["verificationMaterial"]["publicKey"] = serde_json::json!([hint]);
        }),
        with(|whole| {
            let sig = whole["dsseEnvelope"]["signatures"][0]["sig"].take();
            whole["dsseEnvelope"]["signatures"][0] = serde_json::json!([sig, null]);
        }),
        ci.bundle(statement.into_bytes()),
        ci.bundle(changed(&payload(Kind::Sbom), subject, r#"[[null,null,{"sha256":"00"},null,null,null,null],{"x""#)),
    ] {
        assert_eq!(fate(&line), "line 1: json-unexpected-content", "{}", String::from_utf8_lossy(&line));
    }
}

fn counts(authority: &Authority, seen: Option<&[Timestamp]>, now: Timestamp) -> Option<Discount> {
    uncounted(&authority.name, &authority.window, seen, now)
}
