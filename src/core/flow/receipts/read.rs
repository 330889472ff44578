//! Receipts that are kept → those that a verdict looks at, and what each of them proves.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::{
    attestation::{Statement, predicate::Receipt},
    digest::Sha256Digest,
    ids::ImageRef,
    policy::{CheckedReceipt, Doubt, FoundReceipt, Keys, Policy, WantedReceipts, check_receipt, stated},
    ports::{PortError, ReceiptStore, evidence_folder, is_signed_path, receipt_path, receipts_folder, receipts_from},
    report::{RECEIPTS_SCHEMA, ReceiptReport, ReceiptsReport},
};

/// So many names are looked at.
const NAMES: usize = 5_000;
/// Of those that are required, so many of the newest are read: one that failed and is hidden by others is newer than what it
/// stands against.
const NEWEST: usize = 16;
/// Of each evidence, so many of the oldest.
const OLDEST: usize = 4;
/// So many of the oldest in all.
const OLD: usize = 64;

/// Finds the receipts of an image that a verdict would look at: the newest about the evidence that it has, the oldest about
/// any.
///
/// # Errors
/// Those of the place.
pub async fn find_receipts(
    store: &impl ReceiptStore,
    image: &ImageRef,
    evidence: Option<Sha256Digest>,
    wanted: WantedReceipts,
    now: Timestamp,
) -> Result<Vec<FoundReceipt>, PortError> {
    let folder = receipts_folder(&image.region, Some(image));
    let mut paths = BTreeSet::new();
    if let (Some(max_age), Some(evidence)) = (wanted.newest, evidence) {
        let own = evidence_folder(&folder, Some(evidence));
        let since = receipts_from(&own, max_age.before(now));
        let mut found = store.list(&own, Some(&since), NAMES).await?;
        found.retain(|path| is_signed_path(path) == Some(true));
        paths.extend(found.into_iter().rev().take(NEWEST));
    }
    if wanted.older {
        let mut of_each: BTreeMap<String, usize> = BTreeMap::new();
        let signed = store.list(&folder, None, NAMES).await?.into_iter();
        let signed = signed.filter(|path| is_signed_path(path) == Some(true));
        let oldest = signed.filter(|path| {
            let of = path.rsplit_once('/').map_or("", |(of, _)| of).to_owned();
            let seen = of_each.entry(of).or_default();
            *seen += 1;
            *seen <= OLDEST
        });
        paths.extend(oldest.take(OLD));
    }
    let mut found = Vec::new();
    for path in paths {
        if let Some(bytes) = store.read(&path).await?.filter(|bytes| stands_there(&path, bytes)) {
            found.push(FoundReceipt { place: format!("{}/{path}", store.locate()), bytes });
        }
    }
    Ok(found)
}

/// Says whether a receipt stands under its own name: another's could push what is newer out of sight.
fn stands_there(path: &str, bytes: &[u8]) -> bool {
    let Some((folder, _)) = path.rsplit_once('/') else { return false };
    let Some(statement) = stated(bytes) else { return false };
    let receipt = statement.predicate::<Receipt>();
    receipt.is_ok_and(|receipt| receipt_path(folder, receipt.said().instant.at, statement.digest(), true) == path)
}

/// Checks receipts, each by itself.
pub fn verify_receipts(policy: &Policy, keys: &Keys, found: &[FoundReceipt], now: Timestamp) -> ReceiptsReport {
    let receipts = found.iter().map(|one| report(policy, keys, one, now)).collect();
    ReceiptsReport { schema: RECEIPTS_SCHEMA, at: now, policy: Some(policy.digest()), receipts }
}

fn report(policy: &Policy, keys: &Keys, found: &FoundReceipt, now: Timestamp) -> ReceiptReport {
    let place = found.place.clone();
    match check_receipt(policy, keys, &found.bytes, now) {
        Ok(CheckedReceipt { by, statement, receipt }) => ReceiptReport::proven(place, statement, &receipt, by, now),
        Err(doubt) => {
            let mut report = match unproven(&found.bytes) {
                Some((statement, receipt)) => ReceiptReport::said(place, statement, &receipt),
                None => ReceiptReport::unreadable(place),
            };
            report.doubt(matches!(doubt, Doubt::Unknown(_)), doubt.to_string());
            report
        }
    }
}

/// Reads what a receipt says, whoever signed it, or nobody did.
pub(super) fn unproven(bytes: &[u8]) -> Option<(Sha256Digest, Receipt)> {
    let statement = stated(bytes).or_else(|| Statement::parse(bytes.trim_ascii_end().to_vec()).ok())?;
    let receipt = Some(&statement).filter(|one| one.is_receipt())?.predicate().ok()?;
    Some((statement.digest(), receipt))
}

/// Shows receipts as they say it, without asking who signed them.
pub fn show_receipts(found: &[FoundReceipt], now: Timestamp) -> ReceiptsReport {
    let show = |one: &FoundReceipt| match unproven(&one.bytes) {
        Some((statement, receipt)) => ReceiptReport::said(one.place.clone(), statement, &receipt),
        None => ReceiptReport::unreadable(one.place.clone()),
    };
    ReceiptsReport { schema: RECEIPTS_SCHEMA, at: now, policy: None, receipts: found.iter().map(show).collect() }
}
