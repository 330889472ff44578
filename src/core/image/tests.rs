//! Whatever EC2 answers, and in whatever order: the same image is the same bytes, and the bytes are RFC 8785.

use std::collections::BTreeMap;

use proptest::{prelude::*, sample::subsequence};
use serde_json::{Value, json};

use super::*;
use crate::{ids::Region, testing::images::DESCRIBED};

fn region() -> Region {
    "eu-west-1".parse().unwrap()
}

fn image() -> Value {
    let mut saved: Value = serde_json::from_str(DESCRIBED).unwrap();
    saved["Images"][0].take()
}

fn facts(image: &Value) -> Result<ImageFacts, ImageFault> {
    let saved = serde_json::to_vec(&json!({ "Images": [image] })).unwrap();
    ImageFacts::in_region(&region(), images_from_json(&saved).unwrap().remove(0))
}

/// Writes JSON as RFC 8785 says for values without fractions: by another way than the code does.
fn canonical(value: &Value) -> String {
    match value {
        Value::Array(list) => format!("[{}]", list.iter().map(canonical).collect::<Vec<_>>().join(",")),
        Value::Object(entries) => {
            let sorted: BTreeMap<Vec<u16>, (&String, &Value)> =
                entries.iter().map(|(key, one)| (key.encode_utf16().collect(), (key, one))).collect();
            let entries = sorted.values().map(|(key, one)| format!("{}:{}", text(key), canonical(one)));
            format!("{{{}}}", entries.collect::<Vec<_>>().join(","))
        }
        Value::String(string) => text(string),
        Value::Null | Value::Bool(_) | Value::Number(_) => value.to_string(),
    }
}

/// RFC 8785, 3.2.2.2.
fn text(string: &str) -> String {
    let escaped = string.chars().map(|one| match one {
        '\u{8}' => "\\b".to_owned(),
        '\t' => "\\t".to_owned(),
        '\n' => "\\n".to_owned(),
        '\u{c}' => "\\f".to_owned(),
        '\r' => "\\r".to_owned(),
        '"' => "\\\"".to_owned(),
        '\\' => "\\\\".to_owned(),
        low if low < ' ' => format!("\\u{:04x}", u32::from(low)),
        other => other.to_string(),
    });
    format!("\"{}\"", escaped.collect::<String>())
}

/// Three ways to say nothing.
fn nothing(image: &mut Value, field: &str, way: u8) {
    match way {
        0 => drop(image.as_object_mut().unwrap().remove(field)),
        1 => image[field] = Value::Null,
        _ => image[field] = "".into(),
    }
}

const OPTIONAL: [&str; 6] =
    ["Name", "BootMode", "TpmSupport", "VirtualizationType", "RootDeviceType", "RootDeviceName"];

proptest! {
    #[test]
    fn order_and_forms_of_absence_change_nothing(
        gone in subsequence(OPTIONAL.to_vec(), 0..=6),
        ways in proptest::collection::vec((0..3u8, 0..3u8), 6),
        devices in Just(image()["BlockDeviceMappings"].as_array().unwrap().clone()).prop_shuffle(),
        tags in Just(image()["Tags"].as_array().unwrap().clone()).prop_shuffle(),
        state in proptest::option::of("[a-z]{1,9}"),
    ) {
        let (mut one, mut other) = (image(), image());
        for (field, (a, b)) in gone.iter().zip(&ways) {
            nothing(&mut one, field, *a);
            nothing(&mut other, field, *b);
        }
        other["BlockDeviceMappings"] = devices.into();
        other["Tags"] = tags.into();
        other["State"] = state.into();
        other["SomethingNew"] = json!({ "of": ["next", "year"] });
        let (one, other) = (facts(&one).unwrap(), facts(&other).unwrap());
        prop_assert_eq!(one.descriptor.bytes(), other.descriptor.bytes());
        prop_assert_eq!(one.tags, other.tags);
        prop_assert_eq!(one.descriptor == facts(&image()).unwrap().descriptor, gone.iter().all(|one| *one == "TpmSupport"));
    }

    #[test]
    fn the_bytes_are_canonical_and_read_back(
        name in "\\PC{0,20}|[\\x00-\\x7f\u{80}\u{2028}\u{10ffff}]{0,20}",
        device in "\\PC{1,12}",
        size in 0..u32::MAX,
        encrypted: bool,
    ) {
        let mut image = image();
        image["Name"] = name.into();
        image["BlockDeviceMappings"][2] =
            json!({ "DeviceName": device, "Ebs": { "VolumeSize": size, "Encrypted": encrypted } });
        let descriptor = match facts(&image) {
            Err(ImageFault::Descriptor(DescriptorFault::TwoDevices(_))) => return Ok(()),
            facts => facts.unwrap().descriptor,
        };
        let value: Value = serde_json::from_slice(descriptor.bytes()).unwrap();
        let expected = canonical(&value);
        prop_assert_eq!(expected.as_bytes(), descriptor.bytes());
        prop_assert_eq!(Descriptor::parse(descriptor.bytes()).unwrap(), descriptor);
    }

    #[test]
    fn no_bytes_make_a_panic_or_a_second_spelling(at in 0..400usize, gone in 0..9usize, new in "\\PC{0,9}") {
        let good = facts(&image()).unwrap().descriptor;
        let mut bytes = good.bytes().to_vec();
        let at = at.min(bytes.len());
        bytes.splice(at..(at + gone).min(good.bytes().len()), new.bytes());
        if let Ok(read) = Descriptor::parse(&bytes) {
            prop_assert_eq!(read.bytes(), bytes);
            prop_assert_eq!(read.digest() == good.digest(), read == good);
        }
    }
}
