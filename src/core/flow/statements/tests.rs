use super::*;
use crate::testing::images::descriptor;

pub(in crate::flow) const SPDX: &str =
    r#"{"spdxVersion":"SPDX-2.3","name":"image","packages":[{"name":"openssl","versionInfo":"3.0"}]}"#;
pub(in crate::flow) const SCAN: &str = r#"{"matches":[{"vulnerability":{"id":"CVE-1","severity":"High"},
    "artifact":{"name":"openssl","version":"3.0"}}],
    "descriptor":{"name":"grype","version":"0.121","db":{"built":"2026-11-01T00:00:00Z"}}}"#;
pub(in crate::flow) const FACTS: &str =
    r#"{"builder":"https://ci.example","finishedOn":"2026-11-01T10:00:00Z","tags":{"Commit":"0a1b"}}"#;

/// Inputs that can be signed.
pub(in crate::flow) const GOOD: Inputs<'static> = Inputs {
    sbom: SPDX.as_bytes(),
    sbom_location: None,
    scan: SCAN.as_bytes(),
    facts: FACTS.as_bytes(),
    exceptions: None,
    content: &[],
};

fn made(inputs: &Inputs<'_>) -> Result<Vec<UnsignedStatement>, InputFault> {
    statements(&descriptor(), inputs, false)
}

fn sbom_fault(sbom: &str) -> InputFault {
    made(&Inputs { sbom: sbom.as_bytes(), ..GOOD }).unwrap_err()
}

#[test]
fn three_statements_are_made_and_read_back() {
    let made = made(&GOOD).unwrap();
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
    let good = made(&GOOD).unwrap();
    assert_eq!(made(&GOOD).unwrap(), good);
    let content = [DeviceContent { device_name: "/dev/xvda".into(), volume_size: 1, sha256: Sha256Digest::of(b"") }];
    let (sbom, scan) = (SPDX.replace("3.0", "3.1"), SCAN.replace("High", "Low"));
    let facts = FACTS.replace("0a1b", "0a1c");
    for other in [
        Inputs { sbom: sbom.as_bytes(), ..GOOD },
        Inputs { scan: scan.as_bytes(), ..GOOD },
        Inputs { facts: facts.as_bytes(), ..GOOD },
        Inputs { exceptions: Some(b""), ..GOOD },
        Inputs { content: &content, ..GOOD },
    ] {
        assert_ne!(made(&other).unwrap()[0], good[0], "the provenance names every input");
    }
    assert_ne!(statements(&descriptor(), &GOOD, true).unwrap()[0], good[0]);
}

#[test]
fn both_sbom_formats_are_known_by_what_they_say_of_themselves() {
    for (sbom, predicate_type) in [
        (SPDX, SPDX_TYPE),
        (r#"{"spdxVersion":"SPDX-2.2","packages":[{}]}"#, SPDX_TYPE),
        (r#"{"bomFormat":"CycloneDX","specVersion":"1.6","components":[{"name":"a"}]}"#, CYCLONEDX_TYPE),
        (" \n{\"bomFormat\":\"CycloneDX\",\"components\":[1]}\n\n", CYCLONEDX_TYPE),
    ] {
        let made = made(&Inputs { sbom: sbom.as_bytes(), ..GOOD }).unwrap();
        assert_eq!(made[1].predicate_type, predicate_type, "{sbom}");
        let read = Statement::parse(made[1].payload.clone()).unwrap();
        assert_eq!(read.predicate_bytes(), sbom.trim().as_bytes(), "as it was, byte for byte");
    }
    for other in [
        "{}",
        "[]",
        "null",
        r#"{"spdxVersion":"SPDX-3.0","packages":[{}]}"#,
        r#"{"spdxVersion":"2.3","packages":[{}]}"#,
        r#"{"bomFormat":"cyclonedx","components":[{}]}"#,
        r#"{"spdxVersion":"SPDX-2.3","bomFormat":"CycloneDX","packages":[{}],"components":[{}]}"#,
    ] {
        assert!(matches!(sbom_fault(other), InputFault::SbomFormat | InputFault::Sbom(_)), "{other}");
    }
}

#[test]
fn an_sbom_of_nothing_is_no_sbom() {
    for empty in [
        r#"{"spdxVersion":"SPDX-2.3"}"#,
        r#"{"spdxVersion":"SPDX-2.3","packages":[]}"#,
        r#"{"spdxVersion":"SPDX-2.3","packages":null}"#,
        r#"{"spdxVersion":"SPDX-2.3","packages":[],"components":[{}]}"#,
        r#"{"bomFormat":"CycloneDX"}"#,
        r#"{"bomFormat":"CycloneDX","components":[]}"#,
        r#"{"bomFormat":"CycloneDX","components":[],"packages":[{}]}"#,
    ] {
        assert!(matches!(sbom_fault(empty), InputFault::SbomEmpty), "{empty}");
    }
}

#[test]
fn inputs_that_two_readers_could_read_in_two_ways_are_refused() {
    let twice = SPDX.replace(r#""name":"image""#, r#""name":"image","name":"other""#);
    assert!(matches!(sbom_fault(&twice), InputFault::Sbom(JsonFault::DuplicateKey { .. })));
    let deep = SPDX.replace("\"3.0\"", &format!("{}{}", "[".repeat(50), "]".repeat(50)));
    assert!(matches!(sbom_fault(&deep), InputFault::Sbom(JsonFault::TooDeep { .. })));
    for broken in ["", "x", &SPDX[..SPDX.len() - 1], "\u{feff}{}"] {
        assert!(matches!(sbom_fault(broken), InputFault::Sbom(JsonFault::Syntax(_))), "{broken}");
    }
    let scan = SCAN.replace("\"matches\"", "\"matches\":[],\"matches\"");
    assert!(matches!(
        made(&Inputs { scan: scan.as_bytes(), ..GOOD }),
        Err(InputFault::Scan(ScanFault::Json(JsonFault::DuplicateKey { .. })))
    ));
    let facts = FACTS.replace("\"tags\"", "\"builder\":\"x\",\"tags\"");
    assert!(matches!(
        made(&Inputs { facts: facts.as_bytes(), ..GOOD }),
        Err(InputFault::Facts(JsonFault::DuplicateKey { .. }))
    ));
}

#[test]
fn build_facts_have_no_unknown_keys_and_a_builder() {
    for facts in [
        FACTS.replace("\"tags\"", "\"tag\""),
        "{}".to_owned(),
        FACTS.replace("\"finishedOn\"", "\"finished_on\""),
        FACTS.replace("10:00:00Z", "10:00:00"),
        FACTS.replace("{\"Commit\":\"0a1b\"}", "{\"Commit\":1}"),
    ] {
        let fault = made(&Inputs { facts: facts.as_bytes(), ..GOOD }).unwrap_err();
        assert!(matches!(fault, InputFault::Facts(JsonFault::Shape(_))), "{facts}: {fault:?}");
    }
}

#[test]
fn a_table_saved_as_json_is_no_scan() {
    for scan in ["NAME  INSTALLED  FIXED-IN  VULNERABILITY\n", "", "{}", r#"{"matches":[]}"#, "[]"] {
        let fault = made(&Inputs { scan: scan.as_bytes(), ..GOOD }).unwrap_err();
        assert!(matches!(fault, InputFault::Scan(_)), "{scan}");
    }
}

#[test]
fn a_large_sbom_is_named_by_digest_and_place() {
    let sbom = |bytes: usize| {
        let rest = bytes - SPDX.len();
        SPDX.replace("openssl\"", &format!("openssl{}\"", "x".repeat(rest)))
    };
    let (just, over) = (sbom(INLINE_SBOM), sbom(INLINE_SBOM + 1));
    assert_eq!((just.len(), over.len()), (INLINE_SBOM, INLINE_SBOM + 1));
    assert_eq!(made(&Inputs { sbom: just.as_bytes(), ..GOOD }).unwrap()[1].predicate_type, SPDX_TYPE);
    let without = made(&Inputs { sbom: over.as_bytes(), ..GOOD }).unwrap_err();
    assert!(matches!(without, InputFault::SbomTooLarge { bytes } if bytes == INLINE_SBOM + 1));
    let place = Some("s3://bucket/sbom.json");
    let made = made(&Inputs { sbom: over.as_bytes(), sbom_location: place, ..GOOD }).unwrap();
    assert_eq!((made[1].kind, made[1].predicate_type), (Kind::Sbom, REFERENCE_TYPE));
    let text = String::from_utf8(made[1].payload.clone()).unwrap();
    for part in [Sha256Digest::of(over.as_bytes()).to_string().as_str(), "s3://bucket/sbom.json", "https://ci.example"]
    {
        assert!(text.contains(part), "{part}");
    }
}
