//! Nothing but a whole override lets pass.

use super::*;
use crate::{
    attestation::{predicate::GRANT_TYPE, write_named},
    testing::evidence::signed,
};

#[test]
fn two_people_let_pass_what_they_name_and_the_verdict_says_so() {
    assert_eq!(unsealed().outcome(), "reject attestation-missing");
    let passed = letting_pass(unsealed(), &for_image(&["attestation-missing"]));
    assert_eq!(passed.outcome(), "overridden");
    let judgement = passed.judge().0;
    let overridden = judgement.verdict.overridden().unwrap();
    assert_eq!(judgement.until, Some(overridden.until()));
    assert_eq!(overridden.by().iter().map(|name| name.as_str()).collect::<Vec<_>>(), ["one", "two"]);
    let codes: Vec<&str> = overridden.reasons().iter().map(Reason::code).collect();
    assert_eq!(codes, ["attestation-missing"; 3]);
}

#[test]
fn faults_behind_reasons_must_be_named_too() {
    let store = || Err("throttled".to_owned());
    let both = || Asked { store: store(), ..unsealed() };
    assert_eq!(letting_pass(both(), &for_image(&["attestation-missing"])).outcome(), "reject attestation-missing");
    let all = for_image(&["attestation-missing", "revocations-unavailable"]);
    let passed = letting_pass(both(), &all);
    assert_eq!(passed.outcome(), "overridden");
    let verdict = passed.judge().0.verdict;
    let told: Vec<&str> = verdict.overridden().unwrap().faults().iter().map(|one| one.code()).collect();
    assert_eq!(told, ["revocations-unavailable"]);
}

#[test]
fn as_many_must_sign_as_the_policy_says() {
    let authorities = "[override]\nauthorities = [\"one\", \"two\"";
    let three = format!("{authorities}, \"three\"]\nthreshold = 3");
    let policy = listed_policy().replace(&format!("{authorities}]"), &three)
        + &crate::testing::policies::authority_table("three", &LocalKey::p256(6));
    let [one, two] = granters();
    let granted = for_image(&["attestation-missing"]);
    let by = |keys: &[LocalKey]| {
        let overrides = signed_grant(&granted, keys);
        Asked { policy: policy.clone(), overrides, ..unsealed() }.outcome()
    };
    assert_eq!(by(&[one, two]), "reject attestation-missing");
    assert_eq!(by(&[3, 4, 6].map(LocalKey::p256)), "overridden");
}

#[test]
fn of_several_the_one_that_ends_last_lets_pass() {
    let granted = |hours: i32| Grant { until: now() + HOUR * hours, ..for_image(&["attestation-missing"]) };
    for (one, other) in [(1, 2), (2, 1), (2, 3), (3, 1), (4, 2), (3, 4)] {
        let overrides = [one, other].map(|hours| signed_grant(&granted(hours), &granters())).concat();
        let judgement = Asked { overrides, ..unsealed() }.judge().0;
        assert_eq!(judgement.until, Some(now() + HOUR * one.max(other)), "{one} {other}");
    }
}

#[test]
fn that_key_files_on_disk_signed_it_is_told() {
    for dangerous in [false, true] {
        let granted = for_image(&["attestation-missing"]);
        let payload = write_named(&granted.scope.name(), GRANT_TYPE, &granted, dangerous).unwrap();
        let overrides = signed(&granters().each_ref().map(|key| (key, payload.clone())));
        let verdict = Asked { overrides, ..unsealed() }.judge().0.verdict;
        assert_eq!(verdict.overridden().unwrap().by_dangerous_local_key(), dangerous);
    }
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
    let longest = Grant { until: now() + day, ..good() };
    assert_eq!(letting_pass(unsealed(), &longest).outcome(), "overridden");
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
