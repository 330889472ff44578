//! A gate result in the formats of other programs: code scanning, test reports, pull-request comments.

mod junit;
mod markdown;
mod sarif;

use std::io;

use goldseal_core::report::GateReport;

use super::{Format, human};

/// Returns a gate result in a format.
pub fn gate_bytes(format: Format, report: &GateReport) -> io::Result<Vec<u8>> {
    Ok(match format {
        // In a file there are no colours.
        Format::Human => anstream::adapter::strip_str(&human::gate(report)).to_string().into_bytes(),
        Format::Json => ended(serde_json::to_vec_pretty(report)?),
        Format::Sarif => ended(serde_json::to_vec_pretty(&sarif::log(report))?),
        Format::Junit => junit::report(report)?,
        Format::Markdown => markdown::comment(report).into_bytes(),
        Format::Csv | Format::Html | Format::Ocsf | Format::Asff => {
            return Err(io::Error::other("a gate result is not written like that"));
        }
    })
}

fn ended(mut text: Vec<u8>) -> Vec<u8> {
    text.push(b'\n');
    text
}
