//! Lists → verdicts: what is revoked is never admitted, and nothing but a whole override lets pass.

use jiff::SignedDuration;
use proptest::prelude::*;

use super::*;
use crate::{
    attestation::{
        Kind,
        predicate::{Grant, GrantScope, Revocations, Revoked},
    },
    policy::{Gathered, Judgement, judge},
    testing::{
        evidence::{payload, sealed},
        images::facts,
        keys::LocalKey,
        lists::{grant, granters, image, listed_policy, now, revocations, revoker, signed_grant, signed_list},
        policies::compiled,
    },
    verdict::Reason,
};

const HOUR: SignedDuration = SignedDuration::from_hours(1);

/// A case: the sources of lists, and when they were asked.
struct Asked {
    policy: String,
    evidence: Vec<u8>,
    store: Result<Option<Vec<u8>>, String>,
    kept: Option<Vec<u8>>,
    overrides: Vec<u8>,
    asked: Timestamp,
    context: Context,
    now: Timestamp,
}

impl Asked {
    /// An empty list, and evidence that meets the policy.
    fn admitted() -> Self {
        Self::of(&revocations(1, &[]))
    }

    fn of(list: &Revocations) -> Self {
        Self {
            policy: listed_policy(),
            evidence: sealed(&LocalKey::p256(1)),
            store: Ok(Some(signed_list(list, &revoker()))),
            kept: None,
            overrides: Vec::new(),
            asked: now(),
            context: Context::default(),
            now: now(),
        }
    }

    fn revoking(revoked: &[Revoked]) -> Self {
        Self::of(&revocations(1, revoked))
    }

    fn judge(&self) -> (Judgement, Vec<Remark>) {
        let policy = compiled(&self.policy);
        let keys = Keys::new(&policy, |_| Err(String::new()));
        let answer = self.store.as_ref().map(Option::as_deref).map_err(Clone::clone);
        let mut sources = vec![Source { place: "store".into(), answer, kept: false }];
        let kept =
            self.kept.as_deref().map(|bytes| Source { place: "kept".into(), answer: Ok(Some(bytes)), kept: true });
        sources.extend(kept);
        let overrides = Source { place: "store".into(), answer: Ok(Some(&self.overrides)), kept: false };
        let lists = Lists::default().revoking(&policy, &keys, &sources, self.asked);
        let lists = lists.overriding(&policy, &keys, &[overrides]);
        let remarks = lists.remarks().to_vec();
        let keys = keys.with(lists);
        let dossier = keys.examine(&self.evidence, facts().descriptor.digest());
        let mut judgement = judge(&policy, &keys, &facts(), &Gathered::Found(&dossier), self.now);
        judgement.let_pass(&policy, &keys, &image(), &self.context, self.now);
        (judgement, remarks)
    }

    fn outcome(&self) -> String {
        let (word, mut codes) = match self.judge().0.verdict {
            Verdict::Admit(grounds) if grounds.overridden().is_some() => ("overridden", Vec::new()),
            Verdict::Admit(_) => ("admit", Vec::new()),
            Verdict::Reject(reasons) => ("reject", reasons.as_slice().iter().map(|one| one.code()).collect()),
            Verdict::Undetermined(faults) => ("undetermined", faults.as_slice().iter().map(|one| one.code()).collect()),
        };
        codes.dedup();
        std::iter::once(word).chain(codes).collect::<Vec<_>>().join(" ")
    }

    fn remarks(&self) -> Vec<&'static str> {
        self.judge().1.iter().map(Remark::code).collect()
    }
}

fn ci() -> Sha256Digest {
    LocalKey::p256(1).public().digest()
}

fn of_image() -> Revoked {
    Revoked::Image { image: image(), content: Vec::new() }
}

fn matching() -> [(Revoked, &'static str); 5] {
    let evidence = |kind| Revoked::Evidence { sha256: Sha256Digest::of(&payload(kind)) };
    [
        (of_image(), "reject image-revoked"),
        (Revoked::Key { spki_sha256: ci(), since: None }, "reject key-revoked attestation-missing"),
        (Revoked::Builder { builder: "c".into(), since: None }, "reject builder-revoked"),
        (evidence(Kind::Sbom), "reject evidence-revoked"),
        (evidence(Kind::Provenance), "reject evidence-revoked"),
    ]
}

#[test]
fn every_kind_of_entry_rejects_what_it_names_and_says_which_entry() {
    assert_eq!(Asked::admitted().outcome(), "admit");
    for (revoked, expected) in matching() {
        let asked = Asked::revoking(&[Revoked::Evidence { sha256: Sha256Digest::of(b"other") }, revoked.clone()]);
        assert_eq!(asked.outcome(), expected, "{revoked:?}");
        let Verdict::Reject(reasons) = asked.judge().0.verdict else { panic!("{revoked:?}") };
        assert_eq!(reasons.as_slice().iter().find_map(Reason::revocation), Some(2));
        assert!(reasons.as_slice().iter().any(|reason| reason.to_string().contains("entry 2 of the revocation list")));
    }
}

#[test]
fn the_whole_evidence_can_be_revoked() {
    let evidence = sealed(&LocalKey::p256(1));
    let list = revocations(1, &[Revoked::Evidence { sha256: Sha256Digest::of(&evidence) }]);
    assert_eq!(Asked { evidence, ..Asked::of(&list) }.outcome(), "reject evidence-revoked");
}

#[test]
fn what_is_lifted_counts_again_and_nothing_else() {
    let lifted = Asked::revoking(&[of_image(), Revoked::Lift { entry: 1 }]);
    assert_eq!(lifted.outcome(), "admit");
    let again = Asked::revoking(&[of_image(), Revoked::Lift { entry: 1 }, of_image()]);
    assert_eq!(again.outcome(), "reject image-revoked");
}

#[test]
fn an_instant_leaves_nothing_standing_that_nobody_saw() {
    let since = Some(now());
    for revoked in [Revoked::Key { spki_sha256: ci(), since }, Revoked::Builder { builder: "c".into(), since }] {
        assert!(Asked::revoking(&[revoked]).outcome().starts_with("reject"));
    }
}

#[test]
fn a_list_that_does_not_count_leaves_nobody_knowing() {
    let list = || revocations(1, &[]);
    let stranger = signed_list(&list(), &LocalKey::p256(3));
    let named = Revocations { list: "other".into(), ..list() };
    let mut gap = revocations(1, &[of_image(), of_image()]);
    gap.entries.remove(0);
    for (store, expected) in [
        (Ok(None), "undetermined revocations-unavailable"),
        (Err("throttled".to_owned()), "undetermined revocations-unavailable"),
        (Ok(Some(Vec::new())), "undetermined revocations-unavailable"),
        (Ok(Some(b"x\n".to_vec())), "undetermined revocations-unavailable"),
        (Ok(Some(stranger)), "undetermined revocations-unavailable"),
        (Ok(Some(signed_list(&named, &revoker()))), "undetermined revocations-unavailable"),
        (Ok(Some(signed_list(&gap, &revoker()))), "undetermined revocations-unavailable"),
        (Ok(Some(signed_list(&revocations(0, &[]), &revoker()))), "undetermined revocations-unavailable"),
    ] {
        assert_eq!(Asked { store, ..Asked::admitted() }.outcome(), expected);
    }
    assert_eq!(Asked { asked: now() + HOUR, ..Asked::admitted() }.outcome(), "undetermined revocations-stale");
    let nearly = now() + HOUR - SignedDuration::from_nanos(1);
    assert_eq!(Asked { asked: nearly, ..Asked::admitted() }.outcome(), "admit");
    let early = Asked { asked: now() - HOUR, ..Asked::admitted() };
    assert_eq!(early.outcome(), "undetermined clock-before-signed-time");
}

#[test]
fn a_list_that_was_not_asked_for_admits_nothing() {
    let policy = compiled(&listed_policy());
    let keys = Keys::new(&policy, |_| Err(String::new()));
    let dossier = keys.examine(sealed(&LocalKey::p256(1)), facts().descriptor.digest());
    let judgement = judge(&policy, &keys, &facts(), &Gathered::Found(&dossier), now());
    assert!(matches!(judgement.verdict, Verdict::Undetermined(_)));
}

#[test]
fn an_older_list_that_is_put_back_changes_nothing_and_is_told() {
    let newer = revocations(2, &[of_image()]);
    let kept = Some(signed_list(&newer, &revoker()));
    let rolled_back = Asked { kept: kept.clone(), ..Asked::admitted() };
    assert_eq!(rolled_back.outcome(), "reject image-revoked");
    assert_eq!(rolled_back.remarks(), ["revocations-rolled-back"]);
    let out = Asked { store: Err("throttled".into()), kept, ..Asked::admitted() };
    assert_eq!((out.outcome().as_str(), out.remarks()), ("reject image-revoked", vec!["revocations-stand-in"]));
}

#[test]
fn lists_that_contradict_each_other_withdraw_together_and_admit_nothing() {
    let image = signed_list(&revocations(1, &[of_image()]), &revoker());
    let same_serial = Asked { kept: Some(image.clone()), ..Asked::admitted() };
    assert_eq!(same_serial.outcome(), "reject image-revoked");
    let other = revocations(2, &[Revoked::Evidence { sha256: Sha256Digest::of(b"x") }]);
    let taken_out = Asked { kept: Some(image), ..Asked::of(&other) };
    assert_eq!(taken_out.outcome(), "reject image-revoked");
    let harmless = revocations(1, &[Revoked::Evidence { sha256: Sha256Digest::of(b"y") }]);
    let disputed = Asked { kept: Some(signed_list(&harmless, &revoker())), ..Asked::of(&other) };
    assert_eq!(disputed.outcome(), "undetermined revocations-inconsistent");
}

fn unsealed() -> Asked {
    Asked { evidence: Vec::new(), ..Asked::admitted() }
}

fn for_image(causes: &[&str]) -> Grant {
    grant(GrantScope::Image(image()), causes)
}

fn letting_pass(asked: Asked, grant: &Grant) -> Asked {
    Asked { overrides: signed_grant(grant, &granters()), ..asked }
}

#[test]
fn two_people_let_pass_what_they_name_and_the_verdict_says_so() {
    assert_eq!(unsealed().outcome(), "reject attestation-missing");
    let passed = letting_pass(unsealed(), &for_image(&["attestation-missing"]));
    assert_eq!(passed.outcome(), "overridden");
    let judgement = passed.judge().0;
    let overridden = judgement.verdict.overridden().unwrap();
    assert_eq!(judgement.until, Some(overridden.until()));
    assert_eq!(overridden.by().iter().map(|name| name.as_str()).collect::<Vec<_>>(), ["one", "two"]);
    assert!(overridden.reasons().iter().all(|reason| reason.code() == "attestation-missing"));
}

#[test]
fn faults_behind_reasons_must_be_named_too() {
    let store = || Err("throttled".to_owned());
    let both = || Asked { store: store(), ..unsealed() };
    assert_eq!(letting_pass(both(), &for_image(&["attestation-missing"])).outcome(), "reject attestation-missing");
    let all = for_image(&["attestation-missing", "revocations-unavailable"]);
    assert_eq!(letting_pass(both(), &all).outcome(), "overridden");
}

#[test]
fn a_revocation_is_overridden_by_its_number_only() {
    let revoked = || Asked::revoking(&[of_image()]);
    let mut granted = for_image(&["image-revoked"]);
    assert_eq!(letting_pass(revoked(), &granted).outcome(), "reject image-revoked");
    granted.revocations = [2].into();
    assert_eq!(letting_pass(revoked(), &granted).outcome(), "reject image-revoked");
    granted.revocations = [1].into();
    assert_eq!(letting_pass(revoked(), &granted).outcome(), "overridden");
}

#[test]
fn an_override_that_is_revoked_has_ended() {
    let granted = for_image(&["attestation-missing"]);
    let bytes = signed_grant(&granted, &granters());
    let keys = Keys::new(&compiled(&listed_policy()), |_| Err(String::new()));
    let surveyed = keys.survey(&bytes).into_content().unwrap();
    let sha256 = surveyed.statements().next().unwrap().digest();
    let asked = Asked { evidence: Vec::new(), ..Asked::revoking(&[Revoked::Evidence { sha256 }]) };
    assert_eq!(letting_pass(asked, &granted).outcome(), "reject attestation-missing");
    let spki_sha256 = granters()[0].public().digest();
    let asked = Asked { evidence: Vec::new(), ..Asked::revoking(&[Revoked::Key { spki_sha256, since: None }]) };
    assert_eq!(letting_pass(asked, &granted).outcome(), "reject attestation-missing", "one of the two is nobody now");
}

#[test]
fn groups_and_accounts_are_let_pass_only_where_they_are_known_to_launch() {
    let arn = "arn:aws:autoscaling:eu-west-1:123456789012:autoScalingGroup:00000000-0000-0000-0000-000000000000:\
               autoScalingGroupName/web";
    let scopes = [GrantScope::Group(arn.parse().unwrap()), GrantScope::Account("123456789012".parse().unwrap())];
    let known = Context {
        account: Some("123456789012".parse().unwrap()),
        region: Some("eu-west-1".parse().unwrap()),
        group: Some(arn.to_owned()),
    };
    for scope in scopes {
        let granted = grant(scope, &["attestation-missing"]);
        assert_eq!(letting_pass(unsealed(), &granted).outcome(), "reject attestation-missing");
        let asked = Asked { context: known.clone(), ..letting_pass(unsealed(), &granted) };
        assert_eq!(asked.outcome(), "overridden");
    }
}

#[test]
fn what_is_no_whole_override_changes_nothing() {
    let good = || for_image(&["attestation-missing"]);
    let [one, two] = granters();
    let other = ImageRef { id: "ami-0fedcba9876543210".parse().unwrap(), ..image() };
    let day = SignedDuration::from_hours(24);
    let bad = [
        Grant { scope: GrantScope::Image(other), ..good() },
        Grant { from: now() + HOUR, until: now() + day, ..good() },
        Grant { until: now(), ..good() },
        Grant { until: now() + day + SignedDuration::from_nanos(1), ..good() },
        Grant { from: now() - HOUR, ..good() },
        Grant { causes: Default::default(), ..good() },
        Grant { causes: ["evidence-absent".to_owned()].into(), ..good() },
        Grant { causes: ["attestation-missing".to_owned(), "internal".to_owned()].into(), ..good() },
        Grant { reason: String::new(), ..good() },
        Grant { ticket: "a\nb".into(), ..good() },
    ];
    for granted in bad {
        assert_eq!(letting_pass(unsealed(), &granted).outcome(), "reject attestation-missing", "{granted:?}");
    }
    for keys in [vec![one], vec![two], vec![LocalKey::p256(3), LocalKey::p256(3)], vec![LocalKey::p256(3), revoker()]] {
        let asked = Asked { overrides: signed_grant(&good(), &keys), ..unsealed() };
        assert_eq!(asked.outcome(), "reject attestation-missing");
    }
    let late = Asked { now: now() + SignedDuration::from_hours(8), ..letting_pass(unsealed(), &good()) };
    assert_eq!(late.outcome(), "reject attestation-missing");
}

#[test]
fn overrides_that_cannot_be_read_are_told() {
    let asked = Asked { overrides: b"x\n".to_vec(), ..unsealed() };
    assert_eq!(
        (asked.outcome().as_str(), asked.remarks()),
        ("reject attestation-missing", vec!["overrides-unreadable"])
    );
}

#[test]
fn one_that_counts_and_is_not_enough_says_what_it_does_not_name() {
    let both = Asked { store: Err("throttled".to_owned()), ..unsealed() };
    let judgement = letting_pass(both, &for_image(&["attestation-missing"])).judge().0;
    let [Remark::OverrideShort { missing, .. }] = judgement.short.as_slice() else { panic!("{:?}", judgement.short) };
    assert_eq!(missing, &["revocations-unavailable"]);
    let revoked = letting_pass(Asked::revoking(&[of_image()]), &for_image(&["image-revoked"])).judge().0;
    assert!(revoked.short[0].to_string().ends_with("does not name entry 1"), "{}", revoked.short[0]);
    assert!(letting_pass(unsealed(), &for_image(&["attestation-missing"])).judge().0.short.is_empty());
}

/// The lists of a case, with what its verdict would be without an override.
fn lists(asked: &Asked) -> (Policy, Lists, Verdict) {
    let policy = compiled(&asked.policy);
    let keys = Keys::new(&policy, |_| Err(String::new()));
    let source = |bytes| Source { place: "store".into(), answer: Ok(Some(bytes)), kept: false };
    let stored = asked.store.as_ref().unwrap().as_deref().unwrap();
    let lists = Lists::default().revoking(&policy, &keys, &[source(stored)], asked.asked);
    let lists = lists.overriding(&policy, &keys, &[source(&asked.overrides)]);
    let bare = Asked { overrides: Vec::new(), ..unsealed() };
    let verdict = if asked.evidence.is_empty() { bare } else { Asked::admitted() }.judge().0.verdict;
    (policy, lists, verdict)
}

#[test]
fn how_an_override_stands_is_told() {
    let state = |asked: &Asked, at: Timestamp| {
        let (policy, lists, _) = lists(asked);
        let grants = lists.grants(&policy, at);
        assert_eq!(grants.len(), 1);
        let one = &grants[0];
        assert_eq!(one.found, ["store"]);
        (one.state.clone(), one.by.len(), one.standing())
    };
    let whole = || letting_pass(unsealed(), &for_image(&["attestation-missing"]));
    let (state_now, by, _) = state(&whole(), now());
    assert_eq!((state_now, by), (GrantState::Active, 2));
    assert_eq!(state(&whole(), now() - HOUR).0, GrantState::NotYet);
    assert_eq!(state(&whole(), now() + HOUR * 8).0, GrantState::Over);
    let half = signed_grant(&for_image(&["attestation-missing"]), &granters()[..1]);
    let (half, by, said) = state(&Asked { overrides: half, ..unsealed() }, now());
    assert_eq!((half, by), (GrantState::HalfSigned, 1));
    assert!(said.contains("signed by 1 of the 2"), "{said}");
    let long = Grant { until: now() + HOUR * 25, ..for_image(&["attestation-missing"]) };
    assert!(matches!(state(&letting_pass(unsealed(), &long), now()).0, GrantState::Void(_)));
}

#[test]
fn what_was_launched_while_an_override_held_stays_named_and_is_admitted_by_nothing() {
    let granted = for_image(&["attestation-missing"]);
    let passed = letting_pass(unsealed(), &granted);
    let (policy, lists, verdict) = lists(&passed);
    let (image, context) = (image(), Context::default());
    let held = |verdict: &Verdict, launched| lists.held(&policy, (&image, &context), verdict, launched);
    let end = now() + HOUR * 8;
    for (launched, expected) in [
        (now(), true),
        (end - SignedDuration::from_nanos(1), true),
        // It may have waited for its verdict when the override came.
        (now() - HOUR, true),
        (now() - HOUR - SignedDuration::from_nanos(1), false),
        (end, false),
    ] {
        assert_eq!(held(&verdict, launched).is_some(), expected, "{launched}");
    }
    assert_eq!(held(&verdict, now()).unwrap().ended(), end);
    let admitted = Asked::admitted().judge().0.verdict;
    assert!(held(&admitted, now()).is_some(), "what was out then is there again");
    let other = Asked::revoking(&[of_image()]).judge().0.verdict;
    assert!(held(&other, now()).is_none(), "what it does not name stands");
}

#[test]
fn an_override_that_was_revoked_later_held_until_then() {
    let granted = for_image(&["attestation-missing"]);
    let bytes = signed_grant(&granted, &granters());
    let policy = compiled(&listed_policy());
    let keys = Keys::new(&policy, |_| Err(String::new()));
    let sha256 = keys.survey(&bytes).into_content().unwrap().statements().next().unwrap().digest();
    // The entry is of two hours before now.
    let asked = Asked { overrides: bytes, evidence: Vec::new(), ..Asked::revoking(&[Revoked::Evidence { sha256 }]) };
    let (policy, lists, verdict) = lists(&asked);
    assert!(matches!(lists.grants(&policy, now())[0].state, GrantState::Revoked(_)));
    let (image, context) = (image(), Context::default());
    assert!(lists.held(&policy, (&image, &context), &verdict, now()).is_none(), "it had ended when this was launched");
    let early = Grant { granted_at: now() - HOUR * 4, from: now() - HOUR * 4, until: now() + HOUR, ..granted };
    let bytes = signed_grant(&early, &granters());
    let sha256 = keys.survey(&bytes).into_content().unwrap().statements().next().unwrap().digest();
    let asked = Asked { overrides: bytes, evidence: Vec::new(), ..Asked::revoking(&[Revoked::Evidence { sha256 }]) };
    let (policy, lists, verdict) = self::lists(&asked);
    let held = lists.held(&policy, (&image, &context), &verdict, now() - HOUR * 3).unwrap();
    assert_eq!(held.ended(), now() - HOUR * 2);
    assert!(lists.held(&policy, (&image, &context), &verdict, now() - HOUR).is_none());
    assert_eq!(asked.outcome(), "reject attestation-missing");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// An override lets pass when all of this holds, and nothing of it can be missing: its scope, its time, its length, two
    /// signers, and every cause. Who may write to the store can put back any that was ever signed.
    #[test]
    fn an_override_lets_pass_as_a_whole_or_not_at_all(
        scope in 0_usize..4,
        known in any::<bool>(),
        from in -30_i64..30,
        hours in 1_i64..40,
        signers in prop::collection::btree_set(1_usize..5, 0..4),
        named in any::<bool>(),
        more in any::<bool>(),
    ) {
        let arn = "arn:aws:autoscaling:eu-west-1:123456789012:autoScalingGroup:00000000-0000-0000-0000-000000000000:\
                   autoScalingGroupName/web";
        let other = ImageRef { id: "ami-0fedcba9876543210".parse().unwrap(), ..image() };
        let of = [
            GrantScope::Image(image()),
            GrantScope::Image(other),
            GrantScope::Group(arn.parse().unwrap()),
            GrantScope::Account("123456789012".parse().unwrap()),
        ][scope].clone();
        let from = now() + HOUR * i32::try_from(from).unwrap();
        let causes = [named.then_some("attestation-missing"), more.then_some("evidence-absent")];
        let causes: Vec<&str> = causes.into_iter().flatten().collect();
        let until = from + HOUR * i32::try_from(hours).unwrap();
        let granted = Grant { granted_at: from, from, until, ..grant(of, &causes) };
        let keys: Vec<LocalKey> = signers.iter().map(|number| LocalKey::p256(*number)).collect();
        let context = if known {
            Context {
                account: Some("123456789012".parse().unwrap()),
                region: None,
                group: Some(arn.to_owned()),
            }
        } else {
            Context::default()
        };
        let asked = Asked { overrides: signed_grant(&granted, &keys), context, ..unsealed() };
        let expected = (scope == 0 || (scope > 1 && known))
            && from <= now()
            && now() < until
            && hours <= 24
            && signers.contains(&3)
            && signers.contains(&4)
            && named;
        prop_assert_eq!(asked.outcome() == "overridden", expected);
        if !expected {
            prop_assert_eq!(asked.outcome(), "reject attestation-missing");
        }
    }

    /// Whatever else a list says, and whatever stands beside it, an entry that matches is never admitted, but by an override
    /// that names it.
    #[test]
    fn what_is_revoked_is_never_admitted(
        which in 0_usize..5,
        others in prop::collection::vec(any::<[u8; 8]>(), 0..6),
        place in any::<prop::sample::Index>(),
        stale in any::<bool>(),
        older in any::<bool>(),
    ) {
        let mut entries: Vec<Revoked> =
            others.iter().map(|bytes| Revoked::Evidence { sha256: Sha256Digest::of(bytes) }).collect();
        entries.insert(place.index(entries.len() + 1), matching()[which].0.clone());
        let asked = Asked {
            asked: if stale { now() + HOUR } else { now() },
            kept: older.then(|| signed_list(&revocations(1, &entries[..1]), &revoker())),
            ..Asked::of(&revocations(2, &entries))
        };
        prop_assert!(asked.outcome().starts_with("reject"), "{}", asked.outcome());
    }

    /// Any bit of an override that is turned makes it none.
    #[test]
    fn a_changed_override_lets_nothing_pass(bit in any::<prop::sample::Index>()) {
        let asked = letting_pass(unsealed(), &for_image(&["attestation-missing"]));
        let mut overrides = asked.overrides.clone();
        let bit = bit.index(overrides.len() * 8);
        overrides[bit / 8] ^= 1 << (bit % 8);
        let asked = Asked { overrides, ..asked };
        prop_assert_ne!(asked.outcome(), "overridden");
    }
}

#[test]
fn bytes_that_are_the_same_are_not_examined_again_and_all_others_are() {
    let policy = compiled(&listed_policy());
    let keys = Keys::new(&policy, |_| Err(String::new()));
    let [first, second] =
        [revocations(1, &[]), revocations(2, &[of_image()])].map(|list| signed_list(&list, &revoker()));
    let read = |lists: Lists, keys: &Keys, bytes: &[u8], at| {
        let source = Source { place: "store".into(), answer: Ok(Some(bytes)), kept: false };
        lists.revoking(&policy, keys, &[Source { kept: true, ..source.clone() }, source], at)
    };
    let before = read(Lists::default(), &keys, &first, now());
    assert!(Arc::ptr_eq(&before.known[0], &before.known[1]), "two copies of one list are one");
    let same = read(Lists::after(&before), &keys, &first, now());
    assert!(Arc::ptr_eq(&before.known[0], &same.known[0]));
    // Its age is that of the new question, and another list is another list.
    let late = read(Lists::after(&before), &keys, &first, now() + HOUR);
    assert!(late.problems(&policy).iter().any(|problem| problem.contains("revocation list")), "{late:?}");
    let newer = read(Lists::after(&before), &keys, &second, now());
    assert_eq!((newer.newest().unwrap().serial, newer.newest().unwrap().entries), (2, 1));
    assert_eq!(newer.known.len(), 2, "what is gone is forgotten");
    // With other keys nothing of it is taken over.
    let stranger = compiled(&listed_policy().replace(&revoker().pem(), &LocalKey::p256(6).pem()));
    let theirs = Keys::new(&stranger, |_| Err(String::new()));
    let source = Source { place: "store".into(), answer: Ok(Some(first.as_slice())), kept: false };
    let other = Lists::after(&before).revoking(&stranger, &theirs, &[source], now());
    assert_eq!(other.newest(), None);
}
