//! Revocation lists and overrides, and a policy that asks for them: `ci` seals, `revoker` revokes, `one` and `two` let pass.

#![expect(clippy::unwrap_used, reason = "fixtures that do not parse should stop the test")]

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};

use super::{
    images::descriptor,
    keys::LocalKey,
    policies::{authority_table, minimal},
};
use crate::{
    attestation::{
        join,
        predicate::{GRANT_TYPE, Grant, GrantScope, REVOCATIONS_TYPE, Revocation, Revocations, Revoked},
        write_named,
    },
    ids::ImageRef,
};

/// The instant at which lists are issued and asked for.
pub fn now() -> Timestamp {
    Timestamp::from_second(1_800_000_000).unwrap()
}

/// Who revokes.
pub fn revoker() -> LocalKey {
    LocalKey::p256(2)
}

/// Who lets pass.
pub fn granters() -> [LocalKey; 2] {
    [LocalKey::p256(3), LocalKey::p256(4)]
}

/// The minimal policy with a revocation list of at most an hour, and overrides of at most a day.
pub fn listed_policy() -> String {
    let authorities = ["one", "two"].iter().zip(granters()).map(|(name, key)| authority_table(name, &key));
    let authorities: String = authorities.chain([authority_table("revoker", &revoker())]).collect();
    let lists = "[revocation]\nauthorities = [\"revoker\"]\nmax_age = \"1h\"\n\
                 [override]\nauthorities = [\"one\", \"two\"]\nmax_life = \"24h\"\nscopes = [\"image\", \"group\", \"account\"]\n";
    minimal(&LocalKey::p256(1)) + &authorities + lists
}

/// A list of some entries, as of now.
pub fn revocations(serial: u64, revoked: &[Revoked]) -> Revocations {
    let at = now().saturating_sub(SignedDuration::from_hours(2)).unwrap();
    let entry = |revokes: &Revoked| Revocation {
        number: 0,
        at,
        by: "alice@example.com".into(),
        reason: "poisoned".into(),
        revokes: revokes.clone(),
    };
    let list = Revocations::new("default").next(revoked.iter().map(entry).collect(), now());
    Revocations { serial, ..list }
}

/// Signs a list.
pub fn signed_list(list: &Revocations, key: &LocalKey) -> Vec<u8> {
    let name = Revocations::subject(&list.list);
    let bundle = key.bundle(write_named(&name, REVOCATIONS_TYPE, list, false).unwrap());
    join([bundle.as_slice()])
}

/// The image of `images`.
pub fn image() -> ImageRef {
    descriptor().image()
}

/// An override of some causes, for eight hours from now.
pub fn grant(scope: GrantScope, causes: &[&str]) -> Grant {
    Grant {
        scope,
        causes: causes.iter().map(|&code| code.to_owned()).collect(),
        revocations: BTreeSet::new(),
        reason: "the site is down".into(),
        ticket: "INC-1".into(),
        granted_by: "alice@example.com".into(),
        granted_at: now(),
        from: now(),
        until: now().saturating_add(SignedDuration::from_hours(8)).unwrap(),
    }
}

/// Signs an override by some keys.
pub fn signed_grant(grant: &Grant, keys: &[LocalKey]) -> Vec<u8> {
    let payload = write_named(&grant.scope.name(), GRANT_TYPE, grant, false).unwrap();
    let bundles: Vec<Vec<u8>> = keys.iter().map(|key| key.bundle(payload.clone())).collect();
    join(bundles.iter().map(Vec::as_slice))
}
