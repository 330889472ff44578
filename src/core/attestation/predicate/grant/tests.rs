use jiff::SignedDuration;

use super::*;
use crate::testing::lists::{grant, image, now};

fn good() -> Grant {
    grant(GrantScope::Image(image()), &["attestation-missing"])
}

#[test]
fn an_override_names_something_and_not_too_much() {
    let codes = |count: usize| (0..count).map(|number| format!("code-{number}")).collect();
    let entries = |count: u64| (1..=count).collect();
    assert_eq!(good().check(), Ok(()));
    assert_eq!(Grant { causes: codes(0), ..good() }.check(), Err(GrantFault::NoCauses));
    assert_eq!(Grant { causes: codes(64), revocations: entries(64), ..good() }.check(), Ok(()));
    assert_eq!(Grant { causes: codes(65), ..good() }.check(), Err(GrantFault::TooMany));
    assert_eq!(Grant { revocations: entries(65), ..good() }.check(), Err(GrantFault::TooMany));
}

#[test]
fn its_texts_are_one_visible_line_of_a_bounded_length() {
    let with = |of: usize, text: String| match of {
        0 => Grant { reason: text, ..good() },
        1 => Grant { ticket: text, ..good() },
        _ => Grant { granted_by: text, ..good() },
    };
    for (of, longest) in [(0, 500), (1, 200), (2, 200)] {
        assert_eq!(with(of, "é".repeat(longest)).check(), Ok(()), "characters are counted, not bytes");
        for bad in [&*"é".repeat(longest + 1), "", " x", "x\n", "a\tb", "a\u{1b}[2Jb"] {
            let fault = with(of, bad.to_owned()).check();
            assert!(matches!(fault, Err(GrantFault::Text { most, .. }) if most == longest), "{bad:?}: {fault:?}");
        }
    }
}

#[test]
fn it_ends_after_it_begins_and_begins_when_it_was_granted_or_later() {
    let moment = SignedDuration::from_nanos(1);
    assert_eq!(Grant { until: now() + moment, ..good() }.check(), Ok(()));
    assert_eq!(Grant { until: now(), ..good() }.check(), Err(GrantFault::Backwards { from: now(), until: now() }));
    assert_eq!(Grant { granted_at: now() - moment, ..good() }.check(), Ok(()));
    let granted_at = now() + moment;
    assert_eq!(Grant { granted_at, ..good() }.check(), Err(GrantFault::BeforeGranted { from: now(), granted_at }));
}

#[test]
fn an_override_is_read_back_as_it_was_written_and_nothing_else_is_one() {
    let arn = "arn:aws:autoscaling:eu-west-1:123456789012:autoScalingGroup:00000000-0000-0000-0000-000000000000:\
               autoScalingGroupName/web";
    for (scope, name) in [
        (GrantScope::Image(image()), format!("image:{}:{}", image().region, image().id)),
        (GrantScope::Group(arn.parse().unwrap()), format!("group:{arn}")),
        (GrantScope::Account("123456789012".parse().unwrap()), "account:123456789012".to_owned()),
    ] {
        let granted = Grant { scope, revocations: [1, 7].into(), ..good() };
        assert_eq!(granted.scope.name(), name);
        let written = serde_json::to_string(&granted).unwrap();
        assert_eq!(serde_json::from_str::<Grant>(&written).unwrap(), granted);
        let more = written.replacen('{', r#"{"everything":true,"#, 1);
        assert!(serde_json::from_str::<Grant>(&more).is_err(), "{more}");
    }
}
