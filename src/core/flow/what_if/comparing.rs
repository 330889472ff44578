//! What two policies judged, one by one → a comparison: what does not change is counted, what does is grouped.

use std::{cmp::Reverse, collections::BTreeMap};

use crate::{
    ids::ImageRef,
    report::{ChangedImage, Comparison, Effect, Outcome, Stance, Standing, Unchanged},
    verdict::Verdict,
};

/// Everything that changes in one way has one of these.
type Key = (Option<ImageRef>, [(Stance, Vec<String>); 2]);

/// A comparison in the making.
pub(super) struct Comparing<T> {
    unchanged: Unchanged,
    changes: BTreeMap<Key, ChangedImage<T>>,
}

/// Something that both judged.
pub(super) enum Compared<T> {
    /// It does not change.
    Same(Stance, Stance),
    /// It changes.
    Changed(Box<Changed<T>>),
}

/// Something that changes.
pub(super) struct Changed<T> {
    effect: Effect,
    image: Option<ImageRef>,
    name: Option<String>,
    from: Standing,
    to: Standing,
    what: T,
}

impl<T> Compared<T> {
    /// Compares where something stands by the current policy and by the candidate, each with the verdict that it follows
    /// from. `what` is asked only of what changes: its image with its name, and itself.
    pub(super) fn of(
        [(from, before), (to, after)]: [(Stance, Verdict); 2],
        what: impl FnOnce() -> (Option<ImageRef>, Option<String>, T),
    ) -> Self {
        let Some(effect) = from.effect(to) else { return Self::Same(from, to) };
        let (image, name, what) = what();
        let (from, to) = (Standing::new(from, &before), Standing::new(to, &after));
        Self::Changed(Box::new(Changed { effect, image, name, from, to, what }))
    }
}

impl<T> Comparing<T> {
    /// Starts with nothing.
    pub(super) fn new() -> Self {
        Self { unchanged: Unchanged::default(), changes: BTreeMap::new() }
    }

    /// Takes one more.
    pub(super) fn add(&mut self, compared: Compared<T>) {
        match compared {
            Compared::Same(from, to) => {
                self.unchanged.count += 1;
                self.unchanged.undetermined += u64::from(to.verdict == Outcome::Undetermined);
                self.unchanged.other_mode += u64::from(from.mode != to.mode);
            }
            Compared::Changed(changed) => {
                let Changed { effect, image, name, from, to, what } = *changed;
                let key = (image.clone(), [&from, &to].map(|one| (one.stance, codes(one))));
                let fresh = || ChangedImage { effect, image, name, from, to, instances: Vec::new() };
                self.changes.entry(key).or_insert_with(fresh).instances.push(what);
            }
        }
    }

    /// Returns the comparison: the worst effect first, and of one effect what most are affected by.
    pub(super) fn done(self, order: impl Fn(&T, &T) -> std::cmp::Ordering) -> Comparison<T> {
        let mut changes: Vec<ChangedImage<T>> = self.changes.into_values().collect();
        changes.sort_by_key(|change| (change.effect, Reverse(change.instances.len())));
        changes.iter_mut().for_each(|change| change.instances.sort_by(&order));
        let changed: u64 = changes.iter().map(|change| change.instances.len() as u64).sum();
        Comparison { total: self.unchanged.count + changed, unchanged: self.unchanged, changes }
    }
}

fn codes(standing: &Standing) -> Vec<String> {
    let mut codes: Vec<String> = standing.causes.iter().map(|cause| cause.code.clone()).collect();
    codes.sort();
    codes.dedup();
    codes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        policy::Mode,
        verdict::{Fault, Faults, Reason, Reasons},
    };

    fn stance(verdict: &Verdict, mode: Mode) -> Stance {
        Stance::new(None, verdict, mode)
    }

    #[test]
    fn what_does_not_change_is_counted_with_what_is_not_known_and_what_has_another_mode() {
        let mut comparing = Comparing::<u8>::new();
        let unknown = Verdict::Undetermined(Faults::one(Fault::ImageUnavailable { problem: String::new() }));
        let refused = Verdict::Reject(Reasons::one(Reason::EvidenceAbsent { place: String::new() }));
        for (verdict, modes) in [
            (&unknown, [Mode::Enforce, Mode::Enforce]),
            (&refused, [Mode::Enforce, Mode::Warn]),
            (&refused, [Mode::Warn, Mode::Enforce]),
        ] {
            let [from, to] = modes.map(|mode| stance(verdict, mode));
            comparing.add(Compared::Same(from, to));
        }
        let done = comparing.done(Ord::cmp);
        assert_eq!((done.unchanged.count, done.unchanged.undetermined, done.unchanged.other_mode), (3, 1, 2));
        assert_eq!(done.total, 3);
    }

    #[test]
    fn what_changes_for_other_reasons_is_another_change_whatever_their_order() {
        let absent = || Reason::EvidenceAbsent { place: String::new() };
        let missing = || Reason::AttestationMissing { kind: crate::attestation::Kind::Sbom };
        let refused = |reasons: Vec<Reason>| Verdict::Reject(Reasons::new(reasons).unwrap());
        let unknown = Verdict::Undetermined(Faults::one(Fault::ImageUnavailable { problem: String::new() }));
        let mut comparing = Comparing::<usize>::new();
        for (number, reasons) in
            [vec![absent(), missing()], vec![missing(), absent(), missing()], vec![absent()]].into_iter().enumerate()
        {
            let after = refused(reasons);
            let before = (stance(&unknown, Mode::Warn), unknown.clone());
            let after = (stance(&after, Mode::Enforce), after);
            comparing.add(Compared::of([before, after], || (None, None, number)));
        }
        let done = comparing.done(Ord::cmp);
        let grouped: Vec<Vec<usize>> = done.changes.into_iter().map(|change| change.instances).collect();
        assert_eq!(grouped, [vec![0, 1], vec![2]]);
    }
}
