//! Reports → text for people, or JSON. Reads `goldseal_core::report` and decides nothing.
//!
//! On standard output there is exactly one report: text, or one JSON document, failures included.

mod audit;
mod gate;
mod human;
mod junit;
mod progress;
mod wrap;

use std::io::{self, Write as _};

use goldseal_core::report::{
    ApproveReport, AuditAgeReport, AuditReport, BootCheckReport, BootInstallReport, BootReport, BreakersReport,
    DescribeReport, DoctorReport, EnrollReport, GateReport, OverridesReport, PolicyReport, PublishReport,
    ReceiptsReport, ReleaseReport, ResealReport, RevokeReport, SbomQueryReport, SealReport, SignReport, TraceReport,
    VerifyReport, WhatIfReport, WroteReceiptsReport,
};
use serde::Serialize;

pub use audit::{Part as AuditPart, findings as audit_findings, metrics as audit_metrics, parts as audit_parts};
pub use gate::gate_bytes;
pub use progress::Bar;

/// Longer lines of prose are hard to read.
const WIDEST: usize = 100;

/// What is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// For people
    Human,
    /// One JSON document, with its schema named in it
    Json,
    /// SARIF 2.1.0, for code scanning (gate, audit)
    Sarif,
    /// JUnit XML, for test reports (gate, audit)
    Junit,
    /// Markdown, for a pull-request comment (gate)
    Markdown,
    /// CSV, one line an instance (audit)
    Csv,
    /// One page for a browser, with everything in it (audit)
    Html,
    /// OCSF 1.8.0 events, one a line, for data lakes (audit)
    Ocsf,
    /// Batches for Security Hub's BatchImportFindings, one a line (audit)
    Asff,
}

/// What a command prints.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Printed {
    /// The result of a gate.
    Gate,
    /// An audit.
    Audit,
    /// Everything else.
    Other,
}

impl Format {
    /// Says whether something can be printed in it.
    pub const fn is_for(self, printed: Printed) -> bool {
        match self {
            Self::Human | Self::Json => true,
            Self::Sarif | Self::Junit => matches!(printed, Printed::Gate | Printed::Audit),
            Self::Markdown => matches!(printed, Printed::Gate),
            Self::Csv | Self::Html | Self::Ocsf | Self::Asff => matches!(printed, Printed::Audit),
        }
    }
}

/// Prints what `verify` says.
pub fn verify(format: Format, report: &VerifyReport) -> io::Result<()> {
    print(format, report, human::verify)
}

/// Prints what `gate` found.
pub fn gate(format: Format, report: &GateReport) -> io::Result<()> {
    if format.is_for(Printed::Other) { print(format, report, human::gate) } else { write(&gate_bytes(format, report)?) }
}

/// Prints an audit, as wide as the terminal.
pub fn audit(format: Format, report: &AuditReport) -> io::Result<()> {
    if format != Format::Human {
        let mut out = io::BufWriter::new(io::stdout().lock());
        return heard(audit::write(format, report, None, &mut out).and_then(|()| out.flush()));
    }
    let mut text = Vec::new();
    audit::write(format, report, terminal(), &mut text)?;
    heard(anstream::stdout().write_all(&text))
}

/// Prints how long ago everything was last seen.
pub fn audit_age(format: Format, report: &AuditAgeReport) -> io::Result<()> {
    print(format, report, human::audit_age)
}

/// Returns an audit in a format, as it stands in a file.
pub fn audit_bytes(format: Format, report: &AuditReport) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    audit::write(format, report, None, &mut bytes)?;
    // In a file there are no colours.
    Ok(if format == Format::Human { anstream::adapter::strip_bytes(&bytes).into_vec() } else { bytes })
}

/// Shows what is to be approved, or says what was.
pub fn approve(format: Format, report: &ApproveReport) -> io::Result<()> {
    print(format, report, human::approve)
}

/// Prints what `seal` did.
pub fn seal(format: Format, report: &SealReport) -> io::Result<()> {
    print(format, report, human::seal)
}

/// Prints what `sign` did.
pub fn sign(format: Format, report: &SignReport) -> io::Result<()> {
    print(format, report, human::sign)
}

/// Prints overrides, and what was done about them.
pub fn overrides(format: Format, report: &OverridesReport) -> io::Result<()> {
    print(format, report, human::overrides)
}

/// Prints what `publish` did.
pub fn publish(format: Format, report: &PublishReport) -> io::Result<()> {
    print(format, report, human::publish)
}

/// Prints what `release` sealed.
pub fn release(format: Format, report: &ReleaseReport) -> io::Result<()> {
    print(format, report, human::release)
}

/// Prints what `reseal` did.
pub fn reseal(format: Format, report: &ResealReport) -> io::Result<()> {
    print(format, report, human::reseal)
}

/// Prints what `revoke` did, or shows the list.
pub fn revoke(format: Format, report: &RevokeReport) -> io::Result<()> {
    print(format, report, human::revoke)
}

/// Prints what `describe` says.
pub fn describe(format: Format, report: &DescribeReport) -> io::Result<()> {
    print(format, report, human::describe)
}

/// Prints what `hook breaker` says.
pub fn breakers(format: Format, report: &BreakersReport) -> io::Result<()> {
    print(format, report, human::breakers)
}

/// Prints the story of an image, on one screen.
pub fn trace(format: Format, report: &TraceReport) -> io::Result<()> {
    print(format, report, |report| human::trace(report, terminal().map_or(WIDEST, |columns| columns.min(WIDEST))))
}

/// Prints what the boot guard decided.
pub fn boot(format: Format, report: &BootReport) -> io::Result<()> {
    print(format, report, human::boot)
}

/// Prints what `doctor` found.
pub fn doctor(format: Format, report: &DoctorReport) -> io::Result<()> {
    print(format, report, human::doctor)
}

/// Prints what receipts say, and what of it is proven.
pub fn receipts(format: Format, report: &ReceiptsReport) -> io::Result<()> {
    print(format, report, human::receipts)
}

/// Prints how many receipts were written.
pub fn wrote_receipts(format: Format, report: &WroteReceiptsReport) -> io::Result<()> {
    print(format, report, human::wrote_receipts)
}

/// Prints what `enroll` did, or would do.
pub fn enroll(format: Format, report: &EnrollReport) -> io::Result<()> {
    print(format, report, human::enroll)
}

/// Prints which instances have what was asked for.
pub fn sbom_query(format: Format, report: &SbomQueryReport) -> io::Result<()> {
    print(format, report, |report| human::sbom_query(report, terminal()))
}

/// Prints what `boot install` or `boot uninstall` did.
pub fn boot_install(format: Format, report: &BootInstallReport) -> io::Result<()> {
    print(format, report, human::boot_install)
}

/// Prints what `boot check` found.
pub fn boot_check(format: Format, report: &BootCheckReport) -> io::Result<()> {
    print(format, report, human::boot_check)
}

/// Prints what `policy check` says.
pub fn policy(format: Format, report: &PolicyReport) -> io::Result<()> {
    print(format, report, human::policy)
}

/// Prints what `policy what-if` says.
pub fn what_if(format: Format, report: &WhatIfReport) -> io::Result<()> {
    print(format, report, |report| human::what_if(report, terminal()))
}

/// Returns how many columns the terminal has, where there is one.
fn terminal() -> Option<usize> {
    terminal_size::terminal_size().map(|(width, _)| usize::from(width.0))
}

/// Prints a JSON document.
pub fn json(value: &impl Serialize) -> io::Result<()> {
    let mut text = serde_json::to_vec_pretty(value)?;
    text.push(b'\n');
    io::stdout().write_all(&text)
}

/// Prints a failure: to standard error for people, as the one JSON document otherwise.
pub fn failure(format: Format, chain: &[String], hints: &[String], exit_code: u8) -> io::Result<()> {
    if format == Format::Human {
        return anstream::stderr().write_all(human::failure(chain, hints).as_bytes());
    }
    // A failure has no other form.
    let (message, causes) = chain.split_first().map_or((None, [].as_slice()), |(first, rest)| (Some(first), rest));
    json(&serde_json::json!({
        "schema": "goldseal/error/v1",
        "exitCode": exit_code,
        "message": message,
        "causes": causes,
        "hints": hints,
    }))
}

/// Prints a script that a shell reads.
pub fn script(bytes: &[u8]) -> io::Result<()> {
    write(bytes)
}

fn print<R: Serialize>(format: Format, report: &R, human: impl Fn(&R) -> String) -> io::Result<()> {
    let printed =
        if format == Format::Human { anstream::stdout().write_all(human(report).as_bytes()) } else { json(report) };
    heard(printed)
}

fn write(bytes: &[u8]) -> io::Result<()> {
    heard(io::stdout().write_all(bytes))
}

fn heard(printed: io::Result<()>) -> io::Result<()> {
    // A reader that has seen enough (`| head`) changes no verdict.
    printed.or_else(|error| if error.kind() == io::ErrorKind::BrokenPipe { Ok(()) } else { Err(error) })
}
