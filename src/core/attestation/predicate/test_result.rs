//! Tests that ran on a machine ⇄ the in-toto test result ([test-result v0.1]).
//!
//! The result follows from the tests and is never given: one that failed fails all, one that was skipped is a warning,
//! and a run of nothing failed. Reading asks for the same: a word that says PASSED beside tests that say otherwise, or
//! beside no tests at all, is not a pass. Fields that others add are not looked at.
//!
//! [test-result v0.1]: https://github.com/in-toto/attestation/blob/main/spec/predicates/test-result.md

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::digest::Sha256Digest;

/// The predicate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TestResult {
    result: Outcome,
    configuration: Vec<Configuration>,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<String>,
    #[serde(default)]
    passed_tests: Vec<String>,
    #[serde(default)]
    warned_tests: Vec<String>,
    #[serde(default)]
    failed_tests: Vec<String>,
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Outcome {
    /// Every test passed.
    Passed,
    /// No test failed, but not every one was run.
    Warned,
    /// A test failed, or there was none.
    Failed,
}

/// A file that says what was tested or how it went: a ResourceDescriptor of in-toto.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Configuration {
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(default)]
    digest: BTreeMap<String, String>,
}

impl Configuration {
    /// Names a file and its bytes.
    pub fn new(name: &str, bytes: &[u8]) -> Self {
        let digest = BTreeMap::from([("sha256".to_owned(), Sha256Digest::of(bytes).to_string())]);
        Self { name: Some(name.to_owned()), digest }
    }
}

/// The names of the tests of one run, by how they went.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Ran {
    /// Passed.
    pub passed: Vec<String>,
    /// Not run.
    pub skipped: Vec<String>,
    /// Failed.
    pub failed: Vec<String>,
}

impl TestResult {
    /// Says how a run went, under which configuration, and where more of it can be seen. The order of the tests does not
    /// matter: harnesses run them side by side.
    pub fn new(ran: Ran, configuration: Vec<Configuration>, url: Option<String>) -> Self {
        let Ran { mut passed, mut skipped, mut failed } = ran;
        for names in [&mut passed, &mut skipped, &mut failed] {
            names.sort();
        }
        let result = match (passed.is_empty(), skipped.is_empty(), failed.is_empty()) {
            (_, _, false) | (true, true, true) => Outcome::Failed,
            (_, false, true) => Outcome::Warned,
            (false, true, true) => Outcome::Passed,
        };
        Self { result, configuration, url, passed_tests: passed, warned_tests: skipped, failed_tests: failed }
    }

    /// Says whether tests ran, under a configuration that is named, and every one passed.
    pub fn passed(&self) -> bool {
        self.result == Outcome::Passed
            && !self.passed_tests.is_empty()
            && self.warned_tests.is_empty()
            && self.failed_tests.is_empty()
            && self.configuration.iter().any(|file| !file.digest.is_empty())
    }

    /// Returns what the statement says of the run as a whole.
    pub fn outcome(&self) -> Outcome {
        self.result
    }

    /// Returns how many tests passed, how many did so with a warning or were skipped, and how many failed.
    pub fn counts(&self) -> (usize, usize, usize) {
        (self.passed_tests.len(), self.warned_tests.len(), self.failed_tests.len())
    }

    /// Returns the names of the tests that did not pass: those that failed first.
    pub fn not_passed(&self) -> impl Iterator<Item = &str> {
        self.failed_tests.iter().chain(&self.warned_tests).map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(prefix: &str, count: usize) -> Vec<String> {
        (0..count).map(|n| format!("{prefix}{n}")).collect()
    }

    fn run(passed: usize, skipped: usize, failed: usize) -> TestResult {
        let ran = Ran { passed: names("p", passed), skipped: names("s", skipped), failed: names("f", failed) };
        TestResult::new(ran, vec![Configuration::new("goss.yaml", b"file:")], None)
    }

    #[test]
    fn only_a_run_in_which_every_test_passed_is_a_pass() {
        for passed in 0..3 {
            for skipped in 0..3 {
                for failed in 0..3 {
                    let expected = match (passed, skipped, failed) {
                        (0, 0, 0) | (_, _, 1..) => Outcome::Failed,
                        (_, 1.., _) => Outcome::Warned,
                        _ => Outcome::Passed,
                    };
                    let made = run(passed, skipped, failed);
                    assert_eq!(made.outcome(), expected, "{passed} {skipped} {failed}");
                    assert_eq!(made.passed(), expected == Outcome::Passed);
                    assert_eq!(made.counts(), (passed, skipped, failed));
                    let read: TestResult = serde_json::from_str(&serde_json::to_string(&made).unwrap()).unwrap();
                    assert_eq!(read, made);
                }
            }
        }
    }

    #[test]
    fn a_word_alone_is_not_a_pass() {
        let file = r#"{"name":"goss.yaml","digest":{"sha256":"00"}}"#;
        let read = |result: &str, rest: &str| {
            serde_json::from_str::<TestResult>(&format!(r#"{{"result":"{result}",{rest}}}"#)).map(|read| read.passed())
        };
        let good = format!(r#""configuration":[{file}],"passedTests":["a"]"#);
        assert!(read("PASSED", &good).unwrap());
        assert!(read("PASSED", &format!(r#"{good},"url":"https://ci.example/1","harness":{{"x":1}}"#)).unwrap());
        for (result, rest) in [
            ("WARNED", good.clone()),
            ("FAILED", good.clone()),
            ("PASSED", format!(r#"{good},"failedTests":["b"]"#)),
            ("PASSED", format!(r#"{good},"warnedTests":["b"]"#)),
            ("PASSED", format!(r#""configuration":[{file}],"passedTests":[]"#)),
            ("PASSED", format!(r#""configuration":[{file}]"#)),
            ("PASSED", r#""configuration":[],"passedTests":["a"]"#.to_owned()),
            ("PASSED", r#""configuration":[{"name":"x"}],"passedTests":["a"]"#.to_owned()),
        ] {
            assert!(!read(result, &rest).unwrap(), "{result} {rest}");
        }
        for (result, rest) in [
            ("passed", good.as_str()),
            ("SUCCESS", &good),
            ("PASSED", r#""passedTests":["a"]"#),
            ("PASSED", &format!(r#"{good},"failedTests":null"#)),
            ("PASSED", &format!(r#"{good},"failedTests":"b""#)),
        ] {
            assert!(read(result, rest).is_err(), "{result} {rest}");
        }
    }

    #[test]
    fn the_order_of_the_tests_does_not_matter() {
        let made = |passed: &[&str]| {
            let ran = Ran { passed: passed.iter().map(|name| (*name).to_owned()).collect(), ..Ran::default() };
            serde_json::to_string(&TestResult::new(ran, Vec::new(), None)).unwrap()
        };
        assert_eq!(made(&["b", "a", "c"]), made(&["c", "b", "a"]));
    }
}
