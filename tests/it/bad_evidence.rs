//! Evidence that is too much, cut off, or no evidence at all: a verdict each, and never an admission.

use std::fs::File;

use goldseal_core::{attestation::IN_TOTO_PAYLOAD_TYPE, testing::keys::LocalKey};
use serde_json::{Value, json};

use crate::{
    offline::seal,
    policies::{pem, policy},
    run::{AT, Goldseal},
};

const FILES: &str = "--image image.json --evidence evidence.jsonl --policy policy.toml";

fn sealed() -> (Goldseal, Vec<u8>) {
    let goldseal = Goldseal::new();
    seal(&goldseal);
    let evidence = goldseal.read("evidence.jsonl");
    (goldseal, evidence)
}

fn reasons(report: &Value) -> Vec<(String, Value)> {
    let reasons = report["images"][0]["reasons"].as_array().unwrap().iter();
    reasons.map(|reason| (reason["code"].as_str().unwrap().to_owned(), reason["line"].clone())).collect()
}

#[test]
fn two_gigabytes_are_refused_before_they_are_read() {
    let (goldseal, _) = sealed();
    File::create(goldseal.path("evidence.jsonl")).unwrap().set_len(2 << 30).unwrap();
    // The shell's limit is in KiB of address space: much less than the file.
    let script = format!("ulimit -v 1000000; exec \"$GOLDSEAL\" verify {FILES} --output json");
    let run = goldseal.script(&[], &script).exits(1);
    assert_eq!(reasons(&run.report()), [("evidence-too-large".to_owned(), json!(0))]);
    goldseal.verdict(FILES, "reject", &["evidence-too-large"]);
}

#[test]
fn a_line_or_a_number_of_lines_over_the_limit_is_refused() {
    let (goldseal, evidence) = sealed();
    let first: Vec<u8> = evidence.split_inclusive(|&byte| byte == b'\n').next().unwrap().to_vec();
    goldseal.write("evidence.jsonl", first.repeat(257));
    assert_eq!(reasons(&goldseal.verdict(FILES, "reject", &["evidence-too-large"]))[0].1, json!(0));
    goldseal.write("evidence.jsonl", [evidence.as_slice(), &vec![b' '; (32 << 20) + 1]].concat());
    assert_eq!(reasons(&goldseal.verdict(FILES, "reject", &["evidence-too-large"]))[0].1, json!(4));
}

#[test]
fn ten_thousand_levels_are_refused_in_a_line_and_in_a_statement() {
    let (goldseal, evidence) = sealed();
    let nested = |open: &str, close: &str| format!("{}1{}", open.repeat(10_000), close.repeat(10_000));
    for deep in [nested("[", "]"), nested("{\"a\":", "}"), "[".repeat(10_000), "{\"a\":".repeat(10_000)] {
        goldseal.write("evidence.jsonl", [evidence.as_slice(), deep.as_bytes(), b"\n"].concat());
        let report = goldseal.verdict(FILES, "reject", &["json-too-deep"]);
        assert_eq!(reasons(&report), [("json-too-deep".to_owned(), json!(4))]);
    }
    // Signed by an authority: the statement itself nests.
    let signer = LocalKey::p256(2);
    let deep = format!(r#"{{"_type":"https://in-toto.io/Statement/v1","predicate":{}}}"#, nested("[", "]"));
    goldseal.write("evidence.jsonl", signer.bundle(deep.clone().into_bytes()));
    goldseal.write("policy.toml", policy(&[("ci", pem("ci", &signer.pem()))], 1));
    goldseal.verdict(FILES, "reject", &["json-too-deep"]);
    // Signed by a stranger it is nobody's statement, and counts for nothing.
    let (other, evidence) = sealed();
    let stranger = signer.bundle_of_type(IN_TOTO_PAYLOAD_TYPE, deep.into_bytes());
    other.write("evidence.jsonl", [evidence.as_slice(), &stranger, b"\n"].concat());
    let report = other.verdict(FILES, "admit", &[]);
    assert_eq!(report["images"][0]["discounted"][0]["code"], "signer-unknown");
    assert_eq!(report["images"][0]["discounted"][0]["line"], 4);
}

#[test]
fn lines_that_were_cut_off_name_their_place() {
    let (goldseal, evidence) = sealed();
    let ends: Vec<usize> = (0..evidence.len()).filter(|&at| evidence[at] == b'\n').collect();
    for (length, line) in [(1, 1), (ends[0] - 1, 1), (ends[0] + 2, 2), (ends[1] - 100, 2), (ends[2] - 1, 3)] {
        goldseal.write("evidence.jsonl", &evidence[..length]);
        let report = goldseal.verdict(FILES, "reject", &["json-malformed"]);
        assert_eq!(reasons(&report), [("json-malformed".to_owned(), json!(line))], "{length} bytes");
    }
    // Cut between lines, what is missing is named; without the last end of line nothing is.
    goldseal.write("evidence.jsonl", &evidence[..=ends[1]]);
    goldseal.verdict(FILES, "reject", &["attestation-missing"]);
    goldseal.write("evidence.jsonl", &evidence[..ends[2]]);
    goldseal.verdict(FILES, "admit", &[]);
}

#[test]
fn what_is_no_evidence_is_refused_by_name() {
    let (goldseal, evidence) = sealed();
    let text = String::from_utf8(evidence.clone()).unwrap();
    let twice = text.replacen("{\"mediaType\"", "{\"mediaType\":\"x\",\"mediaType\"", 1);
    let twice = if twice == text { text.replacen('{', "{\"a\":1,\"a\":2,", 1) } else { twice };
    for (bytes, code) in [
        (Vec::new(), "attestation-missing"),
        (b"\n".to_vec(), "json-malformed"),
        ([evidence.as_slice(), b"\n"].concat(), "json-malformed"),
        ([b"\xef\xbb\xbf", evidence.as_slice()].concat(), "json-malformed"),
        (b"CVE-2026-90001  High\n".to_vec(), "json-malformed"),
        (vec![0; 4096], "json-malformed"),
        (b"{}\n".to_vec(), "json-unexpected-content"),
        (b"[]\n".to_vec(), "json-unexpected-content"),
        (b"\"admit\"\n".to_vec(), "json-unexpected-content"),
        (twice.into_bytes(), "json-duplicate-key"),
        (text.replacen("bundle.v0.3", "bundle.v9.9", 1).into_bytes(), "bundle-media-type"),
        (goldseal.read("golden.spdx.json"), "json-unexpected-content"),
    ] {
        goldseal.write("evidence.jsonl", &bytes);
        goldseal.verdict(FILES, "reject", &[code]);
    }
}

#[test]
fn a_bit_turned_anywhere_is_never_admitted() {
    let (goldseal, evidence) = sealed();
    let image = goldseal.read("image.json");
    // The core's own test turns every bit; this one asks whether the executable goes the same way.
    for part in 0..12 {
        let verdict = turned(&goldseal, "evidence.jsonl", &evidence, evidence.len() / 12 * part + 37, part % 7);
        assert_eq!(verdict, 1, "a bit of the evidence, part {part}");
        // A descriptor that is not canonical is none; one that is, is another image's.
        let verdict = turned(&goldseal, "image.json", &image, image.len() / 12 * part + 7, part % 7);
        assert!([1, 2].contains(&verdict), "a bit of the descriptor, part {part}");
    }
    let policy = goldseal.read("policy.toml");
    let key = policy.windows(8).position(|part| part == b"KEY-----").unwrap();
    for part in 0..6 {
        let verdict = turned(&goldseal, "policy.toml", &policy, key + 12 + part * 19, 1);
        assert!([1, 2].contains(&verdict), "a bit of the key, part {part}");
    }
    goldseal.verdict(FILES, "admit", &[]);
}

/// Verifies with one bit of a file turned, and turns it back; returns the exit code.
fn turned(goldseal: &Goldseal, file: &str, bytes: &[u8], place: usize, bit: usize) -> i32 {
    let mut changed = bytes.to_vec();
    changed[place] ^= 1 << bit;
    goldseal.write(file, &changed);
    let run = goldseal.json(&format!("verify {FILES} {AT}"));
    let report = run.report();
    assert!(run.code != 1 || report["images"][0]["verdict"] == "reject", "{report:#}");
    goldseal.write(file, bytes);
    run.code
}

#[test]
fn strangers_order_and_repetition_change_nothing() {
    let (goldseal, evidence) = sealed();
    let lines: Vec<&[u8]> = evidence.split_inclusive(|&byte| byte == b'\n').collect();
    let stranger = [LocalKey::p256(3).bundle(b"{}".to_vec()), b"\n".to_vec()].concat();
    let shuffled = [lines[2], &stranger, lines[0], lines[1], lines[0]].concat();
    goldseal.write("evidence.jsonl", shuffled);
    let report = goldseal.verdict(FILES, "admit", &[]);
    let image = &report["images"][0];
    let kinds = |list: &str| -> Vec<(Value, Value)> {
        let entries = image[list].as_array().unwrap().iter();
        entries.map(|entry| (entry["line"].clone(), entry["kind"].clone())).collect()
    };
    let expected = [(1, "scan"), (3, "provenance"), (4, "sbom"), (5, "provenance")];
    assert_eq!(kinds("checked"), expected.map(|(line, kind)| (json!(line), json!(kind))));
    assert_eq!(kinds("discounted").len(), 1);
}
