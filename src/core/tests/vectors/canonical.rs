//! RFC 8785: the canonicaliser behind the image descriptor against another library, bit by bit.

use std::path::Path;

use goldseal_core::image::{Descriptor, DescriptorFault, Identity};
use serde::Deserialize;

use super::files;

fn canonical(input: &[u8]) -> String {
    let value: serde_json::Value = serde_json::from_slice(input).unwrap();
    String::from_utf8(serde_json_canonicalizer::to_vec(&value).unwrap()).unwrap()
}

#[test]
fn numbers_have_one_form() {
    let rows: Vec<(String, String)> = files::json(&files::path("jcs/numbers.json"));
    assert!(rows.len() >= 500);
    for (bits, text) in &rows {
        let number = f64::from_bits(u64::from_str_radix(bits, 16).unwrap());
        let written = serde_json_canonicalizer::to_vec(&number).unwrap();
        assert_eq!(String::from_utf8(written).unwrap(), *text, "{bits}");
        assert_eq!(text.parse::<f64>().unwrap(), number, "{bits}: the form reads back");
    }
    println!("jcs/numbers: {} forms", rows.len());
}

#[derive(Deserialize)]
struct Pair {
    input: String,
    output: String,
}

#[test]
fn documents_have_one_form() {
    let pairs: Vec<Pair> = files::json(&files::path("jcs/documents.json"));
    for Pair { input, output } in &pairs {
        assert_eq!(canonical(input.as_bytes()), *output);
        assert_eq!(canonical(output.as_bytes()), *output);
    }
    assert!(!pairs.is_empty());
    println!("jcs/documents: {} pairs", pairs.len());
}

/// The test data of RFC 8785's author, in folders `input` and `output`.
pub(super) fn check_pairs(folder: &Path) -> usize {
    let inputs = files::json_files(&folder.join("input"));
    for input in &inputs {
        let output = files::text(&folder.join("output").join(input.file_name().unwrap()));
        assert_eq!(canonical(&files::read(input)), output.trim_end(), "{}", input.display());
    }
    inputs.len()
}

/// What another library made of the same facts is, byte for byte, what goldseal makes of them.
#[test]
fn the_descriptor_is_what_another_library_writes() {
    let bytes = files::read(&files::path("image.json"));
    let read = Descriptor::parse(&bytes).unwrap();
    let facts: Identity = serde_json::from_slice(&bytes).unwrap();
    assert_eq!(Descriptor::new(facts).unwrap().bytes(), bytes);
    assert_eq!(read.bytes(), bytes);
}

#[test]
fn a_descriptor_has_no_other_spelling() {
    let text = files::text(&files::path("image.json"));
    for (from, to) in [
        ("\"volumeSize\":8", "\"volumeSize\":8.0"),
        ("\"volumeSize\":8", "\"volumeSize\":8e0"),
        ("{\"architecture\":\"x86_64\",", "{"),
        ("\"bootMode\":\"uefi\",", "\"bootMode\":null,"),
        ("\"encrypted\":true", "\"encrypted\":true,\"encrypted\":true"),
        ("\"encrypted\":true", "\"encrypted\":\"true\""),
        (":\"aws\"", ":\"\\u0061ws\""),
        ("/dev/xvda", "\\/dev\\/xvda"),
        ("{\"architecture\"", " {\"architecture\""),
        ("\"volumeSize\":8", "\"volumeSize\":-8"),
        ("\"volumeSize\":8", "\"volumeSize\":4294967296"),
        ("\"volumeSize\":8", "\"volumeSize\":08"),
        ("{\"architecture\"", "\u{feff}{\"architecture\""),
    ] {
        assert!(text.contains(from), "{from}");
        let fault = Descriptor::parse(text.replacen(from, to, 1).as_bytes()).unwrap_err();
        assert!(matches!(fault, DescriptorFault::Json(_) | DescriptorFault::NotCanonical), "{to}: {fault:?}");
    }
}
