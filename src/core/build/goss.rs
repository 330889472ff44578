//! Goss's report (`goss validate -f json`) → the result of a test run.
//!
//! The counts of the report's summary are compared with the tests that it lists, and each test's own words with each
//! other: a report that contradicts itself was cut, joined or written by hand. A run of nothing lists `null`, exits 0,
//! and fails here.

use serde::Deserialize;

use super::artifact::cut;
use crate::{
    attestation::predicate::{Configuration, Ran, TestResult},
    bounded::{self, JsonFault, Limits, Object},
};

/// A test is half a KiB.
const LIMITS: Limits = Limits { bytes: 16 << 20, depth: 32 };

/// Why a file is not the report of a test run.
#[derive(Debug, thiserror::Error)]
pub enum GossFault {
    /// Not Goss's JSON.
    #[error("reading the Goss report: write it with `goss validate -f json` and without retries")]
    Json(#[source] JsonFault),
    /// A test contradicts itself.
    #[error("the Goss report: test {name:?} (results[{index}]): {problem}")]
    Test {
        /// The test.
        name: String,
        /// Its place, from 0.
        index: usize,
        /// What is wrong.
        problem: String,
    },
    /// The summary contradicts the tests.
    #[error("the Goss report: {count} is {said} in its summary and {listed} in its results")]
    Summary {
        /// `test-count`, `failed-count`, `skipped-count`.
        count: &'static str,
        /// What the summary says.
        said: u64,
        /// What the results are.
        listed: usize,
    },
}

#[derive(Deserialize)]
struct Report {
    results: Option<Vec<Object<Test>>>,
    summary: Object<Summary>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Test {
    resource_type: String,
    resource_id: String,
    property: String,
    result: u64,
    successful: bool,
    /// Versions before 0.4 do not say.
    skipped: Option<bool>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Summary {
    test_count: u64,
    failed_count: u64,
    /// Versions before 0.4 do not say.
    skipped_count: Option<u64>,
}

/// Reads a report; `specification` is the file of tests (`goss.yaml`) by name and bytes, and `url` where more of the run
/// can be seen. Both files stand in the result by digest.
///
/// # Errors
/// See [`GossFault`].
pub fn test_result(
    report: &[u8],
    specification: Option<(&str, &[u8])>,
    url: Option<String>,
) -> Result<TestResult, GossFault> {
    let Object(read): Object<Report> = bounded::json(report, LIMITS).map_err(GossFault::Json)?;
    let mut ran = Ran::default();
    for (index, Object(test)) in read.results.unwrap_or_default().into_iter().enumerate() {
        let Test { resource_type, resource_id, property, result, successful, skipped } = test;
        let name = format!("{resource_type}: {resource_id}: {property}");
        let fault = |problem: String| GossFault::Test { name: cut(&name), index, problem };
        let list = match result {
            0 => &mut ran.passed,
            1 => &mut ran.failed,
            2 => &mut ran.skipped,
            other => return Err(fault(format!("result {other} is none of 0 (passed), 1 (failed) and 2 (skipped)"))),
        };
        if successful != (result != 1) {
            return Err(fault(format!("result is {result}, and successful is {successful}")));
        }
        if let Some(skipped) = skipped.filter(|skipped| *skipped != (result == 2)) {
            return Err(fault(format!("result is {result}, and skipped is {skipped}")));
        }
        list.push(name);
    }
    let Object(Summary { test_count, failed_count, skipped_count }) = read.summary;
    let (passed, skipped, failed) = (ran.passed.len(), ran.skipped.len(), ran.failed.len());
    agree("test-count", test_count, passed + skipped + failed)?;
    agree("failed-count", failed_count, failed)?;
    skipped_count.map_or(Ok(()), |said| agree("skipped-count", said, skipped))?;
    let specification = specification.map(|(name, bytes)| Configuration::new(name, bytes));
    let files = specification.into_iter().chain([Configuration::new("goss.json", report)]).collect();
    Ok(TestResult::new(ran, files, url))
}

fn agree(count: &'static str, said: u64, listed: usize) -> Result<(), GossFault> {
    if u64::try_from(listed) == Ok(said) { Ok(()) } else { Err(GossFault::Summary { count, said, listed }) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{attestation::predicate::Outcome, digest::Sha256Digest};

    fn test(name: &str, result: u64) -> String {
        format!(
            r#"{{"duration":10760,"err":null,"matcher-result":{{"actual":true}},"meta":null,"property":"exists",
                "resource-id":"{name}","resource-type":"File","result":{result},"skipped":{},"successful":{},
                "summary-line":"","title":""}}"#,
            result == 2,
            result != 1
        )
    }

    fn report(results: &[u64]) -> String {
        let count = |wanted: u64| results.iter().filter(|result| **result == wanted).count();
        let tests: Vec<String> =
            results.iter().enumerate().map(|(n, result)| test(&format!("/{n}"), *result)).collect();
        format!(
            r#"{{"results":[{}],"summary":{{"failed-count":{},"skipped-count":{},"summary-line":"","test-count":{},"total-duration":1}}}}"#,
            tests.join(","),
            count(1),
            count(2),
            results.len()
        )
    }

    fn fault(from: &str, to: &str) -> String {
        let good = report(&[0, 1, 2]);
        let other = good.replacen(from, to, 1);
        assert_ne!(other, good, "{from}");
        test_result(other.as_bytes(), None, None).unwrap_err().to_string()
    }

    #[test]
    fn a_run_is_as_good_as_its_worst_test() {
        for (results, outcome) in [
            (&[0, 0][..], Outcome::Passed),
            (&[0, 2], Outcome::Warned),
            (&[2], Outcome::Warned),
            (&[0, 1], Outcome::Failed),
            (&[0, 1, 2], Outcome::Failed),
            (&[], Outcome::Failed),
        ] {
            let read = test_result(report(results).as_bytes(), None, None).unwrap();
            assert_eq!((read.outcome(), read.passed()), (outcome, outcome == Outcome::Passed), "{results:?}");
        }
    }

    #[test]
    fn a_run_of_nothing_lists_null_and_fails() {
        let text = report(&[]).replacen("[]", "null", 1);
        let read = test_result(text.as_bytes(), None, None).unwrap();
        assert_eq!((read.outcome(), read.passed(), read.counts()), (Outcome::Failed, false, (0, 0, 0)));
        assert!(test_result(text.replacen(r#""results":null,"#, "", 1).as_bytes(), None, None).is_ok());
    }

    #[test]
    fn both_files_stand_in_the_result() {
        let report = report(&[0, 2, 1]);
        let url = Some("https://ci.example/7".to_owned());
        let read = test_result(report.as_bytes(), Some(("goss.yaml", b"file:")), url).unwrap();
        let text = serde_json::to_string(&read).unwrap();
        let expected = format!(
            r#"{{"result":"FAILED","configuration":[{{"name":"goss.yaml","digest":{{"sha256":"{}"}}}},{{"name":"goss.json","digest":{{"sha256":"{}"}}}}],"url":"https://ci.example/7","passedTests":["File: /0: exists"],"warnedTests":["File: /1: exists"],"failedTests":["File: /2: exists"]}}"#,
            Sha256Digest::of(b"file:"),
            Sha256Digest::of(report.as_bytes())
        );
        assert_eq!(text, expected);
        assert_eq!(read.not_passed().collect::<Vec<_>>(), ["File: /2: exists", "File: /1: exists"]);
    }

    #[test]
    fn reports_that_do_not_speak_of_skipping_are_read() {
        let old = report(&[0, 1]).replace(r#""skipped":false,"#, "").replacen(r#""skipped-count":0,"#, "", 1);
        assert_eq!(test_result(old.as_bytes(), None, None).unwrap().counts(), (1, 0, 1));
    }

    #[test]
    fn a_report_that_contradicts_itself_is_refused() {
        for (from, to, problem) in [
            (r#""test-count":3"#, r#""test-count":4"#, "test-count is 4 in its summary and 3 in its results"),
            (r#""failed-count":1"#, r#""failed-count":0"#, "failed-count is 0 in its summary and 1 in its results"),
            (r#""skipped-count":1"#, r#""skipped-count":0"#, "skipped-count is 0"),
            (r#""result":0"#, r#""result":3"#, "(results[0]): result 3 is none of"),
            (r#""result":0"#, r#""result":1"#, "result is 1, and successful is true"),
            (r#""result":0"#, r#""result":2"#, "result is 2, and skipped is false"),
            (r#""skipped":true"#, r#""skipped":false"#, "test \"File: /2: exists\" (results[2])"),
            (r#""successful":false"#, r#""successful":true"#, "result is 1, and successful is true"),
        ] {
            let text = fault(from, to);
            assert!(text.contains(problem), "{text}");
        }
    }

    #[test]
    fn what_is_no_report_is_refused() {
        for (from, to) in [
            (r#""result":0"#, r#""result":-1"#),
            (r#""result":0"#, r#""result":0.0"#),
            (r#""result":0"#, r#""result":"0""#),
            (r#""result":0,"#, ""),
            (r#""successful":true"#, r#""successful":null"#),
            (r#""property":"exists","#, ""),
            (r#""test-count":3"#, r#""test-count":-1"#),
            (r#""failed-count":1,"#, ""),
            (r#""result":0"#, r#""result":1,"result":0"#),
            (r#"{"results""#, r#"{"summary":{}}{"results""#),
            (r#""summary":{"#, r#""summary":[],"total":{"#),
        ] {
            assert!(fault(from, to).starts_with("reading the Goss report"), "{to}");
        }
        for text in ["", "Total Duration: 0.013s\nCount: 2, Failed: 0, Skipped: 0\n", "[]", "null"] {
            assert!(matches!(test_result(text.as_bytes(), None, None), Err(GossFault::Json(_))), "{text}");
        }
        let large = vec![b' '; LIMITS.bytes + 1];
        assert!(matches!(test_result(&large, None, None), Err(GossFault::Json(JsonFault::TooLarge { .. }))));
    }
}
