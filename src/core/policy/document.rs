//! The policy document as it is written, and its JSON schema (shipped as `docs/schema/policy.json`).
//!
//! The schema is made from these types, and unknown keys are found by walking the schema: what an editor with the
//! schema accepts and what goldseal accepts are one list of keys. Every field has a default for serde, so that reading
//! never fails; which keys are required is therefore written out for the schema, and the compiler's tests compare.

use jiff::Timestamp;
use schemars::{JsonSchema, generate::SchemaSettings};
use serde::{Deserialize, Deserializer};
use toml::Spanned;

use super::{field::Field, rule::Mode};
use crate::{
    attestation::Kind,
    digest::Sha256Digest,
    ids::{AccountId, Region},
    trust::{AuthorityName, Scheme, Testimony},
};

/// A goldseal policy: which images may launch, boot and keep running.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields, title = "goldseal policy, version 1", extend("required" = ["version", "no_match", "dangerous_without_gate", "authority", "require"]))]
pub struct Document {
    /// The version of this document's language: 1.
    #[serde(default)]
    #[schemars(range(min = 1, max = 1))]
    pub version: Field<i64>,
    /// The mode where no scope matches.
    #[serde(default)]
    pub no_match: Field<Mode>,
    /// Accepts images without a gate result. Then exactly one statement of each required kind must be there, and every
    /// report says so.
    #[serde(default)]
    pub dangerous_without_gate: Field<bool>,
    /// Whose signatures count.
    #[serde(default)]
    #[schemars(with = "Vec<AuthorityEntry>", length(min = 1))]
    pub authority: Vec<Spanned<AuthorityEntry>>,
    /// Which statements an image needs, and from whom.
    #[serde(default)]
    #[schemars(with = "Vec<RequireEntry>", length(min = 1))]
    pub require: Vec<Spanned<RequireEntry>>,
    /// Which images are looked at at all.
    #[serde(default)]
    pub identity: IdentityEntry,
    /// Where which mode holds. Where several match, `enforce` wins.
    #[serde(default)]
    #[schemars(with = "Vec<ScopeEntry>")]
    pub scope: Vec<Spanned<ScopeEntry>>,
}

/// One key whose signatures count. Exactly one of `key`, `key_file` and `kms` says which.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields, extend("required" = ["name"]))]
pub struct AuthorityEntry {
    /// Its name in this document and in reports.
    #[serde(default)]
    pub name: Field<AuthorityName>,
    /// The public key in PEM.
    #[serde(default)]
    pub key: Field<String>,
    /// A file with the public key in PEM, relative to this document.
    #[serde(default)]
    pub key_file: Field<String>,
    /// A KMS key, as `awskms:///ARN`. Its state then counts too: disabled or pending deletion, its signatures do not.
    #[serde(default)]
    pub kms: Field<String>,
    /// SHA-256 of the KMS key's SubjectPublicKeyInfo; required with `kms`.
    #[serde(default)]
    pub spki_sha256: Field<Sha256Digest>,
    /// The signature scheme; required with `kms`, else the one that goes with the key.
    #[serde(default)]
    pub scheme: Field<Scheme>,
    /// First instant at which its signatures count.
    #[serde(default)]
    pub valid_from: Field<Moment>,
    /// First instant at which they no longer do.
    #[serde(default)]
    pub valid_until: Field<Moment>,
    /// Which third parties must have seen each signature.
    #[serde(default)]
    #[schemars(length(min = 1))]
    pub witness: Field<Vec<Testimony>>,
    /// A file with the Sigstore trusted root of those third parties; required with `witness`.
    #[serde(default)]
    pub trusted_root: Field<String>,
}

/// One statement that an image needs.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields, extend("required" = ["attestation", "authorities"]))]
pub struct RequireEntry {
    /// Its kind.
    #[serde(default)]
    pub attestation: Field<Kind>,
    /// Which authorities may sign it.
    #[serde(default)]
    #[schemars(length(min = 1))]
    pub authorities: Field<Vec<AuthorityName>>,
    /// How many of them must have signed; required where there is more than one.
    #[serde(default)]
    #[schemars(range(min = 1))]
    pub threshold: Field<i64>,
}

/// Which images are looked at at all.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct IdentityEntry {
    /// Accounts whose images are accepted; without it, every account's.
    #[serde(default)]
    #[schemars(length(min = 1))]
    pub owners: Field<Vec<AccountId>>,
    /// Regions whose images are accepted; without it, every region's.
    #[serde(default)]
    #[schemars(length(min = 1))]
    pub regions: Field<Vec<Region>>,
    /// Tags whose value the provenance must seal. (Every sealed tag is compared, where the tag is visible.)
    #[serde(default)]
    #[schemars(length(min = 1))]
    pub tags: Field<Vec<String>>,
}

/// Where a mode holds: all of the lists that are given must match.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields, extend("required" = ["mode"]))]
pub struct ScopeEntry {
    /// The mode.
    #[serde(default)]
    pub mode: Field<Mode>,
    /// Accounts that launch.
    #[serde(default)]
    #[schemars(length(min = 1))]
    pub accounts: Field<Vec<AccountId>>,
    /// Regions that launch.
    #[serde(default)]
    #[schemars(length(min = 1))]
    pub regions: Field<Vec<Region>>,
    /// ARNs of Auto Scaling groups that launch.
    #[serde(default)]
    #[schemars(length(min = 1))]
    pub groups: Field<Vec<String>>,
}

/// An instant: a TOML date-time with an offset, such as `2026-12-31T23:00:00Z`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, JsonSchema)]
#[schemars(with = "Timestamp")]
pub struct Moment(pub Timestamp);

impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let written = toml::value::Datetime::deserialize(deserializer)?;
        written.to_string().parse().map(Self).map_err(|_place| {
            serde::de::Error::custom(format!(
                "{written} is not an instant: write date, time and offset, as 2026-12-31T23:00:00Z"
            ))
        })
    }
}

/// Returns the JSON schema of the document.
pub fn schema() -> serde_json::Value {
    let generator = SchemaSettings::draft2020_12().with(|settings| settings.inline_subschemas = true).into_generator();
    generator.into_root_schema_for::<Document>().to_value()
}
