//! Receipts in files, or where they are kept → what they say.

use std::path::PathBuf;

use anyhow::{Context as _, Result, anyhow};
use goldseal_core::{
    attestation::Statement,
    flow::show_receipts,
    policy::FoundReceipt,
    ports::{LARGEST_RECEIPT, RECEIPTS_FOLDER, ReceiptStore as _, receipts_folder, receipts_from, unsigned_folder},
    report::{ReceiptReport, ReceiptsReport},
};
use jiff::{SignedDuration, Timestamp};

use crate::{
    cli::{exit::Failure, image::ImageArg, session::Session},
    files::{self, FileError},
};

/// So many receipts are listed at most.
const MOST: usize = 1_000;
/// So many names are looked at.
const NAMES: usize = 100_000;

/// Receipts in files, and the files of which nothing can be said.
pub(super) struct InFiles {
    found: Vec<FoundReceipt>,
    unread: Vec<(usize, ReceiptReport)>,
}

impl InFiles {
    /// Reads them; one that cannot be read does not keep the others back.
    ///
    /// # Errors
    /// When none can be read.
    pub(super) fn read(paths: &[PathBuf]) -> Result<Self> {
        let (mut found, mut unread) = (Vec::new(), Vec::new());
        let mut first = None;
        for (index, path) in paths.iter().enumerate() {
            let place = path.display().to_string();
            match files::read(path, LARGEST_RECEIPT) {
                Ok(bytes) => found.push(FoundReceipt { place, bytes }),
                Err(error) => {
                    let mut report = ReceiptReport::unreadable(place);
                    report.doubt(!matches!(error, FileError::TooLarge { .. }), said(&error));
                    unread.push((index, report));
                    first.get_or_insert(error);
                }
            }
        }
        match first {
            Some(error) if found.is_empty() => Err(error.into()),
            Some(_) | None => Ok(Self { found, unread }),
        }
    }

    /// Reports what was read by `look`, and in its place what was not.
    pub(super) fn report(self, look: impl FnOnce(&[FoundReceipt]) -> ReceiptsReport) -> ReceiptsReport {
        let mut report = look(&self.found);
        unsigned(&mut report, &self.found);
        for (index, one) in self.unread {
            report.receipts.insert(index.min(report.receipts.len()), one);
        }
        report
    }
}

/// Says what is wrong with a file, whose name stands beside it.
fn said(error: &FileError) -> String {
    match error {
        FileError::Read { source, .. } | FileError::Write { source, .. } => format!("it cannot be read: {source}"),
        FileError::TooLarge { limit, .. } => format!("it has more than the {limit} bytes that are read"),
        FileError::NotText { .. } => error.to_string(),
    }
}

/// Takes note of those that are statements without any signature, whatever they are called.
fn unsigned(report: &mut ReceiptsReport, found: &[FoundReceipt]) {
    for (one, found) in report.receipts.iter_mut().zip(found) {
        let bare = || Statement::parse(found.bytes.trim_ascii_end().to_vec()).is_ok();
        one.signed = one.signed && !bare();
    }
}

/// Which of the receipts that are kept are listed.
pub(super) struct Wanted {
    pub(super) image: Option<ImageArg>,
    pub(super) since: Option<Timestamp>,
    pub(super) until: Option<Timestamp>,
}

/// Lists receipts: of more than are listed, the newest.
pub(super) async fn listed(session: &Session, wanted: Wanted, now: Timestamp) -> Result<ReceiptsReport, Failure> {
    let Some(place) = session.receipts().await? else {
        let failure = Failure::from(anyhow!("no place for receipts is set"));
        return Err(failure.hint("give --receipts URL, or set GOLDSEAL_RECEIPTS"));
    };
    let Wanted { image, since, until } = wanted;
    let folder = match image {
        Some(image) => {
            let images = session.images(&[image]).await?;
            images.first().map(|image| receipts_folder(&image.region, Some(image)))
        }
        None => None,
    };
    let folder = folder.as_deref().unwrap_or(RECEIPTS_FOLDER);
    let (mut paths, mut unseen) = (Vec::new(), false);
    for folder in [folder, &unsigned_folder(folder)] {
        let listed = place.list(folder, None, NAMES).await.context("listing receipts")?;
        unseen |= listed.len() >= NAMES;
        paths.extend(listed);
    }
    paths.retain(|path| is_within(path, since, until));
    let left_out = keep_newest(&mut paths, MOST);
    let mut found = Vec::new();
    for path in paths {
        let read = place.read(&path).await.context("reading receipts")?;
        let place = format!("{}/{path}", place.locate());
        found.extend(read.map(|bytes| FoundReceipt { place, bytes }));
    }
    let mut report = show_receipts(&found, now);
    unsigned(&mut report, &found);
    report.more = unseen || left_out;
    Ok(report)
}

/// Says whether a receipt is of the time that is asked for, by its name: to the second, both ends included.
fn is_within(path: &str, since: Option<Timestamp>, until: Option<Timestamp>) -> bool {
    let Some((folder, _)) = path.rsplit_once('/') else { return false };
    let next = |at: Timestamp| at.saturating_add(SignedDuration::from_secs(1)).unwrap_or(Timestamp::MAX);
    since.is_none_or(|since| path >= receipts_from(folder, since).as_str())
        && until.is_none_or(|until| path < receipts_from(folder, next(until)).as_str())
}

/// Keeps so many of the newest, in the order in which they are; says whether some were left out.
fn keep_newest(paths: &mut Vec<String>, most: usize) -> bool {
    let over = paths.len().saturating_sub(most);
    if over == 0 {
        return false;
    }
    // A name begins with its instant.
    paths.sort_by(|a, b| name(a).cmp(name(b)));
    paths.drain(..over);
    paths.sort();
    true
}

fn name(path: &str) -> &str {
    path.rsplit_once('/').map_or(path, |(_, name)| name)
}

#[cfg(test)]
mod tests {
    use goldseal_core::{digest::Sha256Digest, ports::receipt_path};

    use super::*;

    fn path(image: &str, at: &str) -> String {
        receipt_path(&format!("v1/receipts/eu-west-1/{image}/none"), at.parse().unwrap(), Sha256Digest::of(b""), true)
    }

    #[test]
    fn a_time_has_both_of_its_ends_to_the_second() {
        let one = path("ami-0123abcd", "2026-11-24T04:05:06.7Z");
        let within = |since: Option<&str>, until: Option<&str>| {
            let at = |text: Option<&str>| text.map(|text| format!("2026-11-24T04:05:{text}Z").parse().unwrap());
            is_within(&one, at(since), at(until))
        };
        assert!(within(None, None) && within(Some("06.7"), Some("06.7")) && within(Some("05"), Some("07")));
        assert!(within(Some("06.9"), None) && within(None, Some("06")), "names know seconds");
        assert!(!within(Some("07"), None) && !within(None, Some("05.9")));
    }

    #[test]
    fn of_too_many_the_newest_stay_in_their_order() {
        let day = |image: &str, day: u8| path(image, &format!("2026-11-{day:02}T00:00:00Z"));
        let all = [day("ami-0000000a", 3), day("ami-0000000b", 1), day("ami-0000000b", 4), day("ami-0000000c", 2)];
        let mut kept = all.to_vec();
        assert!(!keep_newest(&mut kept, 4));
        assert_eq!(kept, all);
        assert!(keep_newest(&mut kept, 2));
        assert_eq!(kept, [day("ami-0000000a", 3), day("ami-0000000b", 4)]);
    }
}
