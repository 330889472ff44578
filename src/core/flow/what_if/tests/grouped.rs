//! What changes in one and the same way.

use std::collections::BTreeSet;

use super::super::comparing::{Compared, Comparing};
use crate::{
    attestation,
    policy::Mode,
    report::Stance,
    verdict::{Fault, Faults, Reason, Verdict},
};

#[test]
fn an_image_that_changes_for_other_reasons_is_told_once_for_each() {
    let unknown = || Verdict::Undetermined(Faults::one(Fault::PlaceUnavailable { problem: "denied".to_owned() }));
    let absent = Reason::EvidenceAbsent { place: "there".to_owned() };
    let missing = Reason::AttestationMissing { kind: attestation::Kind::Tests };
    let mut comparing = Comparing::new();
    for (number, reasons) in
        [vec![&absent], vec![&missing], vec![&absent, &missing], vec![&absent], vec![&missing, &absent]]
            .into_iter()
            .enumerate()
    {
        let after = unknown().and(reasons.into_iter().cloned().collect(), Vec::new());
        let both = [unknown(), after].map(|verdict| (Stance::new(None, &verdict, Mode::Enforce), verdict));
        comparing.add(Compared::of(both, || (None, None, number)));
    }
    let compared = comparing.done(usize::cmp);
    let groups: BTreeSet<Vec<usize>> = compared.changes.iter().map(|change| change.instances.clone()).collect();
    assert_eq!((groups, compared.total), ([vec![0, 3], vec![1], vec![2, 4]].into(), 5));
}
