//! Texts that are not JSON, after the names of JSONTestSuite's `n_` files: the strict passes refuse each, and none of
//! them stops the program. And a few that are JSON, so that it is not refused for nothing.

use goldseal_core::bounded::{JsonFault, Limits, check, stream::read};
use serde::de::IgnoredAny;

const LIMITS: Limits = Limits { bytes: 1 << 20, depth: 32 };

const NOT_JSON: &[(&str, &[u8])] = &[
    ("nothing", b""),
    ("white space only", b" \n\t\r"),
    ("byte order mark", b"\xef\xbb\xbf[]"),
    ("byte order mark alone", b"\xef\xbb\xbf"),
    ("utf-16", b"\xff\xfe[\0]\0"),
    ("form feed", b"[\x0c]"),
    ("no-break space", b"[\xc2\xa0]"),
    ("nul", b"[\0]"),
    ("nul after", b"[]\0"),
    ("array: open", b"["),
    ("array: open with value", b"[1"),
    ("array: open after comma", b"[1,"),
    ("array: closed twice", b"[]]"),
    ("array: closed by brace", b"[1}"),
    ("array: comma only", b"[,]"),
    ("array: comma first", b"[,1]"),
    ("array: comma last", b"[1,]"),
    ("array: two commas", b"[1,,2]"),
    ("array: no comma", b"[1 2]"),
    ("array: colon", b"[\"a\":1]"),
    ("array: semicolon", b"[1;2]"),
    ("object: open", b"{"),
    ("object: key only", b"{\"a\""),
    ("object: no value", b"{\"a\":"),
    ("object: no value, closed", b"{\"a\":}"),
    ("object: no colon", b"{\"a\" 1}"),
    ("object: two colons", b"{\"a\"::1}"),
    ("object: comma for colon", b"{\"a\",1}"),
    ("object: comma first", b"{,\"a\":1}"),
    ("object: comma last", b"{\"a\":1,}"),
    ("object: two commas", b"{\"a\":1,,\"b\":2}"),
    ("object: bare key", b"{a:1}"),
    ("object: key in single quotes", b"{'a':1}"),
    ("object: key is a number", b"{1:1}"),
    ("object: key is null", b"{null:1}"),
    ("object: closed by bracket", b"{\"a\":1]"),
    ("object: two on one line", b"{} {}"),
    ("object: comment", b"{/**/}"),
    ("object: comment to the end of the line", b"{}//"),
    ("object: hash comment", b"{}#"),
    ("number: plus", b"+1"),
    ("number: minus only", b"-"),
    ("number: two minuses", b"--1"),
    ("number: leading zero", b"01"),
    ("number: negative leading zero", b"-01"),
    ("number: point first", b".5"),
    ("number: point last", b"1."),
    ("number: point then exponent", b"1.e1"),
    ("number: two points", b"1.2.3"),
    ("number: exponent without digits", b"1e"),
    ("number: exponent sign only", b"1e+"),
    ("number: exponent with point", b"1e1.5"),
    ("number: hexadecimal", b"0x1"),
    ("number: octal", b"0o7"),
    ("number: underscore", b"1_000"),
    ("number: NaN", b"NaN"),
    ("number: Infinity", b"Infinity"),
    ("number: minus Infinity", b"-Infinity"),
    ("number: full-width digit", b"\xef\xbc\x91"),
    ("number: beyond a double", b"1e400"),
    ("string: open", b"\"a"),
    ("string: open after escape", b"\"a\\"),
    ("string: single quotes", b"'a'"),
    ("string: curly quotes", b"\xe2\x80\x9ca\xe2\x80\x9d"),
    ("string: raw newline", b"\"a\nb\""),
    ("string: raw tab", b"\"a\tb\""),
    ("string: raw nul", b"\"a\0b\""),
    ("string: unknown escape", b"\"\\a\""),
    ("string: escape of a letter beyond ASCII", b"\"\\\xc3\xa9\""),
    ("string: hexadecimal escape", b"\"\\x41\""),
    ("string: short unicode escape", b"\"\\u004\""),
    ("string: unicode escape with a sign", b"\"\\u+041\""),
    ("string: upper-case U", b"\"\\U0041\""),
    ("string: high surrogate alone", b"\"\\ud800\""),
    ("string: low surrogate alone", b"\"\\udc00\""),
    ("string: high surrogate twice", b"\"\\ud800\\ud800\""),
    ("string: surrogates swapped", b"\"\\udc00\\ud800\""),
    ("string: half an escape after a surrogate", b"\"\\ud800\\u\""),
    ("string: surrogate in a key", b"{\"\\ud800\":1}"),
    ("string: utf-8 surrogate", b"\"\xed\xa0\x80\""),
    ("string: utf-8 overlong slash", b"\"\xc0\xaf\""),
    ("string: utf-8 overlong nul", b"\"\xe0\x80\x80\""),
    ("string: utf-8 beyond unicode", b"\"\xf4\xbf\xbf\xbf\""),
    ("string: utf-8 cut", b"\"\xe2\x82\""),
    ("string: utf-8 continuation alone", b"\"\x80\""),
    ("string: latin-1", b"\"\xe9\""),
    ("string: latin-1 in a key", b"{\"\xe9\":1}"),
    ("string: text after", b"\"a\"b"),
    ("word: True", b"True"),
    ("word: TRUE", b"TRUE"),
    ("word: tru", b"tru"),
    ("word: nul", b"nul"),
    ("word: truex", b"truex"),
    ("word: undefined", b"undefined"),
    ("word: bare", b"bare"),
    ("markup", b"<a/>"),
    ("yaml", b"a: 1"),
    ("a table", b"NAME  INSTALLED  FIXED-IN"),
];

const JSON: &[&[u8]] = &[
    b"[]",
    b"{}",
    b"\"\"",
    b"0",
    b"-0",
    b"-0.0",
    b"1E+2",
    b"true",
    b"false",
    b"null",
    b" [ ] ",
    b"\r\n[1]\t",
    b"{\"\":0}",
    b"\"\\u0000\"",
    b"\"\\ud83d\\ude00\"",
    b"\"\x7f\"",
    b"\"\xe2\x80\xa8\"",
    b"\"\xef\xbf\xbf\"",
    b"123456789012345678901234567890",
    b"1e-400",
    b"{\"a\":1,\"A\":2}",
    b"{\"\xc3\xa9\":1,\"e\xcc\x81\":2}",
];

#[test]
fn what_is_not_json_is_refused() {
    for (name, text) in NOT_JSON {
        let fault = check(text, LIMITS);
        assert!(matches!(fault, Err(JsonFault::Syntax(_))), "{name}: {fault:?}");
        assert!(read::<IgnoredAny>(*text, LIMITS).is_err(), "{name}, from a stream");
    }
    println!("malformed: {} refused", NOT_JSON.len());
}

#[test]
fn what_is_json_is_taken() {
    for text in JSON {
        assert_eq!(check(text, LIMITS), Ok(()), "{}", String::from_utf8_lossy(text));
        assert!(read::<IgnoredAny>(*text, LIMITS).is_ok(), "{}, from a stream", String::from_utf8_lossy(text));
    }
}

/// Wherever a good document is cut, or a byte of it is another one, the answer is an answer.
#[test]
fn cuts_and_changes_never_stop_the_program() {
    let text = br#"{"a":[1,-2.5e3,"x\u00e9\n",{"b":null,"c":[true,false]}],"":{"":""}}"#;
    for end in 0..text.len() {
        assert!(check(&text[..end], LIMITS).is_err(), "cut at {end}");
        for byte in 0..=u8::MAX {
            let mut changed = text.to_vec();
            changed[end] = byte;
            let streamed = read::<IgnoredAny>(changed.as_slice(), LIMITS).is_ok();
            assert_eq!(check(&changed, LIMITS).is_ok(), streamed, "{}", String::from_utf8_lossy(&changed));
        }
    }
}

#[test]
fn depth_and_width_never_stop_the_program() {
    for (open, close) in [("[", "]"), ("{\"a\":", "}"), ("[{\"a\":", "}]")] {
        for levels in [33, 127, 128, 129, 10_000, 100_000] {
            let text = format!("{}1{}", open.repeat(levels), close.repeat(levels));
            assert_eq!(check(text.as_bytes(), LIMITS), Err(JsonFault::TooDeep { limit: 32 }), "{levels} of {open}");
        }
    }
    let wide = format!("[{}0]", "[],".repeat(100_000));
    assert_eq!(check(wide.as_bytes(), LIMITS), Ok(()));
    let digits = "9".repeat(100_000);
    assert!(check(digits.as_bytes(), LIMITS).is_err(), "beyond a double");
    assert_eq!(check(format!("0.{digits}").as_bytes(), LIMITS), Ok(()));
    assert_eq!(check(format!("\"{}\"", "\\u00e9".repeat(50_000)).as_bytes(), LIMITS), Ok(()));
}
