//! SBOMs and scanner reports, and what the gate makes of them.

use goldseal_core::{
    flow,
    gate::Threshold,
    scan::{
        self, Severity,
        sbom::{self, inventory},
    },
    testing::inputs,
};

use super::json::Pieces;

/// However an SBOM comes in, it says the same; and a count of packages has packages.
pub fn sbom(bytes: &[u8]) -> bool {
    let whole = sbom::read(bytes);
    let pieces = sbom::read(Pieces::of(bytes));
    match (&whole, &pieces) {
        (Ok(whole), Ok(pieces)) => {
            assert_eq!(whole, pieces);
            assert!(whole.value.packages.len() <= bytes.len());
        }
        (Err(_), Err(_)) => return false,
        (one, other) => panic!("{one:?} {other:?}"),
    }
    if let Ok(listed) = inventory(bytes) {
        assert!(listed.value.len() <= bytes.len());
        for query in ["openssl<3.0.21", "deb:tar", "pkg:deb/debian/bash>=5"] {
            let searched = query.parse::<goldseal_core::query::Query>().unwrap().search(&listed.value);
            assert!(searched.found.len() <= listed.value.len());
        }
    }
    true
}

/// However a report comes in, it says the same; and no finding is lost between the two.
pub fn scan(bytes: &[u8]) -> bool {
    let whole = scan::read(bytes);
    let pieces = scan::read(Pieces::of(bytes));
    match (&whole, &pieces) {
        (Ok(whole), Ok(pieces)) => {
            assert_eq!(whole, pieces);
            assert!(whole.value.findings.len() <= bytes.len());
        }
        (Err(_), Err(_)) => {}
        (one, other) => panic!("{one:?} {other:?}"),
    }
    scan::read_database(bytes).is_ok() || whole.is_ok()
}

/// A scan and, behind a line of its own, exceptions: a stricter threshold never lets more through, and what passes has no
/// finding of the threshold left that no exception covers.
pub fn gate(bytes: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(bytes) else { return false };
    let (report, exceptions) = text.split_once("\n# exceptions\n").unwrap_or((text, ""));
    let Ok(read) = scan::read(report.as_bytes()) else { return false };
    let Ok(exceptions) = scan::exceptions::compile("exceptions.toml", exceptions) else { return false };
    let mut material = inputs::material(inputs::SPDX, &inputs::grype(&[]), None);
    let bad = read.value.findings.iter().any(|one| one.severity >= Severity::Critical);
    let none = exceptions.entries().is_empty();
    material.scan = read;
    material.exceptions = Some((exceptions, material.scan.sha256));
    let passes = |at| flow::gate(&material, None, Some(at), inputs::now()).0.passed;
    let order = [Threshold::Negligible, Threshold::Low, Threshold::Medium, Threshold::High, Threshold::Critical];
    let passed = order.map(passes);
    assert!(passed.is_sorted(), "{passed:?}");
    assert!(!(bad && none && passed[4]), "a critical finding passed");
    assert!(flow::gate(&material, None, None, inputs::now()).1.is_none(), "nothing is signed without a policy");
    true
}
