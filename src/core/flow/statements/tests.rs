use super::*;
use crate::testing::{
    images::descriptor,
    inputs::{SPDX, found, grype},
    sealing::{FACTS, Files, gated},
};

fn made(files: &Files) -> Result<Vec<UnsignedStatement>, InputFault> {
    statements(&descriptor(), &files.inputs(), None, false)
}

#[test]
fn three_statements_are_made_and_read_back() {
    let made = made(&Files::clean()).unwrap();
    let kinds: Vec<Kind> = made.iter().map(|one| one.kind).collect();
    assert_eq!(kinds, [Kind::Provenance, Kind::Sbom, Kind::Scan]);
    for one in made {
        let read = Statement::parse(one.payload).unwrap();
        assert_eq!((read.kind(), read.subject()), (Some(one.kind), descriptor().digest()));
        assert_eq!(read.predicate_type(), one.predicate_type);
    }
}

#[test]
fn the_same_inputs_make_the_same_bytes_and_every_input_changes_them() {
    let good = made(&Files::clean()).unwrap();
    assert_eq!(made(&Files::clean()).unwrap(), good);
    let later = SPDX.replace("2026-11-01T10:00:00Z", "2026-11-01T10:00:01Z");
    let mut content = Files::clean();
    content.content =
        vec![DeviceContent { device_name: "/dev/xvda".into(), volume_size: 1, sha256: Sha256Digest::of(b"") }];
    let mut facts = Files::clean();
    facts.facts = parse_facts(FACTS.replace("0a1b", "0a1c").as_bytes()).unwrap();
    for other in [
        Files::reading(&later, &grype(&[]), None),
        Files::of(&[found("CVE-1", "tar", "1.34", "Low")], None),
        Files::of(&[], Some("")),
        content,
        facts,
    ] {
        assert_ne!(made(&other).unwrap()[0], good[0], "the provenance names every input");
    }
    assert_ne!(statements(&descriptor(), &Files::clean().inputs(), None, true).unwrap()[0], good[0]);
}

#[test]
fn the_gate_names_every_other_statement_and_the_approvals() {
    let (files, (policy, _)) = (Files::accepting(), gated());
    let passed = files.passed(&policy);
    let approval = Sha256Digest::of(b"approval");
    let gated = Gated { passed: &passed, approvals: &[approval] };
    let made = statements(&descriptor(), &files.inputs(), Some(gated), false).unwrap();
    let (gate, others) = made.split_last().unwrap();
    let summary: Summary = Statement::parse(gate.payload.clone()).unwrap().predicate().unwrap();
    assert_eq!(others.len(), 3);
    assert!(others.iter().all(|one| summary.names(Sha256Digest::of(&one.payload))));
    assert!(summary.names(approval) && !summary.names(Sha256Digest::of(b"")));
    assert_eq!(summary.accepted_risks(), passed.accepted_risks(&descriptor()).unwrap());
    assert_eq!(summary.inputs().policy, Some(policy.digest()));
    assert!(summary.check(&descriptor()).is_ok());
}

#[test]
fn both_sbom_formats_stand_in_their_statement_byte_for_byte() {
    let cyclonedx = r#" {"bomFormat":"CycloneDX","specVersion":"1.6","metadata":{"component":{"type":"file","name":"golden-base"}},
        "components":[{"type":"library","name":"tar","version":"1.34","purl":"pkg:deb/debian/tar@1.34"}]}
"#;
    for (sbom, predicate_type) in [(SPDX, "https://spdx.dev/Document"), (cyclonedx, "https://cyclonedx.org/bom")] {
        let made = made(&Files::reading(sbom, &grype(&[]), None)).unwrap();
        assert_eq!(made[1].predicate_type, predicate_type);
        let read = Statement::parse(made[1].payload.clone()).unwrap();
        assert_eq!(read.predicate_bytes(), sbom.trim().as_bytes());
    }
}

#[test]
fn an_sbom_of_nothing_is_not_signed_even_without_a_gate() {
    let root = r#"{"spdxVersion":"SPDX-2.3","name":"x","packages":[{"SPDXID":"SPDXRef-DocumentRoot-Directory-x","name":"x",
        "versionInfo":"1","primaryPackagePurpose":"FILE"}]}"#;
    for empty in [root, r#"{"spdxVersion":"SPDX-2.3","name":"x","packages":[]}"#] {
        let files = Files::reading(empty, &grype(&[]), None);
        assert!(matches!(made(&files), Err(InputFault::SbomEmpty)), "{empty}");
    }
}

#[test]
fn build_facts_have_no_unknown_keys_and_a_builder() {
    for facts in [
        FACTS.replace("\"tags\"", "\"tag\""),
        "{}".to_owned(),
        FACTS.replace("\"finishedOn\"", "\"finished_on\""),
        FACTS.replace("10:00:00Z", "10:00:00"),
        FACTS.replace("{\"Commit\":\"0a1b\"}", "{\"Commit\":1}"),
        FACTS.replace("\"tags\"", "\"builder\":\"x\",\"tags\""),
    ] {
        assert!(parse_facts(facts.as_bytes()).is_err(), "{facts}");
    }
}

#[test]
fn build_facts_that_could_never_hold_are_not_signed() {
    for facts in [
        FACTS.replace("https://ci.example", ""),
        FACTS.replace("\"finishedOn\"", "\"startedOn\":\"2026-11-02T00:00:00Z\",\"finishedOn\""),
        FACTS.replace("Commit", "aws:Commit"),
        FACTS.replace("Commit", "goldseal:Commit"),
        FACTS.replace("Commit", &"x".repeat(128)),
        FACTS.replace("0a1b", &"x".repeat(257)),
    ] {
        let mut files = Files::clean();
        files.facts = parse_facts(facts.as_bytes()).unwrap();
        assert!(matches!(made(&files), Err(InputFault::FactsValue(_))), "{facts}");
    }
}

#[test]
fn build_facts_may_be_as_long_as_ec2_takes_and_a_build_may_take_no_time() {
    for facts in [
        FACTS.replace("Commit", &"x".repeat(127)),
        FACTS.replace("0a1b", &"x".repeat(256)),
        FACTS.replace("\"finishedOn\"", "\"startedOn\":\"2026-11-01T10:00:00Z\",\"finishedOn\""),
    ] {
        let mut files = Files::clean();
        files.facts = parse_facts(facts.as_bytes()).unwrap();
        assert!(made(&files).is_ok(), "{facts}");
    }
}

#[test]
fn a_scan_whose_database_is_absent_or_not_good_is_not_signed() {
    let good = grype(&[]);
    let (start, end) = (good.find("\"db\":").unwrap(), good.find("\"timestamp\"").unwrap());
    for (scan, message) in [
        (good[..start].to_owned() + &good[end..], "names no vulnerability database"),
        (format!("{}\"db\":null,{}", &good[..start], &good[end..]), "names no vulnerability database"),
        (good.replace("\"valid\":true", "\"valid\":false"), "not good"),
    ] {
        let fault = made(&Files::reading(SPDX, &scan, None)).unwrap_err();
        assert!(matches!(&fault, InputFault::ScanDatabase(why) if why.contains(message)), "{scan}: {fault:?}");
    }
}

#[test]
fn a_large_sbom_is_named_by_digest_and_place() {
    let sbom = |bytes: usize| SPDX.replace("\"bash\"", &format!("\"bash{}\"", "x".repeat(bytes - SPDX.len())));
    let (just, over) = (sbom(INLINE_SBOM), sbom(INLINE_SBOM + 1));
    assert_eq!((just.len(), over.len()), (INLINE_SBOM, INLINE_SBOM + 1));
    let just = Files::reading(&just, &grype(&[]), None);
    assert_eq!(made(&just).unwrap()[1].predicate_type, "https://spdx.dev/Document");
    let over = Files::reading(&over, &grype(&[]), None);
    assert!(matches!(made(&over), Err(InputFault::SbomTooLarge { bytes }) if bytes == INLINE_SBOM + 1));
    let inputs = Inputs { sbom: SbomPlace::At("s3://bucket/sbom.json"), ..over.inputs() };
    let made = statements(&descriptor(), &inputs, None, false).unwrap();
    assert_eq!((made[1].kind, made[1].predicate_type), (Kind::Sbom, REFERENCE_TYPE));
    let text = String::from_utf8(made[1].payload.clone()).unwrap();
    for part in [over.material.sbom.sha256.to_string().as_str(), "s3://bucket/sbom.json", "https://ci.example"] {
        assert!(text.contains(part), "{part}");
    }
}

#[test]
fn bytes_that_are_not_those_that_were_read_are_not_signed() {
    let mut files = Files::clean();
    files.sbom = SPDX.replace("3.0.20", "3.0.21");
    assert!(matches!(made(&files), Err(InputFault::SbomChanged)));
}

#[test]
fn the_boot_guard_and_the_file_that_says_so_stand_in_the_provenance() {
    let files = Files::clean();
    let guard = BootGuard {
        recipe: "sysinit".to_owned(),
        version: "0.1.0".to_owned(),
        executable: Sha256Digest::of(b"goldseal"),
        report_only: false,
        records: true,
        findings: Vec::new(),
    };
    let of = |file: &[u8]| {
        let inputs = Inputs { guard: Some((&guard, Sha256Digest::of(file))), ..files.inputs() };
        statements(&descriptor(), &inputs, None, false).unwrap().remove(0)
    };
    let made = of(b"report");
    let read: crate::attestation::predicate::Provenance =
        Statement::parse(made.payload.clone()).unwrap().predicate().unwrap();
    assert_eq!(read.boot_guard(), Some(guard.clone()));
    assert_ne!(made, of(b"another report"));
    assert_ne!(made, statements(&descriptor(), &files.inputs(), None, false).unwrap().remove(0));
}
