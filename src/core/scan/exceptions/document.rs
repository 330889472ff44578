//! The document as it is written, and its JSON schema.

use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, de::Error as _};
use toml::{Spanned, value::Datetime};

use crate::document::Field;

/// Accepted risks: which vulnerability in which package, by whom, why, and until when.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields, title = "goldseal exceptions, version 1")]
pub(super) struct Document {
    /// The exceptions; none is fine.
    #[serde(default)]
    #[schemars(with = "Vec<Entry>")]
    pub(super) exception: Vec<Spanned<Entry>>,
}

/// One accepted risk.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields, extend("required" = ["id", "package", "owner", "justification", "expires"]))]
pub(super) struct Entry {
    /// The vulnerability, exactly as the scanner calls it: CVE-2026-90005.
    #[serde(default)]
    #[schemars(length(min = 1))]
    pub(super) id: Field<String>,
    /// The package, by its exact name or by a package URL (of which version and qualifiers may be left out). No patterns.
    #[serde(default)]
    #[schemars(length(min = 1))]
    pub(super) package: Field<String>,
    /// Who answers for it.
    #[serde(default)]
    #[schemars(length(min = 1))]
    pub(super) owner: Field<String>,
    /// Why the risk is accepted.
    #[serde(default)]
    #[schemars(length(min = 1))]
    pub(super) justification: Field<String>,
    /// Its last day (in UTC), such as 2026-12-31; or the instant at which it ends, such as 2026-12-31T12:00:00Z. Without
    /// quotes.
    #[serde(default)]
    pub(super) expires: Field<Expiry>,
    /// Where it is tracked.
    #[serde(default)]
    #[schemars(length(min = 1))]
    pub(super) ticket: Field<String>,
}

/// The first instant at which an exception no longer holds.
#[derive(Debug, Clone, Copy, JsonSchema)]
#[schemars(with = "String", extend("anyOf" = [{"format": "date"}, {"format": "date-time"}]))]
pub(super) struct Expiry(pub(super) Timestamp);

impl<'de> Deserialize<'de> for Expiry {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let example = "as in expires = 2026-12-31";
        let written = Datetime::deserialize(deserializer)
            .map_err(|_other| D::Error::custom(format!("expected a date, without quotes, {example}")))?;
        end_of(written).map(Self).map_err(|problem| D::Error::custom(format!("{problem}, {example}")))
    }
}

fn end_of(written: Datetime) -> Result<Timestamp, String> {
    match (written.date, written.time, written.offset) {
        (Some(date), None, None) => {
            let day: Result<Timestamp, _> = format!("{date}T00:00:00Z").parse();
            let end = day.and_then(|day| day.checked_add(SignedDuration::from_hours(24)));
            end.map_err(|_far| format!("{written} is no day that ends: write another date"))
        }
        (Some(_), Some(_), Some(_)) => {
            written.to_string().parse().map_err(|_far| format!("{written} is no instant: write another"))
        }
        _ => Err(format!("{written} could be any of several instants: write a date, or date, time and offset")),
    }
}
