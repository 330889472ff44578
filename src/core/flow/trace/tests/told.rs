use super::*;
use crate::{
    attestation::predicate::{REFERENCE_TYPE, Reference, VULNS_TYPE},
    testing::{gated::accepted, policies::minimal},
};

#[test]
fn an_exception_that_has_ended_is_told_as_it_was_and_as_it_is() {
    let told = |at| {
        let mut world = World::default();
        let descriptor = world.seal(1, |gate| evidence(&gate.excepting(days(3)).excepting(days(1)), &facts(None)));
        world.trace(&Traced::Image(descriptor.image()), at, None).unwrap()
    };
    let in_force = |report: &TraceReport| -> Vec<bool> {
        report.gate.as_ref().unwrap().exceptions.iter().map(|one| one.in_force).collect()
    };
    for (at, expected, verdict) in [
        (now(), [true, true], Outcome::Admit),
        (days(1), [false, true], Outcome::Reject),
        (days(4), [false, false], Outcome::Reject),
    ] {
        let report = told(at);
        assert_eq!((in_force(&report).as_slice(), report.outcome()), (expected.as_slice(), verdict), "{at}");
        assert_eq!(report.then.unwrap().verdict, Outcome::Admit);
        assert!(report.build.is_some() && report.sbom.is_some(), "what was signed is told all the same");
    }
    let report = told(days(1));
    assert_eq!(codes(&report.image.reasons), ["exception-expired"]);
}

#[test]
fn what_no_authority_signed_is_listed_and_never_told() {
    for mask in 0..16u8 {
        let strange = |bit: u8| mask & (1 << bit) != 0;
        let by = |bit: u8, number| LocalKey::p256(if strange(bit) { 3 } else { number });
        let (boss, builds, lists, gates) = (by(0, 2), by(1, 1), by(2, 1), by(3, 1));
        let mut world = World::default();
        let descriptor = world.seal(1, |gate| {
            let sbom = sbom(&gate.image);
            evidence_by([&boss, &builds, &lists, &gates], &gate, &facts(None), sbom)
        });
        let report = world.of_image(&descriptor);
        let rooted = !strange(3);
        assert_eq!(report.gate.is_some(), rooted, "{mask:04b}");
        assert_eq!(report.build.is_some(), rooted && !strange(1), "{mask:04b}");
        assert_eq!(report.sbom.is_some(), rooted && !strange(2), "{mask:04b}");
        assert_eq!(report.then.is_some(), rooted, "{mask:04b}");
        let approved = report.approvals.iter().filter(|one| one.counts).count();
        assert_eq!(approved == 1, rooted && !strange(0), "{mask:04b}");
        assert_eq!(report.image.discounted.len(), mask.count_ones() as usize, "{mask:04b}");
        assert_eq!(report.signatures.len(), 4 - mask.count_ones() as usize, "{mask:04b}");
        let expected = if mask == 0 { Outcome::Admit } else { Outcome::Reject };
        assert_eq!(report.outcome(), expected, "{mask:04b}");
    }
}

#[test]
fn packages_are_counted_where_the_sbom_is_and_a_reference_has_its_digest() {
    let (ci, boss) = (LocalKey::p256(1), LocalKey::p256(2));
    let told = |predicate_type: &str, predicate: &str| {
        let mut world = World::default();
        let descriptor = world.seal(1, |gate| {
            let sbom = statement(gate.image.digest(), predicate_type, predicate);
            evidence_by([&boss, &ci, &ci, &ci], &gate, &facts(None), sbom)
        });
        world.of_image(&descriptor).sbom.unwrap()
    };
    let reference = |of: &[u8]| {
        let made = Reference::new("ci", Sha256Digest::of(of), "https://x.example/s.json", "application/spdx+json");
        serde_json::to_string(&made).unwrap()
    };
    let there = told(REFERENCE_TYPE, &reference(b"input"));
    assert_eq!((there.packages, there.sha256, there.problem), (None, Some(Sha256Digest::of(b"input")), None));
    assert_eq!(there.location.as_deref(), Some("https://x.example/s.json"));
    assert!(told(REFERENCE_TYPE, &reference(b"other")).problem.unwrap().contains("another document"));
    let none = told(SPDX_TYPE, "{}");
    assert_eq!((none.packages, none.problem.is_some()), (None, true));
}

#[test]
fn an_approval_of_something_else_is_told_and_does_not_count() {
    let (ci, boss) = (LocalKey::p256(1), LocalKey::p256(2));
    for (approved, by, counts) in
        [(accepted(), &boss, true), (Sha256Digest::of(b"other"), &boss, false), (accepted(), &ci, false)]
    {
        let mut world = World::default();
        let descriptor = world.seal(1, |gate| {
            let (gate, sbom) = (Gated { approved: Some(approved), ..gate.clone() }, sbom(&gate.image));
            evidence_by([by, &ci, &ci, &ci], &gate, &facts(None), sbom)
        });
        let report = world.of_image(&descriptor);
        assert_eq!(report.approvals.iter().map(|one| one.counts).collect::<Vec<_>>(), [counts]);
        assert_eq!(report.outcome() == Outcome::Admit, counts);
    }
}

#[test]
fn a_window_that_is_over_hides_the_story_and_an_instant_inside_tells_it() {
    let ended = format!("valid_until = {}\n[[authority]]\nname = \"boss\"", days(1));
    let policy = gated_policy(&LocalKey::p256(1), &LocalKey::p256(2), "");
    let policy = compiled(&policy.replacen("[[authority]]\nname = \"boss\"", &ended, 1));
    for (at, told) in [(now(), true), (days(2), false)] {
        let mut world = World::default();
        let descriptor = world.sealed(1);
        let report = world.by(&policy, &Traced::Image(descriptor.image()), at, None).unwrap();
        assert_eq!((report.build.is_some(), report.then.is_some()), (told, told), "{at}");
        assert_eq!(report.image.notes.iter().any(|note| note.code == "window-over"), !told);
        assert_eq!(report.outcome() == Outcome::Admit, told);
    }
}

#[test]
fn without_a_gate_nothing_says_when_it_was_sealed() {
    let ci = LocalKey::p256(1);
    let policy = compiled(&minimal(&ci));
    let mut world = World::default();
    let descriptor = world.seal(1, |gate| {
        let of = &gate.image;
        let scan = statement(of.digest(), VULNS_TYPE, "{}");
        signed(&[(&ci, carrying(of, &facts(None))), (&ci, sbom(of)), (&ci, scan)])
    });
    let report = world.by(&policy, &Traced::Image(descriptor.image()), now(), None).unwrap();
    assert_eq!(report.outcome(), Outcome::Admit);
    assert!(report.build.is_some() && report.gate.is_none() && report.then.is_none());
    let sbom = report.sbom.unwrap();
    assert_eq!((sbom.packages, sbom.sha256), (Some(3), Some(Sha256Digest::of(SPDX.as_bytes()))));
}
