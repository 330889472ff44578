//! What `seal` did: one line a step and image, then the publication.

use std::fmt::Write as _;

use goldseal_core::report::SealReport;

use super::{notes, plain, publish};

pub(in crate::render) fn seal(report: &SealReport) -> String {
    let mut text = String::new();
    for one in &report.images {
        line!(text, "{}", one.image);
        line!(text, "  {:<9} approval", one.approval.to_string());
        match &one.signed {
            Some(signed) => {
                line!(
                    text,
                    "  {:<9} signature  {}  sha256:{}",
                    one.signature.to_string(),
                    signed.evidence,
                    signed.evidence_sha256
                );
                notes(&mut text, &signed.notes);
            }
            None => line!(text, "  {:<9} signature", one.signature.to_string()),
        }
    }
    match &report.publish {
        Some(published) => text.push_str(&publish(published)),
        None => line!(text, "not published"),
    }
    notes(&mut text, &report.notes);
    text
}
