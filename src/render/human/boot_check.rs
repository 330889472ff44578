//! What `boot check` found, as a person reads it.

use std::fmt::Write as _;

use goldseal_core::report::{BootCheckReport, BootInstallReport};

use super::{doctor::findings, plain};

/// Says what was put into an image, or taken out of it.
pub(in crate::render) fn boot_install(report: &BootInstallReport) -> String {
    let mut text = String::new();
    for path in &report.changed {
        line!(text, "{path}");
    }
    match (report.recipe, report.changed.is_empty()) {
        (Some(recipe), _) => {
            let effect = if report.report_only { "reported on" } else { "judged before it starts anything" };
            line!(text, "installed the recipe {recipe}: from now on every boot is {effect}");
        }
        (None, true) => line!(text, "nothing was installed"),
        (None, false) => line!(text, "removed: boots are not judged any more"),
    }
    super::notes(&mut text, &report.notes);
    text
}

/// Says what was found.
pub(in crate::render) fn boot_check(report: &BootCheckReport) -> String {
    let mut text = findings(&report.findings);
    let recipe = report.recipe.map_or_else(|| "nothing installed".to_owned(), |recipe| format!("recipe {recipe}"));
    let many = report.findings.len();
    line!(text, "{}: {recipe}, {many} finding{}", report.root, if many == 1 { "" } else { "s" });
    text
}
