//! A gate result as JUnit XML: a test case for every failure and for every exception; one that passes for the gate.

use std::io;

use goldseal_core::{gate::Standing, report::GateReport};
use quick_junit::{NonSuccessKind, Property, Report, TestCase, TestCaseStatus, TestSuite};

use super::super::{
    human::{self, standing},
    junit as xml,
};

/// Returns the report.
pub(super) fn report(gate: &GateReport) -> io::Result<Vec<u8>> {
    let mut suite = TestSuite::new("goldseal gate");
    suite.add_property(Property::new("at", gate.at.to_string()));
    suite.add_property(Property::new("sbom.sha256", gate.inputs.sbom.to_string()));
    suite.add_property(Property::new("scan.sha256", gate.inputs.scan.to_string()));
    if gate.passed {
        suite.add_test_case(case("gate", &gate.measurement.packages.source, TestCaseStatus::success()));
    }
    for cause in &gate.failures {
        let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
        status.set_type(cause.code.as_str()).set_message(human::plain(&cause.message)).set_description(cause.remedy);
        suite.add_test_case(case(&cause.code, &cause.message, status));
    }
    for one in &gate.exceptions {
        let what = &one.exception;
        let status = match what.standing {
            Standing::Used => TestCaseStatus::success(),
            other @ (Standing::Overlapped | Standing::NotNeeded | Standing::Unused | Standing::Expired) => {
                let mut status = TestCaseStatus::skipped();
                status.set_message(standing(other));
                status
            }
        };
        let name = format!("{} in {} until {:.0}, {}", what.id, what.package, what.expires, what.owner);
        suite.add_test_case(case("exception", &name, status));
    }
    let mut report = Report::new("goldseal gate");
    report.add_test_suite(suite);
    let mut bytes = Vec::new();
    xml::write(&report, &mut bytes)?;
    Ok(bytes)
}

fn case(class: &str, name: &str, status: TestCaseStatus) -> TestCase {
    let mut case = TestCase::new(human::plain(name), status);
    case.set_classname(class);
    case
}
