//! The keys we accept signatures from, each under a name, each for a time.

use std::{fmt, str::FromStr, sync::Arc};

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{PublicKey, Witness};
use crate::{digest::Sha256Digest, time::Window};

/// The name of an authority: up to 64 letters, digits, `-`, `_` and `.`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String", extend("pattern" = "^[A-Za-z0-9._-]{1,64}$"))]
pub struct AuthorityName(String);

impl AuthorityName {
    /// Returns the name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for AuthorityName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl FromStr for AuthorityName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::try_from(text.to_owned())
    }
}

impl TryFrom<String> for AuthorityName {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let legal = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
        if (1..=64).contains(&text.len()) && text.bytes().all(legal) {
            Ok(Self(text))
        } else {
            Err(format!("{text:?} is not a name: 1 to 64 letters, digits, '-', '_' and '.'"))
        }
    }
}

impl From<AuthorityName> for String {
    fn from(name: AuthorityName) -> Self {
        name.0
    }
}

/// What KMS says of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyAnswer {
    /// KMS would sign with it.
    Enabled {
        /// The DER of its SubjectPublicKeyInfo.
        spki: Vec<u8>,
    },
    /// Somebody disabled it or scheduled its deletion (KMS then hands out no public key).
    Withdrawn {
        /// KMS's word, such as `Disabled` or `PendingDeletion`.
        state: String,
    },
}

/// One key that we accept signatures from.
#[derive(Debug)]
pub struct Authority {
    /// Its name.
    pub name: AuthorityName,
    /// Its key.
    pub key: Arc<PublicKey>,
    /// When its signatures count.
    pub window: Window,
    /// From when on nothing newer of its counts. What is older goes on counting.
    pub retired: Option<Timestamp>,
    /// Who else must have seen a signature of its.
    pub witness: Option<Arc<Witness>>,
}

/// A trust root that cannot be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TrustRootFault {
    /// An empty trust root would make every later question empty too.
    #[error("a trust root needs at least one authority")]
    Empty,
    /// Two authorities with one name.
    #[error("two authorities are called {0}")]
    SameName(AuthorityName),
    /// Two authorities with one key: k of n would count one signer twice.
    #[error("{first} and {second} are one key ({digest})")]
    SameKey {
        /// The one.
        first: AuthorityName,
        /// The other.
        second: AuthorityName,
        /// SHA-256 of the SubjectPublicKeyInfo of both.
        digest: Sha256Digest,
    },
}

/// The authorities: at least one, with distinct names and distinct keys.
#[derive(Debug)]
pub struct TrustRoot(Vec<Authority>);

impl TrustRoot {
    /// Makes a trust root.
    ///
    /// # Errors
    /// See [`TrustRootFault`].
    pub fn new(authorities: Vec<Authority>) -> Result<Self, TrustRootFault> {
        for (index, authority) in authorities.iter().enumerate() {
            for earlier in authorities.iter().take(index) {
                if earlier.name == authority.name {
                    return Err(TrustRootFault::SameName(authority.name.clone()));
                }
                if earlier.key.same_key(&authority.key) {
                    let (first, second) = (earlier.name.clone(), authority.name.clone());
                    return Err(TrustRootFault::SameKey { first, second, digest: authority.key.digest() });
                }
            }
        }
        if authorities.is_empty() { Err(TrustRootFault::Empty) } else { Ok(Self(authorities)) }
    }

    /// Returns the authorities in the order of the policy.
    pub fn authorities(&self) -> &[Authority] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::keys::{LocalKey, authority, rsa_in_two_encodings};

    #[test]
    fn names_and_keys_are_distinct_and_there_is_at_least_one() {
        let root = |list: Vec<Authority>| TrustRoot::new(list).map(|root| root.authorities().len());
        assert_eq!(root(vec![]), Err(TrustRootFault::Empty));
        assert_eq!(root(vec![authority("a", &LocalKey::p256(1))]), Ok(1));
        assert_eq!(root(vec![authority("a", &LocalKey::p256(1)), authority("b", &LocalKey::p256(2))]), Ok(2));
        let same_name = root(vec![authority("a", &LocalKey::p256(1)), authority("a", &LocalKey::p256(2))]);
        assert!(matches!(same_name, Err(TrustRootFault::SameName(_))));
        let same_key = root(vec![authority("a", &LocalKey::p256(1)), authority("b", &LocalKey::p256(1))]);
        assert!(matches!(same_key, Err(TrustRootFault::SameKey { .. })));
    }

    #[test]
    fn one_rsa_key_in_two_encodings_is_one_key() {
        let [a, b] = rsa_in_two_encodings().map(|pem| Arc::new(PublicKey::from_pem(&pem, None).unwrap()));
        assert_ne!(a.digest(), b.digest());
        let authority = |name: &str, key: Arc<PublicKey>| Authority { key, ..authority(name, &LocalKey::p256(1)) };
        let root = TrustRoot::new(vec![authority("a", a), authority("b", b)]);
        assert!(matches!(root, Err(TrustRootFault::SameKey { .. })));
    }

    #[test]
    fn names_are_plain() {
        for bad in ["", "a b", "é", &"x".repeat(65), "a/b"] {
            assert!(bad.parse::<AuthorityName>().is_err(), "{bad}");
        }
    }
}
