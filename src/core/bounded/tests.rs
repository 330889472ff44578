use proptest::prelude::*;
use serde_json::Value;

use super::*;

const SMALL: Limits = Limits { bytes: 1 << 20, depth: 8 };

fn fault(text: &str) -> JsonFault {
    check(text.as_bytes(), SMALL).unwrap_err()
}

#[test]
fn plain_documents_pass() {
    for text in ["null", "1", "\"x\"", "[]", "{}", r#"{"a":{"a":[{"a":1},{"a":2}]},"b":-1.5e3}"#, " [true] \n"] {
        check(text.as_bytes(), SMALL).unwrap();
    }
}

#[test]
fn duplicate_keys_are_found_at_any_depth_and_under_escapes() {
    for text in [
        r#"{"a":1,"a":1}"#,
        r#"{"x":[{"y":{"a":1,"b":2,"a":3}}]}"#,
        r#"{"a":1,"\u0061":2}"#,
        r#"{"a":{"k":1},"b":{"k":1},"a":0}"#,
    ] {
        assert!(matches!(fault(text), JsonFault::DuplicateKey { .. }), "{text}");
    }
}

#[test]
fn duplicates_are_found_in_large_objects_too() {
    let keys: Vec<String> = (0..100).map(|i| format!("\"k{i}\":{{\"k{i}\":0}}")).collect();
    check(format!("{{{}}}", keys.join(",")).as_bytes(), SMALL).unwrap();
    for twice in [0, 23, 24, 25, 99] {
        let text = format!("{{{},\"k{twice}\":1}}", keys.join(","));
        assert!(matches!(fault(&text), JsonFault::DuplicateKey { .. }), "k{twice}");
    }
}

#[test]
fn depth_is_exact() {
    let nest = |n: usize| format!("{}{}", "[".repeat(n), "]".repeat(n));
    check(nest(8).as_bytes(), SMALL).unwrap();
    assert_eq!(fault(&nest(9)), JsonFault::TooDeep { limit: 8 });
    assert_eq!(fault(&"[".repeat(10_000)), JsonFault::TooDeep { limit: 8 });
    assert_eq!(fault(&"{\"a\":".repeat(10_000)), JsonFault::TooDeep { limit: 8 });
}

#[test]
fn size_is_checked_before_anything_else() {
    let limits = Limits { bytes: 3, depth: 8 };
    check(b"[1]", limits).unwrap();
    assert_eq!(check(b"{{{{", limits).unwrap_err(), JsonFault::TooLarge { found: 4, limit: 3 });
}

#[test]
fn trailing_and_cut_off_text_is_refused() {
    for text in ["", "{", "{\"a\":", "{} {}", "[1]x", "\u{feff}{}", "'a'", "{\"a\":1,}", "NaN", "1e999"] {
        assert!(matches!(fault(text), JsonFault::Syntax(_)), "{text}");
    }
    assert!(matches!(check(b"\"\xff\"", SMALL), Err(JsonFault::Syntax(_))));
}

#[test]
fn shape_comes_after_strictness() {
    assert!(matches!(json::<Vec<u8>>(b"{}", SMALL), Err(JsonFault::Shape(_))));
    assert!(matches!(json::<Vec<u8>>(br#"{"a":1,"a":1}"#, SMALL), Err(JsonFault::DuplicateKey { .. })));
    assert_eq!(json::<Vec<u8>>(b"[1,2]", SMALL).unwrap(), [1, 2]);
}

/// Any JSON, four levels deep.
pub(super) fn values() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "\\PC{0,6}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 60, 30, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            proptest::collection::vec(("[a-c\u{e9}\\\\\"]{1,4}", inner), 0..30)
                .prop_map(|entries| Value::Object(entries.into_iter().collect())),
        ]
    })
}

/// Writes a value with its keys escaped or not; the object numbered `twice` has its last key a second time.
pub(super) fn written(value: &Value, escape: bool, twice: &mut usize) -> String {
    let key_text = |key: &str| match escape {
        true => format!("\"{}\"", key.encode_utf16().map(|unit| format!("\\u{unit:04x}")).collect::<String>()),
        false => Value::from(key).to_string(),
    };
    match value {
        Value::Array(list) => {
            let list: Vec<String> = list.iter().map(|one| written(one, escape, twice)).collect();
            format!("[{}]", list.join(", "))
        }
        Value::Object(entries) => {
            let here = !entries.is_empty() && {
                *twice = twice.wrapping_sub(1);
                *twice == 0
            };
            let again =
                entries.keys().next_back().filter(|_| here).map(|key| format!("{}:0", Value::from(key.as_str())));
            let entries = entries.iter().map(|(key, one)| format!("{}:{}", key_text(key), written(one, escape, twice)));
            format!("{{{}}}", entries.chain(again).collect::<Vec<_>>().join(","))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.to_string(),
    }
}

proptest! {
    #[test]
    fn any_document_passes_as_it_is_and_not_with_a_key_twice(value in values(), escape: bool, object in 1..9usize) {
        let plain = written(&value, escape, &mut 0);
        prop_assert_eq!(check(plain.as_bytes(), SMALL), Ok(()));
        prop_assert_eq!(json::<Value>(plain.as_bytes(), SMALL), Ok(value.clone()));
        let mut left = object;
        let twice = written(&value, escape, &mut left);
        if twice != plain {
            let fault = check(twice.as_bytes(), SMALL);
            prop_assert!(matches!(fault, Err(JsonFault::DuplicateKey { .. })), "{} {:?}", twice, fault);
        }
    }

    #[test]
    fn the_strict_pass_takes_nothing_that_the_parser_refuses(bytes in proptest::collection::vec(any::<u8>(), 0..60)) {
        let strict = check(&bytes, SMALL).is_ok();
        prop_assert!(!strict || serde_json::from_slice::<Value>(&bytes).is_ok());
    }

    #[test]
    fn text_that_looks_like_json_is_read_by_both_or_neither(text in "[\\[\\]{}:,\"0-9a-b.eE+\\- \\\\ntrulfs]{0,24}") {
        let value = serde_json::from_str::<Value>(&text);
        match check(text.as_bytes(), SMALL) {
            Ok(()) => prop_assert!(value.is_ok()),
            Err(JsonFault::DuplicateKey { .. } | JsonFault::TooDeep { .. }) => {}
            Err(_) => prop_assert!(value.is_err(), "{}", text),
        }
    }
}
