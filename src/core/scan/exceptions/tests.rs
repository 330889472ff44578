use jsonschema::Validator;
use serde_json::Value;

use super::*;
use crate::document::Problem;

const GOOD: &str = r#"# accepted

[[exception]]
id = "CVE-2026-90005"
package = "tar"
owner = "security@example.com"
justification = "no fix yet"
expires = 2026-12-31
ticket = "SEC-1482"

[[exception]]
id = "GHSA-xxxx"
package = "pkg:deb/debian/libstdc++6?arch=amd64"
owner = "ops"
justification = "not reachable"
expires = 2026-12-31T12:00:00+02:00
"#;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn problems(text: &str) -> Vec<Problem> {
    compile("exceptions.toml", text).map(|_| Vec::new()).unwrap_or_else(|problems| problems.0)
}

/// Asserts that a replacement in the good document makes exactly this problem.
fn one_problem(from: &str, to: &str, place: (usize, usize), key: &str, message: &str) {
    let text = GOOD.replacen(from, to, 1);
    assert_ne!(text, GOOD, "{from}");
    let told = problems(&text);
    let [problem] = told.as_slice() else { panic!("{from} -> {to}: {told:?}") };
    assert_eq!((problem.line, problem.column, problem.key.as_str()), (place.0, place.1, key), "{problem}");
    assert!(problem.message.contains(message), "{problem}");
    assert!(problem.to_string().starts_with(&format!("exceptions.toml:{}:{}: {key}: ", place.0, place.1)));
}

#[test]
fn exceptions_are_read_as_they_stand() {
    let read = compile("exceptions.toml", GOOD).unwrap();
    let first = Exception {
        line: 3,
        id: "CVE-2026-90005".into(),
        package: Selector::Name("tar".into()),
        owner: "security@example.com".into(),
        justification: "no fix yet".into(),
        expires: at("2027-01-01T00:00:00Z"),
        ticket: Some("SEC-1482".into()),
    };
    let [one, two] = read.entries() else { panic!("{read:?}") };
    assert_eq!(*one, first, "a day is valid to its end");
    assert_eq!((two.line, two.expires, two.ticket.as_deref()), (11, at("2026-12-31T10:00:00Z"), None));
    assert_eq!(two.package.to_string(), "pkg:deb/debian/libstdc++6?arch=amd64");
}

#[test]
fn a_document_without_exceptions_has_none() {
    for empty in ["", "# nothing accepted\n", "exception = []\n"] {
        assert_eq!(compile("e", empty).unwrap(), Exceptions::default(), "{empty}");
    }
    let inline =
        r#"exception = [{ id = "CVE-1", package = "a", owner = "b", justification = "c", expires = 2026-01-01 }]"#;
    assert_eq!(compile("e", inline).unwrap().entries().len(), 1);
}

#[test]
fn every_key_is_needed_but_the_ticket() {
    for (line, key) in [
        ("id = \"CVE-2026-90005\"\n", "id"),
        ("package = \"tar\"\n", "package"),
        ("owner = \"security@example.com\"\n", "owner"),
        ("justification = \"no fix yet\"\n", "justification"),
        ("expires = 2026-12-31\n", "expires"),
    ] {
        one_problem(line, "", (3, 1), &format!("exception[0].{key}"), "required");
    }
    assert_eq!(problems(&GOOD.replacen("ticket = \"SEC-1482\"\n", "", 1)), []);
    assert_eq!(problems("[[exception]]\n").len(), 5, "all at once");
}

#[test]
fn a_key_says_something() {
    for (line, column, value, key) in [
        (4, 6, "\"CVE-2026-90005\"", "id"),
        (5, 11, "\"tar\"", "package"),
        (6, 9, "\"security@example.com\"", "owner"),
        (7, 17, "\"no fix yet\"", "justification"),
        (9, 10, "\"SEC-1482\"", "ticket"),
    ] {
        let key = format!("exception[0].{key}");
        for empty in ["\"\"", "\" \\t \"", "'''\n'''"] {
            one_problem(value, empty, (line, column), &key, "empty");
        }
        one_problem(value, "7", (line, column), &key, "expected a string");
    }
}

#[test]
fn an_unknown_key_does_not_hide_other_problems() {
    let text = GOOD.replacen("ticket", "tickets", 1) + "\n[settings]\nx = 1\n\n[[exceptions]]\nid = \"CVE-1\"\n";
    let told = problems(&text);
    let keys: Vec<(usize, &str)> = told.iter().map(|one| (one.line, one.key.as_str())).collect();
    assert_eq!(keys, [(9, "exception[0].tickets"), (18, "settings"), (21, "exceptions")]);
    assert!(told[0].message.contains("known here: expires, id, justification, owner, package, ticket"), "{}", told[0]);
    assert!(told[2].message.contains("unknown key; known here: exception"), "{}", told[2]);
    for (text, key) in [
        ("[exception]\nid = \"x\"\n", "exception"),
        ("exception = 1\n", "exception"),
        ("exception = [1]\n", "exception[0]"),
    ] {
        let told = problems(text);
        assert_eq!((told.len(), told[0].key.as_str()), (1, key), "{told:?}");
    }
}

#[test]
fn an_end_is_a_date_without_quotes_or_an_instant() {
    let wrong = |to: &str, message: &str| {
        one_problem("2026-12-31\n", &format!("{to}\n"), (8, 11), "exception[0].expires", message);
    };
    for other in ["\"2026-12-31\"", "\"never\"", "20261231", "true", "[2026-12-31]", "{ day = 2026-12-31 }"] {
        wrong(other, "expected a date, without quotes, as in expires = 2026-12-31");
    }
    wrong("2026-12-31T12:00:00", "could be any of several instants");
    wrong("12:00:00", "could be any of several instants");
    wrong("9999-12-31", "no day that ends");
    wrong("9999-12-31T23:59:59Z", "no instant");
    for (written, end) in [
        ("2026-02-28", "2026-03-01T00:00:00Z"),
        ("2028-02-28", "2028-02-29T00:00:00Z"),
        ("2026-12-31T23:59:59.5Z", "2026-12-31T23:59:59.5Z"),
        ("2026-12-31 00:00:00-05:00", "2026-12-31T05:00:00Z"),
        ("1999-01-01", "1999-01-02T00:00:00Z"),
    ] {
        let read = compile("e", &GOOD.replacen("2026-12-31\n", &format!("{written}\n"), 1)).unwrap();
        assert_eq!(read.entries()[0].expires, at(end), "{written}");
    }
    for impossible in ["2026-13-01", "2026-02-30", "2026-00-10"] {
        let told = problems(&GOOD.replacen("2026-12-31\n", &format!("{impossible}\n"), 1));
        assert_eq!((told.len(), told[0].line), (1, 8), "{impossible}: {told:?}");
    }
}

#[test]
fn an_id_is_one_word_and_no_pattern() {
    for (id, message) in [
        ("CVE-2026-1 CVE-2026-2", "has blanks in it"),
        (" CVE-2026-1", "has blanks in it"),
        ("CVE-2026-1\\u0000", "has blanks in it"),
        ("CVE-2026-*", "looks like a pattern"),
        ("CVE-2026-.+", "looks like a pattern"),
    ] {
        one_problem("\"CVE-2026-90005\"", &format!("\"{id}\""), (4, 6), "exception[0].id", message);
    }
}

#[test]
fn a_package_is_one_package() {
    for (package, message) in
        [("lib.*", "looks like a pattern"), ("pkg:deb", "is not a package URL"), ("tar ", "blanks around it")]
    {
        one_problem("\"tar\"", &format!("\"{package}\""), (5, 11), "exception[0].package", message);
    }
}

#[test]
fn two_exceptions_for_one_finding_are_told_with_both_lines() {
    let again = |package: &str, id: &str, rest: &str| {
        let text = format!("{GOOD}\n[[exception]]\nid = \"{id}\"\npackage = \"{package}\"\n{rest}");
        let told = problems(&text).into_iter().filter(|one| one.message.contains("already"));
        told.map(|one| (one.line, one.key, one.message)).collect::<Vec<_>>()
    };
    let rest = "owner = \"a\"\njustification = \"b\"\nexpires = 2027-01-01\n";
    let twice = |of: &str, line: usize| {
        let message = format!("{of} has an exception already, in line {line}");
        vec![(18, "exception[2]".to_owned(), message)]
    };
    assert_eq!(again("tar", "CVE-2026-90005", rest), twice("CVE-2026-90005 in tar", 3));
    assert_eq!(again("tar", "CVE-2026-90005", ""), twice("CVE-2026-90005 in tar", 3), "with other problems too");
    let purl = "pkg:deb/Debian/libstdc%2B%2B6?arch=amd64";
    assert_eq!(again(purl, "GHSA-xxxx", rest), twice(&format!("GHSA-xxxx in {purl}"), 11));
    for (package, id) in [
        ("tar", "CVE-2026-90006"),
        ("bsdtar", "CVE-2026-90005"),
        ("pkg:deb/debian/tar", "CVE-2026-90005"),
        ("pkg:deb/debian/libstdc++6", "GHSA-xxxx"),
    ] {
        assert_eq!(again(package, id, rest), [], "{package} {id}");
    }
}

#[test]
fn all_problems_of_all_entries_are_told_at_once() {
    let text = "[[exception]]\nid = \"a b\"\npackage = \"x*\"\nowner = \"\"\nexpires = \"soon\"\nwhy = \"x\"\n\n\
                [[exception]]\nid = 7\npackage = \"y\"\nowner = \"o\"\njustification = \"j\"\nexpires = 2026-01-01T00:00:00\n";
    let told = problems(text);
    let keys: Vec<(usize, &str)> = told.iter().map(|one| (one.line, one.key.as_str())).collect();
    assert_eq!(
        keys,
        [
            (1, "exception[0].justification"),
            (2, "exception[0].id"),
            (3, "exception[0].package"),
            (4, "exception[0].owner"),
            (5, "exception[0].expires"),
            (6, "exception[0].why"),
            (9, "exception[1].id"),
            (13, "exception[1].expires"),
        ],
        "{told:?}"
    );
}

#[test]
fn what_is_not_toml_is_told_by_line() {
    for (text, line) in [("[[exception]]\nid = CVE-1\n", 2), ("{\"exception\":[]}", 1), ("id = \"a\"\nid = \"b\"\n", 2)]
    {
        let told = problems(text);
        assert!(!told.is_empty() && told.iter().all(|one| one.line == line), "{text}: {told:?}");
    }
    let large = "#".repeat((1 << 20) + 1);
    assert!(problems(&large)[0].message.contains("more than the 1048576"));
}

/// The document as an editor sees it: a date is a string there.
fn as_json(text: &str) -> Value {
    fn json(value: toml::Value) -> Value {
        match value {
            toml::Value::Datetime(date) => date.to_string().into(),
            toml::Value::Array(list) => list.into_iter().map(json).collect(),
            toml::Value::Table(table) => table.into_iter().map(|(key, value)| (key, json(value))).collect(),
            toml::Value::String(_) | toml::Value::Integer(_) | toml::Value::Float(_) | toml::Value::Boolean(_) => {
                serde_json::to_value(value).unwrap()
            }
        }
    }
    json(text.parse::<toml::Table>().map(toml::Value::Table).unwrap())
}

#[test]
fn the_schema_has_the_same_opinion_as_far_as_a_schema_can() {
    let validator: Validator = jsonschema::options().should_validate_formats(true).build(&schema()).unwrap();
    let valid = |text: &str| validator.is_valid(&as_json(text));
    assert!(valid(GOOD) && valid(""));
    for (from, to) in [
        ("owner = \"security@example.com\"\n", ""),
        ("id = \"CVE-2026-90005\"\n", ""),
        ("package = \"tar\"\n", ""),
        ("justification = \"no fix yet\"\n", ""),
        ("expires = 2026-12-31\n", ""),
        ("ticket", "tickets"),
        ("\"tar\"", "\"\""),
        ("\"tar\"", "7"),
        ("2026-12-31\n", "\"soon\"\n"),
        ("2026-12-31\n", "2026-12-31T12:00:00\n"),
        ("[[exception]]", "[[exceptions]]"),
    ] {
        let text = GOOD.replacen(from, to, 1);
        assert!(!valid(&text) && !problems(&text).is_empty(), "{from} -> {to}");
    }
    assert!(valid(&GOOD.replacen("ticket = \"SEC-1482\"\n", "", 1)));
}
