//! The overrides of a store: one file of signatures, to which lines are added and from which they are taken, whoever else
//! writes there.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::OverrideError;
use crate::{
    attestation::{
        Bundle, Content, Statement, join, lines,
        predicate::{GRANT_TYPE, Grant},
    },
    digest::Sha256Digest,
    ports::{Expected, ListStore, Listing, Stored, Written},
};

/// How often it is tried again because somebody else wrote in between.
const TRIES: usize = 8;
/// More signatures than this are not kept: every reader reads all of them, and stops at 256. Two or three are of one
/// override.
const MOST: usize = 192;

/// One signature of an override.
struct Line<'b> {
    bytes: &'b [u8],
    statement: Sha256Digest,
    until: Timestamp,
}

/// Adds lines to the overrides of a store. Where there are too many, those that are over for the longest time go. Returns
/// where it was written.
///
/// # Errors
/// See [`OverrideError`]; nothing was written then.
pub async fn publish(store: &impl ListStore, added: &[u8], now: Timestamp) -> Result<String, OverrideError> {
    let place = store.locate_list(&Listing::Overrides);
    let new = parsed("what is added", added)?;
    rewrite(store, |there| {
        let mut all = parsed(&place, there)?;
        let known: BTreeSet<Sha256Digest> = all.iter().map(|line| Sha256Digest::of(line.bytes)).collect();
        let fresh: Vec<&Line<'_>> = new.iter().filter(|line| !known.contains(&Sha256Digest::of(line.bytes))).collect();
        if fresh.is_empty() {
            return Ok(None);
        }
        let over = all.iter().filter(|line| line.until <= now);
        let mut over: BTreeSet<(Timestamp, Sha256Digest)> = over.map(|line| (line.until, line.statement)).collect();
        while all.len() + fresh.len() > MOST {
            let Some((_, oldest)) = over.pop_first() else {
                return Err(OverrideError::Full { place: place.clone(), found: all.len() });
            };
            all.retain(|line| line.statement != oldest);
        }
        Ok(Some(join(all.iter().chain(fresh).map(|line| line.bytes))))
    })
    .await?;
    Ok(place)
}

/// Takes an override out of a store; says whether it was there. One signature of the very last one stays, because stores
/// take no empty file; it lets nothing pass.
///
/// # Errors
/// See [`OverrideError`]; nothing was written then.
pub async fn take_out(store: &impl ListStore, statement: Sha256Digest) -> Result<bool, OverrideError> {
    let place = store.locate_list(&Listing::Overrides);
    rewrite(store, |there| {
        let all = parsed(&place, there)?;
        let mut left: Vec<&[u8]> =
            all.iter().filter(|line| line.statement != statement).map(|line| line.bytes).collect();
        if left.is_empty() {
            left.extend(all.first().map(|line| line.bytes));
        }
        Ok((left.len() < all.len()).then(|| join(left)))
    })
    .await
}

/// Returns the lines of an override among those of a file.
///
/// # Errors
/// [`OverrideError::Unreadable`].
pub fn lines_of(place: &str, bytes: &[u8], statement: Sha256Digest) -> Result<Vec<u8>, OverrideError> {
    let all = parsed(place, bytes)?;
    Ok(join(all.iter().filter(|line| line.statement == statement).map(|line| line.bytes)))
}

/// Reads, changes and writes, until nobody wrote in between. Says whether there was anything to write.
async fn rewrite(
    store: &impl ListStore,
    change: impl Fn(&[u8]) -> Result<Option<Vec<u8>>, OverrideError>,
) -> Result<bool, OverrideError> {
    for _ in 0..TRIES {
        let there = store.read_list(&Listing::Overrides).await.map_err(OverrideError::Store)?;
        let (bytes, expected) = match there {
            Some(Stored { bytes, revision }) => (bytes, Expected::Unchanged(revision)),
            None => (Vec::new(), Expected::Absent),
        };
        let Some(new) = change(&bytes)? else { return Ok(false) };
        match store.write_list(&Listing::Overrides, &new, expected).await.map_err(OverrideError::Store)? {
            Written::Stored => return Ok(true),
            Written::Conflict => {}
        }
    }
    Err(OverrideError::Conflict { place: store.locate_list(&Listing::Overrides) })
}

/// Reads the form of every line. Whose signature it bears is for those to judge who read the file.
fn parsed<'b>(place: &str, bytes: &'b [u8]) -> Result<Vec<Line<'b>>, OverrideError> {
    let unreadable = |line, problem: String| OverrideError::Unreadable { place: place.to_owned(), line, problem };
    let found = lines(bytes).map_err(|(line, defect)| unreadable(line, defect.to_string()))?;
    let line = |(number, bytes): (usize, &'b [u8])| {
        let bundle = Bundle::parse(bytes).map_err(|defect| unreadable(number, defect.to_string()))?;
        let Content::Envelope(envelope) = bundle.content else {
            return Err(unreadable(number, "it signs a file, not a statement".to_owned()));
        };
        let statement = Statement::parse(envelope.payload).map_err(|defect| unreadable(number, defect.to_string()))?;
        let grant = statement.predicate::<Grant>().ok().filter(|_| statement.predicate_type() == GRANT_TYPE);
        let grant = grant.ok_or_else(|| unreadable(number, "it is no override".to_owned()))?;
        Ok(Line { bytes, statement: statement.digest(), until: grant.until })
    };
    found.into_iter().map(line).collect()
}
