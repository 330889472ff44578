//! Whose lists count: revocations and overrides.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{digest::Sha256Digest, gate::Period, trust::AuthorityName};

/// Whose revocation list counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RevocationRule {
    /// Who may sign it: at least one.
    pub authorities: BTreeSet<AuthorityName>,
    /// How many of them must have signed.
    pub threshold: usize,
    /// How long ago it may have been signed.
    pub max_age: Period,
    /// Its name.
    pub list: ListName,
}

/// The name of a revocation list: 1 to 64 lowercase letters, digits and `-`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String", extend("pattern" = "^[a-z0-9-]{1,64}$"))]
pub struct ListName(String);

/// Whose overrides count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OverrideRule {
    /// Who may sign one: at least two.
    pub authorities: BTreeSet<AuthorityName>,
    /// How many of them must have signed: two at least.
    pub threshold: usize,
    /// How long one may last.
    pub max_life: Period,
    /// For what there may be overrides.
    pub scopes: BTreeSet<OverrideScope>,
    /// Which codes may be overridden; none: all that can be.
    pub causes: Option<BTreeSet<String>>,
}

/// Whose receipts are believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReceiptRule {
    /// Who may sign one: at least one.
    pub authorities: BTreeSet<AuthorityName>,
    /// Which one an image needs, where it needs one.
    pub required: Option<RequiredReceipt>,
}

/// The receipt that an image needs: one that passed, and is about the evidence that the image has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequiredReceipt {
    /// How long ago its decision may have been.
    pub max_age: Period,
    /// Under which policies it may have been made: at least one.
    pub policies: BTreeSet<Sha256Digest>,
}

/// For what there may be overrides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum OverrideScope {
    /// Single images.
    Image,
    /// The launches of an Auto Scaling group.
    Group,
    /// What launches in an account.
    Account,
}

impl ListName {
    /// Returns the name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for ListName {
    fn default() -> Self {
        Self("default".to_owned())
    }
}

impl TryFrom<String> for ListName {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let legal = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        match (1..=64).contains(&text.len()) && text.bytes().all(legal) {
            true => Ok(Self(text)),
            false => Err(format!("{text:?} is not the name of a list: 1 to 64 lowercase letters, digits and '-'")),
        }
    }
}

impl From<ListName> for String {
    fn from(name: ListName) -> Self {
        name.0
    }
}
