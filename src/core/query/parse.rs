//! `NAME`, `TYPE:NAME` or a package URL, and comparisons behind it: text → [`Query`].

use std::str::FromStr;

use packageurl::PackageUrl;

use super::{Bound, Operator, Query, Wanted, contradiction::contradiction};

/// Longer than any question that makes sense.
const LONGEST: usize = 256;
const MOST_BOUNDS: usize = 8;

/// The types of package URLs, which may stand before a name. Others are asked for by `pkg:TYPE/NAME`.
const TYPES: [&str; 30] = [
    "alpm",
    "apk",
    "bitnami",
    "cargo",
    "cocoapods",
    "composer",
    "conan",
    "conda",
    "cpan",
    "cran",
    "deb",
    "docker",
    "gem",
    "generic",
    "github",
    "golang",
    "hackage",
    "hex",
    "luarocks",
    "maven",
    "npm",
    "nuget",
    "oci",
    "otp",
    "pub",
    "pypi",
    "qpkg",
    "rpm",
    "swid",
    "swift",
];

const OPERATORS: [(&str, Operator); 7] = [
    // The longer ones first: one begins another.
    ("<=", Operator::AtMost),
    (">=", Operator::AtLeast),
    ("==", Operator::Equal),
    ("!=", Operator::Not),
    ("<", Operator::Less),
    (">", Operator::More),
    ("=", Operator::Equal),
];

/// Why a text is no question.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("column {column}: expected {expected}, found {found}")]
pub struct QueryFault {
    /// Where, counted from 1.
    pub column: usize,
    /// What may stand there.
    pub expected: String,
    /// What stands there.
    pub found: String,
}

impl FromStr for Query {
    type Err = QueryFault;

    fn from_str(text: &str) -> Result<Self, QueryFault> {
        let odd = |(at, c): &(usize, char)| *at >= LONGEST || !matches!(c, ' '..='~');
        if let Some((at, c)) = text.char_indices().find(odd) {
            let (column, found) = (text.get(..at).unwrap_or_default().chars().count() + 1, format!("{c:?}"));
            let expected = format!("at most {LONGEST} characters, all of them printable ASCII");
            return Err(QueryFault { column, expected, found });
        }
        let mut reader = Reader { text, at: 0 };
        reader.blanks();
        let start = reader.at;
        let package = wanted(reader.word(), start)?;
        let (mut bounds, mut columns) = (Vec::new(), Vec::new());
        reader.blanks();
        while !reader.ended() {
            if bounds.len() == MOST_BOUNDS {
                return Err(reader.fault(format!("at most {MOST_BOUNDS} comparisons")));
            }
            columns.push(reader.at);
            bounds.push(reader.bound()?);
            reader.blanks();
            if reader.ended() {
                break;
            }
            if !reader.take(",") {
                return Err(reader.fault("a comma before another comparison, or the end"));
            }
            reader.blanks();
            if reader.ended() {
                return Err(reader.fault("another comparison behind the comma"));
            }
        }
        let kind = match &package {
            Wanted::Named(_) => None,
            Wanted::Typed { kind, .. } | Wanted::Purl { kind, .. } => Some(kind.as_str()),
        };
        if let Some((at, beside)) = contradiction(kind, &bounds) {
            let (column, found) = (columns.get(at).copied().unwrap_or_default(), bounds.get(at).map(Bound::to_string));
            let expected = format!("a comparison that some version meets together with {beside}");
            return Err(fault(column, expected, &found.unwrap_or_default()));
        }
        let query = Self { package, bounds };
        // What a report shows can be asked again, and a package URL may be spelled longer than it came.
        if query.to_string().len() > LONGEST {
            return Err(fault(
                start,
                format!("at most {LONGEST} characters, with all that a package URL escapes"),
                text,
            ));
        }
        Ok(query)
    }
}

/// A text of ASCII, and how far it was read.
struct Reader<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> Reader<'t> {
    fn rest(&self) -> &'t str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn ended(&self) -> bool {
        self.rest().is_empty()
    }

    fn blanks(&mut self) {
        self.at = self.text.len() - self.rest().trim_start_matches(' ').len();
    }

    fn take(&mut self, expected: &str) -> bool {
        let there = self.rest().starts_with(expected);
        self.at += if there { expected.len() } else { 0 };
        there
    }

    /// Takes what stands before the next blank, comma or operator. An epoch of PEP 440 has an exclamation mark.
    fn word(&mut self) -> &'t str {
        let rest = self.rest();
        let ends = |at: &usize| {
            let rest = rest.get(*at..).unwrap_or_default();
            rest.starts_with([' ', ',', '<', '>', '=']) || rest.starts_with("!=")
        };
        let (word, _) = rest.split_at(rest.char_indices().map(|(at, _)| at).find(ends).unwrap_or(rest.len()));
        self.at += word.len();
        word
    }

    fn bound(&mut self) -> Result<Bound, QueryFault> {
        let operator = OPERATORS.iter().find(|(sign, _)| self.take(sign));
        let Some((sign, operator)) = operator else {
            return Err(self.fault("a comparison (<, <=, =, ==, !=, >, >=) or the end"));
        };
        self.blanks();
        match self.word() {
            "" => Err(self.fault(format!("a version behind {sign}"))),
            version => Ok(Bound { operator: *operator, version: version.to_owned() }),
        }
    }

    fn fault(&self, expected: impl Into<String>) -> QueryFault {
        fault(self.at, expected, self.rest())
    }
}

fn fault(at: usize, expected: impl Into<String>, rest: &str) -> QueryFault {
    let found = if rest.is_empty() { "the end".to_owned() } else { format!("{rest:?}") };
    QueryFault { column: at + 1, expected: expected.into(), found }
}

/// Reads what names a package; it begins at `start`.
fn wanted(word: &str, start: usize) -> Result<Wanted, QueryFault> {
    if word.is_empty() {
        return Err(fault(start, "the name of a package", word));
    }
    // With a comparison behind it, it would be printed as another question.
    if word.ends_with('!') {
        return Err(fault(start + word.len() - 1, "!= without a blank in it, or a name that does not end so", "!"));
    }
    if word.starts_with("pkg:") {
        return purl(word, start);
    }
    let Some((kind, name)) = word.split_once(':') else { return Ok(Wanted::Named(word.to_owned())) };
    let kind = kind.to_ascii_lowercase();
    if !TYPES.contains(&kind.as_str()) {
        let known = "a type before the colon (deb, rpm, apk, npm, pypi, golang, maven, cargo, gem, …) or pkg:TYPE/NAME";
        return Err(fault(start, known, word));
    }
    if name.is_empty() {
        return Err(fault(start + word.len(), format!("the name of a package behind {kind}:"), name));
    }
    Ok(Wanted::Typed { kind, name: name.to_owned() })
}

fn purl(word: &str, start: usize) -> Result<Wanted, QueryFault> {
    if let Some(at) = word.find(['?', '#']) {
        let rest = word.get(at..).unwrap_or_default();
        return Err(fault(start + at, "a comparison or the end: qualifiers and subpaths are not asked for", rest));
    }
    let url = PackageUrl::from_str(word)
        .map_err(|error| fault(start, format!("a package URL (pkg:TYPE/NAMESPACE/NAME; {error})"), word))?;
    if let Some(version) = url.version() {
        let at = word.rfind('@').unwrap_or_default();
        let rest = word.get(at..).unwrap_or_default();
        return Err(fault(start + at, format!("a comparison or the end: write ={version}"), rest));
    }
    let text = closed(&url.to_string());
    // Dots between slashes mean nothing when they are read and are left out when they are written, or the reverse.
    let same = |again: &PackageUrl<'_>| {
        (again.ty(), again.namespace(), again.name()) == (url.ty(), url.namespace(), url.name())
    };
    if !PackageUrl::from_str(&text).is_ok_and(|again| same(&again)) {
        return Err(fault(start, "a package URL that says the same however it is written, without . and ..", word));
    }
    Ok(Wanted::Purl {
        kind: url.ty().to_owned(),
        namespace: url.namespace().map(str::to_owned),
        name: url.name().to_owned(),
        text,
    })
}

/// Package URLs leave some signs as they are that end a word here.
fn closed(url: &str) -> String {
    let sign = |c: char| match c {
        '!' | '<' | '>' | '=' | ',' | ' ' => format!("%{:02X}", u32::from(c)),
        other => other.to_string(),
    };
    url.chars().map(sign).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_question_is_printed_as_it_is_asked_without_blanks() {
        for (text, printed) in [
            ("openssl", "openssl"),
            ("openssl<3.0.14", "openssl<3.0.14"),
            (" openssl >= 3.0 , < 3.0.14 ", "openssl>=3.0,<3.0.14"),
            ("openssl==3", "openssl=3"),
            ("openssl!=3", "openssl!=3"),
            ("openssl>3,<=4", "openssl>3,<=4"),
            ("deb:openssl<1:3.0.14-1~deb12u2", "deb:openssl<1:3.0.14-1~deb12u2"),
            ("NPM:@babel/core=7", "npm:@babel/core=7"),
            ("maven:org.x:core", "maven:org.x:core"),
            ("golang.org/x/net<0.17", "golang.org/x/net<0.17"),
            ("pkg:deb/debian/openssl<3", "pkg:deb/debian/openssl<3"),
            ("pkg:npm/@babel/core", "pkg:npm/%40babel/core"),
            ("pkg:DEB/Debian/OpenSSL", "pkg:deb/debian/openssl"),
            ("pypi:x<1!2.0", "pypi:x<1!2.0"),
            ("libstdc++6", "libstdc++6"),
            ("pkg:deb/debian/a%21=3", "pkg:deb/debian/a%21=3"),
            ("pkg:deb/debian/a%3d%2c%3C%20b%3e<3", "pkg:deb/debian/a%3D%2C%3C%20b%3E<3"),
        ] {
            assert_eq!(text.parse::<Query>().unwrap().to_string(), printed, "{text}");
        }
    }

    #[test]
    fn what_is_wrong_is_told_with_its_column_and_what_was_expected() {
        for (text, column, expected) in [
            ("", 1, "the name of a package"),
            ("  ", 3, "the name of a package"),
            ("<3", 1, "the name of a package"),
            ("openssl<", 9, "a version behind <"),
            ("openssl< ,>1", 10, "a version behind <"),
            ("openssl>=>1", 10, "a version behind >="),
            ("openssl 3", 9, "a comparison"),
            ("openssl,<3", 8, "a comparison"),
            ("openssl<3,", 11, "another comparison behind the comma"),
            ("openssl<3 4", 11, "a comma before another comparison"),
            ("openssl<3>1", 10, "a comma before another comparison"),
            ("openssl~3", 10, ""),
            ("openssl! = 3", 8, "!= without a blank"),
            ("npm:@babel/core! =7", 16, "!= without a blank"),
            ("pkg:deb/debian/openssl! <3", 23, "!= without a blank"),
            ("openssl!", 8, "!= without a blank"),
            ("org.x:core", 1, "pkg:TYPE/NAME"),
            ("deb:", 5, "the name of a package behind deb:"),
            ("deb:<3", 5, "the name of a package behind deb:"),
            ("pkg:deb", 1, "a package URL"),
            ("pkg:deb/debian/openssl@3.0", 23, "write =3.0"),
            ("pkg:deb/debian/openssl?arch=amd64", 23, "qualifiers"),
            ("pkg:golang/x/y#z", 15, "subpaths"),
            ("pkg:generic/./x", 1, "without . and .."),
            ("openssl<3\n", 10, "printable ASCII"),
            ("\u{e9}", 1, "printable ASCII"),
            ("a<1,<1,<1,<1,<1,<1,<1,<1,<1", 26, "at most 8 comparisons"),
        ] {
            match text.parse::<Query>() {
                Ok(query) => assert_eq!((query.to_string().as_str(), expected), (text, "")),
                Err(fault) => {
                    assert_eq!(fault.column, column, "{text}: {fault}");
                    assert!(!expected.is_empty() && fault.to_string().contains(expected), "{text}: {fault}");
                }
            }
        }
        let longest = "a".repeat(LONGEST);
        assert!(longest.parse::<Query>().is_ok());
        assert_eq!(format!("{longest}a").parse::<Query>().unwrap_err().column, LONGEST + 1);
    }

    #[test]
    fn what_would_be_spelled_too_long_to_be_asked_again_is_refused() {
        let package = |escaped: usize| format!("pkg:deb/debian/{}{}", "[".repeat(escaped), "a".repeat(40));
        let spelled = |query: &Query| query.to_string().len();
        let longest = package(67).parse::<Query>().unwrap();
        assert_eq!((spelled(&longest), longest.to_string().parse::<Query>().unwrap()), (LONGEST, longest));
        let fault = package(68).parse::<Query>().unwrap_err();
        assert!(fault.column == 1 && fault.to_string().contains("that a package URL escapes"), "{fault}");
    }

    prop_compose! {
        fn bound()(sign in "<|<=|=|==|!=|>|>=", version in "[0-9a-z.:~^+-]{1,12}") -> String {
            format!("{sign}{version}")
        }
    }

    proptest! {
        #[test]
        fn what_was_read_prints_back_to_the_same(
            package in "[a-z@][a-z0-9+./-]{0,12}|(deb|npm):[a-z@][a-z:/]{0,9}|pkg:(deb|npm)/[a-z]{1,5}(/[a-z]{1,5})?",
            bounds in prop::collection::vec(bound(), 0..MOST_BOUNDS),
        ) {
            match format!("{package}{}", bounds.join(",")).parse::<Query>() {
                Ok(read) => {
                    prop_assert_eq!(read.bounds.len(), bounds.len());
                    prop_assert_eq!(read.to_string().parse::<Query>().unwrap(), read);
                }
                Err(fault) => prop_assert!(fault.expected.contains("together with"), "{}", fault),
            }
        }

        #[test]
        fn no_text_stops_the_program(text in "[a-z:@/<>=!, ~?#%0-9\u{e9}]{0,40}|\\PC{0,40}") {
            match text.parse::<Query>() {
                Ok(query) => prop_assert_eq!(query.to_string().parse::<Query>().unwrap(), query),
                Err(fault) => prop_assert!(fault.column <= text.chars().count() + 1),
            }
        }
    }
}
