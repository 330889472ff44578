//! Short texts with a form: identifiers, names, periods, versions, questions.

use std::{cmp::Ordering, fmt::Display, str::FromStr};

use goldseal_core::{
    attestation::predicate::{image_arn, image_of_arn, repository},
    digest::Sha256Digest,
    fleet::quarantine::ActOn,
    gate::{Period, Threshold},
    guard::Recipe,
    ids::{AccountId, ActionToken, AmiId, GroupArn, GroupName, HookName, InstanceId, Region, SnapshotId, VolumeId},
    image::{evidence_pointer, pointer_digest},
    lifecycle::Guarded,
    ports::is_record,
    publication::{Audience, LockDays, ParameterName},
    query::{Order, Query},
    report::Condition,
    scan::Severity,
    trust::{AuthorityName, KeyUri, Scheme},
};

use super::evidence::now;

/// A text of a form is written as it was read.
fn same<T: FromStr + Display>(text: &str) {
    if let Ok(read) = text.parse::<T>() {
        assert_eq!(read.to_string(), text);
    }
}

/// A text of a form that has more spellings than one is written in one that reads as the same.
fn settled<T: FromStr + Display + PartialEq>(text: &str) {
    if let Ok(read) = text.parse::<T>() {
        assert!(read.to_string().parse::<T>().is_ok_and(|again| again == read), "{text}: {read}");
    }
}

/// Identifiers are their text.
pub fn identifiers(bytes: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(bytes) else { return false };
    same::<AccountId>(text);
    same::<ActionToken>(text);
    same::<AmiId>(text);
    same::<AuthorityName>(text);
    same::<GroupArn>(text);
    same::<GroupName>(text);
    same::<HookName>(text);
    same::<InstanceId>(text);
    same::<Region>(text);
    same::<Sha256Digest>(text);
    same::<SnapshotId>(text);
    same::<VolumeId>(text);
    if let Some((image, owner)) = image_of_arn(text) {
        assert_eq!(image_of_arn(&image_arn(&image, owner.as_ref())), Some((image, owner)));
    }
    if let Some(digest) = pointer_digest(text) {
        assert_eq!(pointer_digest(&evidence_pointer("a place", digest)), Some(digest));
    }
    true
}

/// Words of flags and documents.
pub fn words(bytes: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(bytes) else { return false };
    same::<Audience>(text);
    same::<Condition>(text);
    same::<KeyUri>(text);
    same::<ParameterName>(text);
    same::<Scheme>(text);
    settled::<Period>(text);
    if let Some(one) = repository(text) {
        assert_eq!(repository(&one).as_deref(), Some(one.as_str()));
        assert!(!one.contains('@'));
    }
    if let Ok(days) = text.parse::<LockDays>() {
        assert!(days.until(now()) > now());
    }
    if let Ok(period) = text.parse::<Period>() {
        assert!(period.after(now()) >= now() && period.before(now()) <= now());
    }
    if let Ok(guarded) = Guarded::new(&[text], &["goldseal"]) {
        assert!(guarded.unmatched(std::iter::empty()).len() == 1);
    }
    assert!(!is_record("arn", text) || text.starts_with("v1/boot/arn/"));
    let _words = (text.parse::<ActOn>(), text.parse::<Threshold>(), Severity::of(Some(text)));
    let _recipe = Recipe::of_distribution(text);
    true
}

/// A question is written in the spelling that asks the same.
pub fn query(bytes: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(bytes) else { return false };
    match text.parse::<Query>() {
        Ok(query) => assert_eq!(query.to_string().parse::<Query>().as_ref(), Ok(&query)),
        Err(fault) => {
            assert!(fault.column >= 1 && fault.column <= text.chars().count() + 1);
            return false;
        }
    }
    true
}

/// Three versions, one a line: every order is one.
pub fn versions(bytes: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(bytes) else { return false };
    let mut lines = text.split('\n');
    let [Some(a), Some(b), Some(c)] = [lines.next(), lines.next(), lines.next()] else { return false };
    for order in ["deb", "rpm", "npm", "pypi", "gem"].into_iter().filter_map(Order::of) {
        let compare = |one, other| order.compare(one, other);
        assert!(matches!(compare(a, a), None | Some(Ordering::Equal)), "{order:?}: {a}");
        assert_eq!(compare(a, b), compare(b, a).map(Ordering::reverse), "{order:?}: {a} {b}");
        if let (Some(one), Some(two), Some(both)) = (compare(a, b), compare(b, c), compare(a, c)) {
            let (up, down) = (one.is_le() && two.is_le(), one.is_ge() && two.is_ge());
            assert!((!up || both.is_le()) && (!down || both.is_ge()), "{order:?}: {a} {b} {c}");
            assert!(one.is_ne() || both == two, "{order:?}: {a} {b} {c}");
        }
    }
    true
}
