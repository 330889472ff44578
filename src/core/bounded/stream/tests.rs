use proptest::prelude::*;
use serde::de::IgnoredAny;
use serde_json::Value;

use super::*;
use crate::bounded::{check, json};

const SMALL: Limits = Limits { bytes: 1 << 20, depth: 8 };

fn ignored(text: &str) -> Result<Streamed<IgnoredAny>, StreamFault> {
    read(text.as_bytes(), SMALL)
}

fn fault<T: DeserializeOwned + fmt::Debug>(text: &str) -> StreamFault {
    read::<T>(text.as_bytes(), SMALL).unwrap_err()
}

/// Gives so many bytes at a time at most.
struct Pieces<'b>(&'b [u8], usize);

impl Read for Pieces<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.1.min(buffer.len());
        self.0.read(&mut buffer[..length])
    }
}

#[derive(Debug, PartialEq, Deserialize)]
struct Part {
    a: u8,
    b: Option<Inner>,
}

#[derive(Debug, PartialEq, Deserialize)]
struct Inner {
    word: Word,
    #[serde(default, deserialize_with = "sum")]
    sum: Option<u64>,
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Word {
    FirstOne,
    Second(u8),
}

fn sum<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    fold(deserializer, 0, |sum, one: u64| *sum += one)
}

#[test]
fn a_document_is_read_with_its_digest_and_size() {
    let text = " {\"x\":[{\"y\":1e5}],\"a\":1,\"b\":{\"word\":\"first-one\",\"sum\":[1,2,3]}}\n\t ";
    let read: Streamed<Part> = read(text.as_bytes(), SMALL).unwrap();
    assert_eq!(read.value, Part { a: 1, b: Some(Inner { word: Word::FirstOne, sum: Some(6) }) });
    assert_eq!((read.sha256, read.bytes), (Sha256Digest::of(text.as_bytes()), text.len() as u64));
}

#[test]
fn what_is_null_or_absent_is_none() {
    for (text, b) in [
        (r#"{"a":1,"b":null}"#, None),
        (r#"{"a":1}"#, None),
        (r#"{"a":1,"b":{"word":"first-one","sum":null}}"#, Some(Inner { word: Word::FirstOne, sum: None })),
        (r#"{"a":1,"b":{"word":"first-one","sum":[]}}"#, Some(Inner { word: Word::FirstOne, sum: Some(0) })),
    ] {
        assert_eq!(read::<Part>(text.as_bytes(), SMALL).unwrap().value, Part { a: 1, b }, "{text}");
    }
}

#[test]
fn other_shapes_are_refused_where_they_stand() {
    for text in [
        r#"{"a":256}"#,
        r#"{"a":null}"#,
        "{}",
        r#"{"a":1,"b":[]}"#,
        r#"{"a":1,"b":{"word":"first"}}"#,
        r#"{"a":1,"b":{"word":{"second":1}}}"#,
        r#"{"a":1,"b":{"word":"second"}}"#,
        r#"{"a":1,"b":{"word":"first-one","sum":{}}}"#,
    ] {
        let StreamFault::Json(JsonFault::Shape(why)) = fault::<Part>(text) else { panic!("{text}") };
        assert!(why.contains("at line 1 column"), "{text}: {why}");
    }
    assert!(matches!(fault::<Box<serde_json::value::RawValue>>("{}"), StreamFault::Json(JsonFault::Shape(_))));
}

#[test]
fn structs_are_objects_at_every_level() {
    assert!(matches!(fault::<Vec<Part>>(r#"[[1,null]]"#), StreamFault::NotAnObject { .. }));
    for text in [r#"{"a":1,"b":["first-one",null]}"#, r#" {"b":["first-one",[1]],"a":1}"#] {
        assert!(matches!(fault::<Part>(text), StreamFault::Json(JsonFault::Shape(_))), "{text}");
    }
}

#[test]
fn duplicate_keys_are_found_in_what_is_read_and_in_what_is_ignored() {
    for (text, twice) in [
        (r#"{"a":1,"a":1}"#, "a"),
        (r#"{"x":[{"y":{"k":1,"l":2,"k":3}}],"a":1}"#, "k"),
        (r#"{"a":1,"x":{"k":1,"\u006b":2}}"#, "k"),
        (r#"{"a":1,"x":{"k":{"m":0}},"y":{"k":1},"x":0}"#, "x"),
        (r#"{"a":1,"b":{"word":"first-one","z":{"":1,"":2}}}"#, ""),
        (r#"{"a":1,"b":{"word":"first-one","word":"first-one"}}"#, "word"),
        (r#"{"a":1,"x":{"k":1,"kk":2,"k":3}}"#, "k"),
    ] {
        let found = fault::<Part>(text);
        assert!(
            matches!(&found, StreamFault::Json(JsonFault::DuplicateKey { key, line: 1, .. }) if key == twice),
            "{text}: {found:?}"
        );
        assert!(matches!(fault::<Value>(text), StreamFault::Json(JsonFault::DuplicateKey { .. })), "{text}");
    }
    ignored(r#"{"ab":{"a":1,"b":2},"a":{"bab":1,"ab":2},"b":{"":{}},"":{"a":0}}"#).unwrap();
}

#[test]
fn duplicates_are_found_in_large_objects_too() {
    let keys: Vec<String> = (0..100).map(|i| format!("\"k{i}\":{{\"k{i}\":0}}")).collect();
    for count in [23, 24, 25, 26, 100] {
        let keys = keys[..count].join(",");
        ignored(&format!("{{{keys},\"end\":{{{keys}}}}}")).unwrap();
        for twice in [0, count / 2, count - 1] {
            let text = format!("{{{keys},\"k{twice}\":1}}");
            assert!(matches!(ignored(&text), Err(StreamFault::Json(JsonFault::DuplicateKey { .. }))), "{text}");
        }
    }
}

#[test]
fn depth_is_exact() {
    let nest = |n: usize| format!("{{\"a\":{}{}}}", "[".repeat(n - 1), "]".repeat(n - 1));
    ignored(&nest(8)).unwrap();
    ignored(&format!("[{0},{0},{0}]", nest(7))).unwrap();
    for text in [nest(9), "[".repeat(10_000), "{\"a\":".repeat(10_000)] {
        assert!(matches!(ignored(&text), Err(StreamFault::Json(JsonFault::TooDeep { limit: 8 }))), "{text}");
    }
}

#[test]
fn size_is_exact_and_blanks_count() {
    let limits = Limits { bytes: 100_000, depth: 8 };
    let text = |bytes: usize| format!("[1]{}", " ".repeat(bytes - 3));
    assert_eq!(read::<IgnoredAny>(text(100_000).as_bytes(), limits).unwrap().bytes, 100_000);
    for bytes in [100_001, 200_000] {
        let found = read::<IgnoredAny>(text(bytes).as_bytes(), limits).unwrap_err();
        assert!(matches!(found, StreamFault::TooLarge { limit: 100_000 }), "{found:?}");
    }
    assert!(matches!(read::<IgnoredAny>(io::repeat(b' '), limits), Err(StreamFault::TooLarge { .. })));
    let exact = read::<IgnoredAny>("{} x".as_bytes(), Limits { bytes: 4, depth: 8 });
    assert!(matches!(exact, Err(StreamFault::Json(JsonFault::Syntax(_)))), "{exact:?}");
}

#[test]
fn only_blanks_may_follow_the_document() {
    for text in ["{} {}", "{}x", "{}\0", "{},"] {
        assert!(matches!(ignored(text), Err(StreamFault::Json(JsonFault::Syntax(_)))), "{text}");
    }
    let far = format!("{{}}{}x", " ".repeat(3 * CHUNK));
    assert!(matches!(ignored(&far), Err(StreamFault::Json(JsonFault::Syntax(_)))));
}

#[test]
fn what_is_not_json_is_told_by_how_it_begins() {
    for (text, begins) in [
        ("\nNAME  INSTALLED  FIXED IN  TYPE  VULNERABILITY\nopenssl", "NAME  INSTALLED  FIXED IN  TYPE  VULNERA"),
        ("nginx (debian 12)\n=====", "nginx (debian 12)"),
        ("<bom/>", "<bom/>"),
        ("[{}", "[{}"),
        ("\u{feff}{}", "\u{feff}{}"),
        ("1 2", "1 2"),
    ] {
        assert!(matches!(fault::<Part>(text), StreamFault::NotAnObject { starts } if starts == begins), "{text}");
    }
    let word = format!("{:?}", "x".repeat(100));
    for piece in [1, HEAD - 1, HEAD, HEAD + 1] {
        let found = read::<Part>(Pieces(word.as_bytes(), piece), SMALL);
        assert!(matches!(found, Err(StreamFault::NotAnObject { starts }) if starts == word[..HEAD]), "{piece}");
    }
    for empty in [" ", "\n\n\t"] {
        assert!(matches!(fault::<Part>(empty), StreamFault::Json(JsonFault::Syntax(_))), "{empty:?}");
    }
    assert!(matches!(fault::<Part>(""), StreamFault::Empty));
    assert!(matches!(fault::<Part>("{\"a\":"), StreamFault::Json(JsonFault::Syntax(_))));
}

#[test]
fn failures_of_the_reader_stay_what_they_are() {
    let broken = br#"{"a":1,"#.chain(Broken);
    let StreamFault::Io(error) = read::<Part>(broken, SMALL).unwrap_err() else { panic!("an I/O failure") };
    assert_eq!((error.kind(), error.to_string().as_str()), (io::ErrorKind::PermissionDenied, "no more"));
    let after = br#"{"a":1}"#.chain(Broken);
    assert!(matches!(read::<Part>(after, SMALL), Err(StreamFault::Io(_))), "the end of the document is not the end");
}

struct Broken;

impl Read for Broken {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        Err(io::Error::new(io::ErrorKind::PermissionDenied, "no more"))
    }
}

/// JSON and what is nearly JSON.
fn texts() -> impl Strategy<Value = Vec<u8>> {
    let values = crate::bounded::tests::values().prop_map(|value| value.to_string());
    let near = "[\\[\\]{}:,\"0-9a-b.eE+\\- \\\\ntrulfs]{0,24}";
    let change = (any::<prop::sample::Index>(), prop_oneof![Just(b'"'), Just(b'\\'), Just(b'0'), any::<u8>()]);
    (prop_oneof![4 => values, 1 => near], prop::collection::vec(change, 0..3)).prop_map(|(text, changes)| {
        let mut bytes = text.into_bytes();
        for (place, byte) in changes {
            if !bytes.is_empty() {
                let place = place.index(bytes.len());
                bytes[place] = byte;
            }
        }
        bytes
    })
}

proptest! {
    #[test]
    fn what_is_streamed_and_what_is_read_from_memory_is_the_same(bytes in texts(), piece in 1..70usize) {
        let whole = json::<Value>(&bytes, SMALL);
        match read::<Value>(Pieces(&bytes, piece), SMALL) {
            Ok(streamed) => {
                prop_assert_eq!(streamed.sha256, Sha256Digest::of(&bytes));
                prop_assert_eq!(Ok(streamed.value), whole);
            }
            Err(fault) => prop_assert!(whole.is_err(), "{} {:?}", String::from_utf8_lossy(&bytes), fault),
        }
        let skipped = read::<IgnoredAny>(Pieces(&bytes, piece), SMALL);
        prop_assert_eq!(skipped.is_ok(), check(&bytes, SMALL).is_ok(), "{}", String::from_utf8_lossy(&bytes));
    }

    #[test]
    fn a_key_twice_is_refused_whatever_the_pieces(
        value in crate::bounded::tests::values(), escape: bool, object in 1..9usize, piece in 1..70usize
    ) {
        let mut left = object;
        let twice = crate::bounded::tests::written(&value, escape, &mut left);
        let found = read::<IgnoredAny>(Pieces(twice.as_bytes(), piece), SMALL);
        if left == 0 || left > object {
            let duplicate = matches!(&found, Err(StreamFault::Json(JsonFault::DuplicateKey { .. })));
            prop_assert!(duplicate, "{} {:?}", twice, found);
        } else {
            prop_assert!(found.is_ok(), "{} {:?}", twice, found);
        }
    }
}
