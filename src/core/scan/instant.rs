//! Instants as other programs write them.

use jiff::Timestamp;
use serde::{Deserialize as _, Deserializer, de::Error};

/// Takes an instant that may be absent or null, but not another text.
pub(super) fn given<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Timestamp>, D::Error> {
    Option::<String>::deserialize(deserializer)?.as_deref().map(parse).transpose()
}

/// Takes an instant that may also be an empty text: that is how scanners write that they do not say.
pub(super) fn said<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Timestamp>, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?;
    text.as_deref().filter(|text| !text.is_empty()).map(parse).transpose()
}

fn parse<E: Error>(text: &str) -> Result<Timestamp, E> {
    text.parse().map_err(|_place| E::custom(format!("{text:?} is not an instant such as 2026-12-31T23:00:00Z")))
}
