//! Receipts that are kept → those that a verdict looks at, and what each of them proves.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use crate::{
    attestation::{Statement, predicate::Receipt},
    digest::Sha256Digest,
    ids::ImageRef,
    policy::{CheckedReceipt, Doubt, FoundReceipt, Keys, Policy, WantedReceipts, check_receipt, stated},
    ports::{
        PortError, PortErrorKind, ReceiptStore, evidence_folder, is_signed_path, receipt_path, receipts_folder,
        receipts_from,
    },
    report::{RECEIPTS_SCHEMA, ReceiptReport, ReceiptsReport},
};

/// So many names are looked at; where there are more, nobody knows which are the newest.
const NAMES: usize = 100_000;
/// Of those that are required, so many of the newest are read.
const NEWEST: usize = 16;
/// Of each evidence, so many of the oldest.
const OLDEST: usize = 4;
/// So many of the oldest in all.
const OLD: usize = 64;
/// For each that is looked for so many are read: others stand under names that are not theirs.
const TRIES: usize = 4;

/// Finds the receipts of an image that a verdict would look at: the newest about the evidence that it has, the oldest about
/// any.
///
/// # Errors
/// Those of the place, and more names than are looked at.
pub async fn find_receipts(
    store: &impl ReceiptStore,
    image: &ImageRef,
    evidence: Option<Sha256Digest>,
    wanted: WantedReceipts,
    now: Timestamp,
) -> Result<Vec<FoundReceipt>, PortError> {
    let folder = receipts_folder(&image.region, Some(image));
    let mut found = BTreeMap::new();
    if let (Some(max_age), Some(evidence)) = (wanted.newest, evidence) {
        let own = evidence_folder(&folder, Some(evidence));
        let since = receipts_from(&own, max_age.before(now));
        // What is of a time to come would stand before all that there is.
        let end = receipts_from(&own, now.saturating_add(SignedDuration::from_secs(1)).unwrap_or(now));
        let names = signed(store, &own, Some(&since)).await?;
        let names = names.into_iter().rev().filter(|path| *path < end);
        read_own(store, names, NEWEST, &mut found).await?;
    }
    if wanted.older {
        let mut of_each: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for path in signed(store, &folder, None).await? {
            let of = path.rsplit_once('/').map_or("", |(of, _)| of).to_owned();
            of_each.entry(of).or_default().push(path);
        }
        for names in of_each.into_values().take(OLD / OLDEST) {
            read_own(store, names.into_iter(), OLDEST, &mut found).await?;
        }
    }
    let place = |(path, bytes)| FoundReceipt { place: format!("{}/{path}", store.locate()), bytes };
    Ok(found.into_iter().map(place).collect())
}

/// Lists the signed receipts in a folder, all of them.
async fn signed(store: &impl ReceiptStore, folder: &str, after: Option<&str>) -> Result<Vec<String>, PortError> {
    let mut names = store.list(folder, after, NAMES).await?;
    if names.len() >= NAMES {
        let why = format!("there are {NAMES} or more, and nobody looks at so many");
        let place = format!("{}/{folder}", store.locate());
        return Err(PortError::new(PortErrorKind::Unavailable, "listing receipts", place).because(why));
    }
    names.retain(|path| is_signed_path(path) == Some(true));
    Ok(names)
}

/// Reads so many receipts that stand under their own names. What is none, or too large for one, is passed over.
async fn read_own(
    store: &impl ReceiptStore,
    names: impl Iterator<Item = String>,
    most: usize,
    found: &mut BTreeMap<String, Vec<u8>>,
) -> Result<(), PortError> {
    let mut left = most;
    for path in names.take(most * TRIES) {
        let read = match store.read(&path).await {
            Err(error) if error.kind == PortErrorKind::Malformed => None,
            read => read?,
        };
        if let Some(bytes) = read.filter(|bytes| stands_there(&path, bytes)) {
            found.insert(path, bytes);
            left -= 1;
        }
        if left == 0 {
            break;
        }
    }
    Ok(())
}

/// Says whether a receipt stands under its own name: another's could push what is newer out of sight.
fn stands_there(path: &str, bytes: &[u8]) -> bool {
    let Some((folder, _)) = path.rsplit_once('/') else { return false };
    let receipt = stated(bytes).and_then(|statement| statement.predicate::<Receipt>().ok());
    receipt.is_some_and(|receipt| receipt_path(folder, receipt.last(), receipt.name(), true) == path)
}

/// Checks receipts, each by itself.
pub fn verify_receipts(policy: &Policy, keys: &Keys, found: &[FoundReceipt], now: Timestamp) -> ReceiptsReport {
    let receipts = found.iter().map(|one| report(policy, keys, one, now)).collect();
    ReceiptsReport { schema: RECEIPTS_SCHEMA, at: now, policy: Some(policy.digest()), receipts, more: false }
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
    let receipts = found.iter().map(show).collect();
    ReceiptsReport { schema: RECEIPTS_SCHEMA, at: now, policy: None, receipts, more: false }
}
