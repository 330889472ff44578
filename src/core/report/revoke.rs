//! What `revoke` says: the list, what was added to it, and which images fall with that.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

use super::{Cause, KeyReport, Note};
use crate::{
    attestation::predicate::{Revocation, Revocations, Revoked},
    digest::Sha256Digest,
    ids::ImageRef,
    trust::AuthorityName,
};

/// The schema of [`RevokeReport`].
pub const REVOKE_SCHEMA: &str = "goldseal/revoke/v1";

/// What `revoke` says.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RevokeReport {
    /// `goldseal/revoke/v1`.
    pub schema: &'static str,
    /// The instant.
    pub at: Timestamp,
    /// What was done.
    pub action: RevokeAction,
    /// The name of the list.
    pub list: String,
    /// Where it is.
    pub place: String,
    /// Its serial; 0 where there is none yet.
    pub serial: u64,
    /// When it was signed.
    pub issued: Timestamp,
    /// When it is too old to count, unless it is renewed before.
    pub until: Timestamp,
    /// SHA-256 of its payload, once it is signed.
    pub statement: Option<Sha256Digest>,
    /// The authorities that signed it.
    pub signed_by: Vec<AuthorityName>,
    /// How many of them it takes.
    pub threshold: usize,
    /// The key that signed just now.
    pub key: Option<KeyReport>,
    /// How many entries it has.
    pub total: usize,
    /// The entries that are shown: those that are added; or all that were asked for.
    pub entries: Vec<EntryReport>,
    /// What falls with what is added; none when nobody looked.
    pub falls: Option<Falls>,
    /// What a reader should know beside it.
    pub notes: Vec<Note>,
}

/// What was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RevokeAction {
    /// Nothing: it says what would be added.
    Planned,
    /// Nothing: the list says it already.
    Already,
    /// The list is signed, stored, and counts.
    Signed,
    /// The list is signed and stored, and waits for the signatures of more authorities. The one before still counts.
    Waiting,
    /// Nothing: it shows what there is.
    Shown,
}

/// An entry of the list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct EntryReport {
    /// Its number.
    pub number: u64,
    /// When it was added.
    pub at: Timestamp,
    /// Who added it.
    pub by: String,
    /// Why.
    pub reason: String,
    /// What is withdrawn.
    pub revokes: RevokedReport,
    /// The entry that lifts it, if one does.
    pub lifted_by: Option<u64>,
}

/// What an entry withdraws.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", rename_all_fields = "camelCase", tag = "kind")]
pub enum RevokedReport {
    /// An image.
    Image {
        /// The image.
        image: ImageRef,
        /// Content digests of its devices: copies fall too.
        content: Vec<Sha256Digest>,
    },
    /// A key.
    Key {
        /// SHA-256 of its SubjectPublicKeyInfo.
        spki_sha256: Sha256Digest,
        /// Signatures that a witness saw before this stay; none stay without it.
        since: Option<Timestamp>,
    },
    /// A builder.
    Builder {
        /// The URI.
        builder: String,
        /// Builds that a witness saw before this stay; none stay without it.
        since: Option<Timestamp>,
    },
    /// Evidence, or one statement.
    Evidence {
        /// SHA-256 of the evidence, or of the payload of a statement.
        sha256: Sha256Digest,
    },
    /// An earlier entry, which was a mistake.
    Lift {
        /// Its number.
        entry: u64,
    },
}

/// Which images fall.
#[derive(Debug, Clone, Default, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Falls {
    /// How many images were looked at.
    pub looked_at: usize,
    /// Images that are admitted now, and would not be any more.
    pub images: Vec<Fall>,
    /// How many are not admitted as it is.
    pub not_admitted: usize,
    /// Images of which nobody knows.
    pub unknown: Vec<UnknownFall>,
}

/// An image that would fall.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Fall {
    /// The image.
    pub image: ImageRef,
    /// Why it would be rejected.
    pub reasons: Vec<Cause>,
    /// How many instances run it, by the audit that was given.
    pub instances: Option<u64>,
}

/// An image of which nobody knows whether it would fall.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct UnknownFall {
    /// The image.
    pub image: ImageRef,
    /// Why.
    pub why: String,
}

impl EntryReport {
    /// Tells of entries of a list.
    pub fn of(list: &Revocations, chosen: impl Fn(&Revocation) -> bool) -> Vec<Self> {
        let lifted: std::collections::BTreeMap<u64, u64> = list
            .entries
            .iter()
            .filter_map(|entry| match entry.revokes {
                Revoked::Lift { entry: lifted } => Some((lifted, entry.number)),
                Revoked::Image { .. } | Revoked::Key { .. } | Revoked::Builder { .. } | Revoked::Evidence { .. } => {
                    None
                }
            })
            .collect();
        let chosen = list.entries.iter().filter(|entry| chosen(entry));
        chosen.map(|entry| Self::new(entry, lifted.get(&entry.number).copied())).collect()
    }

    fn new(entry: &Revocation, lifted_by: Option<u64>) -> Self {
        let revokes = match entry.revokes.clone() {
            Revoked::Image { image, content } => RevokedReport::Image { image, content },
            Revoked::Key { spki_sha256, since } => RevokedReport::Key { spki_sha256, since },
            Revoked::Builder { builder, since } => RevokedReport::Builder { builder, since },
            Revoked::Evidence { sha256 } => RevokedReport::Evidence { sha256 },
            Revoked::Lift { entry } => RevokedReport::Lift { entry },
        };
        let Revocation { number, at, by, reason, .. } = entry.clone();
        Self { number, at, by, reason, revokes, lifted_by }
    }
}
