//! A report as JUnit XML: a test suite for every account and region, a test case for every instance and door there.

use std::{
    collections::BTreeMap,
    io::{self, Write},
};

use goldseal_core::{
    ids::{AccountId, Region},
    report::{AuditReport, AuditedInstance, Class, Door, PlaceReport, Severity},
};
use quick_junit::{NonSuccessKind, Property, Report, TestCase, TestCaseStatus, TestSuite};

use super::super::{human::plain, junit as xml};

/// Writes the report.
pub(super) fn write(report: &AuditReport, out: &mut dyn Write) -> io::Result<()> {
    let mut suites: BTreeMap<(&AccountId, Option<&Region>), TestSuite> = BTreeMap::new();
    let names = report.names();
    let mut add = |account, region: Option<_>, case| {
        let suite = suites.entry((account, region)).or_insert_with(|| {
            let region = region.map_or("all regions", |region: &Region| region.as_str());
            let mut suite = TestSuite::new(format!("{account} {region}"));
            suite.add_property(Property::new("at", report.at.to_string()));
            suite.add_property(Property::new("policy.sha256", report.policy.to_string()));
            if let Some(name) = names.get(account) {
                suite.add_property(Property::new("account.name", plain(name)));
            }
            suite
        });
        suite.add_test_case(case);
    };
    for place in &report.places {
        add(&place.account, place.region.as_ref(), seen(place));
    }
    for one in &report.instances {
        add(&one.account, Some(&one.region), instance(report, one));
    }
    for one in report.doors() {
        add(&one.account, Some(&one.region), door(one));
    }
    let mut junit = Report::new("goldseal audit");
    junit.add_test_suites(suites.into_values());
    xml::write(&junit, out)
}

fn seen(place: &PlaceReport) -> TestCase {
    let status = match place.faults.first() {
        None => TestCaseStatus::success(),
        Some(fault) => {
            let all: Vec<String> = place.faults.iter().map(|fault| plain(&fault.message)).collect();
            failed(NonSuccessKind::Error, &fault.code, &all.join("; "), fault.remedy)
        }
    };
    case("place", "everything was seen", status)
}

fn instance(report: &AuditReport, one: &AuditedInstance) -> TestCase {
    let cause = report.causes(one).next();
    let code = cause.map_or(one.class.as_str(), |cause| &cause.code);
    let message = cause.map_or(one.class.meaning(), |cause| &cause.message);
    let remedy = cause.map_or("", |cause| cause.remedy);
    let status = match one.class {
        Class::Refused | Class::RootReplaced | Class::Unsealed | Class::Expired => {
            failed(NonSuccessKind::Failure, code, message, remedy)
        }
        Class::Undetermined => failed(NonSuccessKind::Error, code, message, remedy),
        Class::Overridden => {
            let mut status = TestCaseStatus::skipped();
            status.set_message(plain(&format!("overridden: {message}")));
            status
        }
        Class::Expiring | Class::Admitted => TestCaseStatus::success(),
    };
    let name = one.name.as_deref().map(|name| format!(" {name}")).unwrap_or_default();
    case(one.class.as_str(), &format!("{}{name} {}", one.instance, one.ami), status)
}

fn door(one: &Door) -> TestCase {
    let failed = |kind| failed(kind, &one.code, &one.message, &one.commands.join("\n"));
    let status = match one.severity {
        Severity::Problem => failed(NonSuccessKind::Failure),
        Severity::Unknown => failed(NonSuccessKind::Error),
        Severity::Warning | Severity::Note => {
            let mut status = TestCaseStatus::skipped();
            status.set_message(plain(&one.message));
            status
        }
        Severity::Good => TestCaseStatus::success(),
    };
    case("door", &format!("{} {}", one.code, one.place), status)
}

fn failed(kind: NonSuccessKind, code: &str, message: &str, remedy: &str) -> TestCaseStatus {
    let mut status = TestCaseStatus::non_success(kind);
    let remedy: Vec<String> = remedy.lines().map(plain).collect();
    status.set_type(plain(code)).set_message(plain(message)).set_description(remedy.join("\n"));
    status
}

fn case(class: &str, name: &str, status: TestCaseStatus) -> TestCase {
    let mut case = TestCase::new(plain(name), status);
    case.set_classname(class);
    case
}
