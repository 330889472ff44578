//! Places that are written to: each holds state, and none is where the evidence is.

use crate::adapters::store::{NotAStoreUrl, StoreUrl};

/// Reads where something is kept, in a directory or in S3, and not where the evidence is; `why` says why not there.
pub(super) fn kept(what: &str, text: &str, (store, why): (Option<&StoreUrl>, &str)) -> Result<StoreUrl, String> {
    let url: StoreUrl = text.parse().map_err(|fault: NotAStoreUrl| fault.to_string())?;
    if !url.holds_state() {
        return Err(format!("{url}: {what} kept in a directory (file:///dir) or in S3 (s3://bucket/prefix)"));
    }
    apart(url, store, why)
}

/// Returns a place that is not where the evidence is.
pub(super) fn apart(place: StoreUrl, store: Option<&StoreUrl>, why: &str) -> Result<StoreUrl, String> {
    if store.is_some_and(|store| place.overlaps(store)) {
        return Err(format!("{place} is where the evidence is: {why}"));
    }
    Ok(place)
}
