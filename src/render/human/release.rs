//! What `release` sealed, as text.

use std::fmt::Write as _;

use goldseal_core::report::ReleaseReport;

use super::{gate::several, notes, plain};

pub(in crate::render) fn release(report: &ReleaseReport) -> String {
    let mut text = String::new();
    line!(text, "SEALED  {} of goldseal {}: {}", report.name, report.version, several(report.files, "file"));
    line!(text, "  subject   sha256:{}", report.subject);
    let danger = if report.key.dangerous_local { "  DANGEROUS: a key file on disk" } else { "" };
    line!(text, "  key       {}{danger}", report.key.name);
    line!(text, "            spki sha256:{}  {}", report.key.spki_sha256, report.key.scheme);
    if let Some(written) = &report.written {
        line!(text, "  written   {written}");
    }
    notes(&mut text, &report.notes);
    text
}
