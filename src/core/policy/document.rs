//! The policy document as it is written, and its JSON schema (shipped as `docs/schema/policy.json`).
//!
//! The schema is made from these types, and unknown keys are found by walking the schema: what an editor with the
//! schema accepts and what goldseal accepts are one list of keys. Every field has a default for serde, so that reading
//! never fails; which keys are required is therefore written out for the schema, and the compiler's tests compare.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer};
use toml::Spanned;

use super::rule::{ApprovalFor, BootAction, ListName, Mode, OnUnreachable, OverrideScope, RootVolume};
use crate::{
    attestation::Kind,
    digest::Sha256Digest,
    document::Field,
    gate::{EndOfLife, Period, Threshold},
    ids::{AccountId, Region},
    trust::{AuthorityName, Scheme, Testimony},
};

/// A goldseal policy: which images may launch, boot and keep running.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields, title = "goldseal policy, version 1", extend("required" = ["version", "no_match", "authority", "require"]))]
pub struct Document {
    /// The version of this document's language: 1.
    #[serde(default)]
    #[schemars(range(min = 1, max = 1))]
    pub version: Field<i64>,
    /// The mode where no scope matches.
    #[serde(default)]
    pub no_match: Field<Mode>,
    /// Accepts images without a gate result. Then exactly one statement of each required kind must be there, and every
    /// report says so. Without it, a policy requires the gate, the SBOM, and an approval by another key.
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
    /// What a gate result may say.
    #[serde(default)]
    pub gate: GateEntry,
    /// Which builds are accepted.
    #[serde(default)]
    pub provenance: ProvenanceEntry,
    /// Which images are looked at at all.
    #[serde(default)]
    pub identity: IdentityEntry,
    /// How launches are judged beside their image.
    #[serde(default)]
    pub launch: LaunchEntry,
    /// When launches that are abandoned again and again raise an alarm.
    #[serde(default)]
    pub breaker: BreakerEntry,
    /// What the boot guard does.
    #[serde(default)]
    pub boot: BootEntry,
    /// Whose revocation list is asked for. Without it, nothing can be withdrawn but by a new policy.
    #[serde(default)]
    #[schemars(with = "RevocationEntry")]
    pub revocation: Option<Spanned<RevocationEntry>>,
    /// Who may let pass what would be stopped. Without it, nobody.
    #[serde(default, rename = "override")]
    #[schemars(with = "OverrideEntry")]
    pub overrides: Option<Spanned<OverrideEntry>>,
    /// Whose receipts are believed. Without it, nobody's.
    #[serde(default)]
    #[schemars(with = "ReceiptEntry")]
    pub receipt: Option<Spanned<ReceiptEntry>>,
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
    /// The instant at which its key is put out of reach: nothing newer counts, and what a gate result that counts says to be
    /// older goes on counting. A key that leaked is revoked instead (docs/keys.md).
    #[serde(default)]
    pub retired: Field<Moment>,
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

/// Limits of a gate result, at the gate and at every launch. Ages are measured against the present time.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct GateEntry {
    /// Findings of this severity and above fail; `high` without it. Unknown severities always fail.
    #[serde(default)]
    pub fail_on: Field<Threshold>,
    /// How long ago the scan may have been, such as `30d`, which holds without it.
    #[serde(default)]
    pub max_scan_age: Field<Period>,
    /// How long ago the scanner's database may have been assembled; `30d` without it.
    #[serde(default)]
    pub max_database_age: Field<Period>,
    /// How long ago the data of that database may have been taken from its sources; `30d` without it.
    #[serde(default)]
    pub max_data_age: Field<Period>,
    /// How far ahead an exception may end; `90d` without it.
    #[serde(default)]
    pub max_exception_life: Field<Period>,
    /// Whether a distribution that is no longer maintained passes; it does without it.
    #[serde(default)]
    pub end_of_life: Field<EndOfLife>,
    /// For what a person's approval is asked; `accepted-risks` without it.
    #[serde(default)]
    pub approval: Field<ApprovalFor>,
}

/// Which builds are accepted, by what their provenance says.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct ProvenanceEntry {
    /// Builders, as URIs: `runDetails.builder.id`.
    #[serde(default)]
    #[schemars(length(min = 1))]
    pub builders: Field<Vec<String>>,
    /// Repositories of the source, as https URLs without `.git`.
    #[serde(default)]
    #[schemars(length(min = 1))]
    pub repositories: Field<Vec<String>>,
    /// Accounts whose images may be the base.
    #[serde(default)]
    #[schemars(length(min = 1))]
    pub base_owners: Field<Vec<AccountId>>,
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

/// How launches are judged beside their image.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct LaunchEntry {
    /// Whether the root volume must be made of a snapshot of the image; it must without it.
    #[serde(default)]
    pub root_volume: Field<RootVolume>,
    /// What is done when the store cannot be reached: `deny` without it.
    #[serde(default)]
    pub on_unreachable: Field<OnUnreachable>,
    /// How old the evidence may be that stands in for a store that cannot be reached; required with `last-known-good`.
    #[serde(default)]
    pub last_known_good: Field<Period>,
}

/// When launches that are abandoned again and again raise an alarm.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct BreakerEntry {
    /// So many distinct instances of one image in one group: 5 without it.
    #[serde(default)]
    #[schemars(range(min = 2, max = 100))]
    pub instances: Field<i64>,
    /// Within this time: `1h` without it.
    #[serde(default)]
    pub within: Field<Period>,
    /// Also suspends the group's `Launch` process; it does not without it.
    #[serde(default)]
    pub suspend_launch: Field<bool>,
}

/// What the boot guard does.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct BootEntry {
    /// What is done with an instance that is not admitted: `poweroff` without it.
    #[serde(default)]
    pub action: Field<BootAction>,
}

/// Whose revocation list is asked for, and how old it may be.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields, extend("required" = ["authorities", "max_age"]))]
pub struct RevocationEntry {
    /// Which authorities may sign the list. They sign nothing else.
    #[serde(default)]
    #[schemars(length(min = 1))]
    pub authorities: Field<Vec<AuthorityName>>,
    /// How many of them must have signed it; required where there is more than one.
    #[serde(default)]
    #[schemars(range(min = 1))]
    pub threshold: Field<i64>,
    /// How long ago the list may have been signed, such as `24h`. An older one counts as missing, and nothing is admitted.
    #[serde(default)]
    pub max_age: Field<Period>,
    /// The name of the list; `default` without it.
    #[serde(default)]
    pub list: Field<ListName>,
}

/// Who may let pass what would be stopped, and for how long.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields, extend("required" = ["authorities", "max_life"]))]
pub struct OverrideEntry {
    /// Which authorities may sign an override: two people at least, by keys that sign nothing else and are written here,
    /// because an override has to work when KMS does not.
    #[serde(default)]
    #[schemars(length(min = 2))]
    pub authorities: Field<Vec<AuthorityName>>,
    /// How many of them must have signed it; 2 without it.
    #[serde(default)]
    #[schemars(range(min = 2))]
    pub threshold: Field<i64>,
    /// How long an override may last, such as `8h`.
    #[serde(default)]
    pub max_life: Field<Period>,
    /// For what there may be overrides; for single images without it.
    #[serde(default)]
    #[schemars(length(min = 1))]
    pub scopes: Field<Vec<OverrideScope>>,
    /// Which codes may be overridden (docs/reasons.md); all that can be without it.
    #[serde(default)]
    #[schemars(length(min = 1))]
    pub causes: Field<Vec<String>>,
}

/// Whose receipts are believed: they prove how old a signature is, and, where one is required, that another goldseal
/// admitted the image.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields, extend("required" = ["authorities"]))]
pub struct ReceiptEntry {
    /// Which authorities may sign a receipt. They sign nothing else.
    #[serde(default)]
    #[schemars(length(min = 1))]
    pub authorities: Field<Vec<AuthorityName>>,
    /// Whether an image needs a receipt that passed, about the evidence that it has; it does not without it.
    #[serde(default)]
    pub required: Field<bool>,
    /// How long ago the decision of that receipt may have been, such as `24h`; only with `required`, which asks for it.
    #[serde(default)]
    pub max_age: Field<Period>,
    /// Under which policies it may have been made, by SHA-256 (`goldseal policy check` prints it); only with `required`,
    /// which asks for it.
    #[serde(default)]
    #[schemars(length(min = 1))]
    pub policies: Field<Vec<Sha256Digest>>,
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
    crate::document::schema::<Document>()
}
