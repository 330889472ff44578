//! What may stand in for a store that cannot be reached: evidence that was read from it before, and verified.
//!
//! What is kept is bytes, and every use of them is a verification like the first. Whoever may write to the state can put
//! older evidence back or claim that it was read later than it was; they cannot make anything count that nobody signed,
//! and the evidence's own time limits hold as they always do.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{
    attestation::EVIDENCE_LIMITS,
    bounded::{self, Limits, Object},
    digest::Sha256Digest,
    gate::Period,
    ids::ImageRef,
    ports::{Expected, PortError, StateName, StateStore, evidence_path},
    report::Note,
};

const SCHEMA: &str = "goldseal/last-known-good/v1";
const HEAD_LIMITS: Limits = Limits { bytes: 1 << 10, depth: 2 };
/// How old the record of unchanged evidence gets before it is written again.
const REFRESH: SignedDuration = SignedDuration::from_mins(10);

/// The first line of what is kept; the evidence follows.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Head {
    schema: String,
    read_at: Timestamp,
    evidence_sha256: Sha256Digest,
}

/// Says whether evidence that was read now should be kept, given when the same evidence was kept last.
pub fn worth_keeping(kept: Option<Timestamp>, now: Timestamp) -> bool {
    kept.is_none_or(|kept| now.duration_since(kept) >= REFRESH || now < kept)
}

/// Keeps evidence that was read from the store at `now` and admits the image.
///
/// # Errors
/// Those of the state.
pub async fn keep(state: &impl StateStore, image: &ImageRef, evidence: &[u8], now: Timestamp) -> Result<(), PortError> {
    let Ok(name) = name(image) else { return Ok(()) };
    // First, so that what was kept is not in memory beside what is.
    let expected = state.read(&name).await?.map_or(Expected::Absent, |there| Expected::Unchanged(there.revision));
    let head = Head { schema: SCHEMA.to_owned(), read_at: now, evidence_sha256: Sha256Digest::of(evidence) };
    let mut bytes = serde_json::to_vec(&head).unwrap_or_default();
    bytes.push(b'\n');
    bytes.extend_from_slice(evidence);
    // Who wrote in between kept something as good.
    let _written = state.write(&name, &bytes, expected).await?;
    Ok(())
}

/// Returns the evidence that may stand in at `now`, and the note that says so.
///
/// # Errors
/// Why nothing does, in words.
pub async fn recall(
    state: &impl StateStore,
    image: &ImageRef,
    age: Period,
    now: Timestamp,
) -> Result<(Vec<u8>, Note), String> {
    let name = name(image)?;
    let stored = state.read(&name).await.map_err(|error| format!("what was kept of it: {}", error.chain()))?;
    let stored = stored.ok_or("nothing was kept of it")?;
    let end = stored.bytes.iter().position(|&byte| byte == b'\n').ok_or("what was kept of it has no first line")?;
    let (head, evidence) = stored.bytes.split_at(end);
    let evidence = evidence.get(1..).unwrap_or_default();
    let Object(head): Object<Head> =
        bounded::json(head, HEAD_LIMITS).map_err(|fault| format!("what was kept of it: {fault}"))?;
    if head.schema != SCHEMA || evidence.len() > EVIDENCE_LIMITS.bytes {
        return Err("what was kept of it is of another version".to_owned());
    }
    if Sha256Digest::of(evidence) != head.evidence_sha256 {
        return Err("what was kept of it is damaged".to_owned());
    }
    if head.read_at > now {
        return Err(format!("what was kept of it was read at {}, which is after now", head.read_at));
    }
    if age.after(head.read_at) <= now {
        return Err(format!("what was kept of it was read at {}, more than {age} ago", head.read_at));
    }
    let message =
        format!("the store could not be reached; this was judged by the evidence that was read at {}", head.read_at);
    Ok((evidence.to_vec(), Note::new("last-known-good", message)))
}

fn name(image: &ImageRef) -> Result<StateName, String> {
    StateName::new(format!("v1/last-known-good/{}", evidence_path(image)))
}

#[cfg(test)]
mod tests;
