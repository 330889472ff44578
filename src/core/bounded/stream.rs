//! A document that may be larger than memory → a typed value and the digest of its bytes, in one pass.
//!
//! As strict as [`json`](super::json): size, syntax, depth and duplicate keys at any depth. Memory is what the type keeps
//! and the keys of the objects that are open, so types take large arrays element by element ([`fold`]).

use std::{
    fmt,
    io::{self, BufReader, Read},
    marker::PhantomData,
};

use serde::{
    Deserialize, Deserializer,
    de::{DeserializeOwned, SeqAccess, Visitor},
};
use serde_json::error::Category;
use sigstore_crypto::Sha256Hasher;

use super::{
    JsonFault, Limits, Stop,
    strict::{Open, Strict},
};
use crate::digest::Sha256Digest;

/// What a document says, and what names its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Streamed<T> {
    /// What was read.
    pub value: T,
    /// SHA-256 of every byte.
    pub sha256: Sha256Digest,
    /// How many bytes.
    pub bytes: u64,
}

/// Why a document could not be read.
#[derive(Debug, thiserror::Error)]
pub enum StreamFault {
    /// The bytes could not be had.
    #[error("reading stopped")]
    Io(#[source] io::Error),
    /// The document is larger than the limit; what follows was not looked at.
    #[error("more than the {limit} bytes allowed")]
    TooLarge {
        /// The limit in bytes.
        limit: usize,
    },
    /// There is nothing to read.
    #[error("the document is empty")]
    Empty,
    /// It is something else than a JSON object, and begins like this.
    #[error("not a JSON object, but a text that begins with {starts:?}")]
    NotAnObject {
        /// The first characters that are not blank, in one line.
        starts: String,
    },
    /// It is not JSON, or not what was expected.
    #[error(transparent)]
    Json(JsonFault),
}

/// Reads one JSON document of type `T` to its end, from a reader that need not be buffered.
///
/// Checks run as bytes come, so of a document that has several faults the first one is told.
///
/// # Errors
/// See [`StreamFault`].
pub fn read<T: DeserializeOwned>(reader: impl Read, limits: Limits) -> Result<Streamed<T>, StreamFault> {
    let mut tally = Tally { hasher: Sha256Hasher::new(), bytes: 0, limit: limits.bytes, head: Vec::new() };
    let mut open = Open::new(limits.depth);
    let source = BufReader::with_capacity(CHUNK, Source { reader, tally: &mut tally });
    let mut parser = serde_json::Deserializer::from_reader(source);
    let value = T::deserialize(Strict { inner: &mut parser, open: &mut open });
    let value = value.and_then(|value| parser.end().map(|()| value));
    drop(parser);
    let value = value.map_err(|error| tally.fault(error, open, limits))?;
    let sha256 = Sha256Digest::from_bytes(*tally.hasher.finalize().as_bytes());
    Ok(Streamed { value, sha256, bytes: u64::try_from(tally.bytes).unwrap_or(u64::MAX) })
}

/// Takes an array element by element, so that it need not be in memory; none when `null` stands there.
///
/// # Errors
/// Those of the elements, and that it is no array.
pub fn fold<'de, D, T, A>(deserializer: D, into: A, add: impl FnMut(&mut A, T)) -> Result<Option<A>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    deserializer.deserialize_any(Elements { into, add, element: PhantomData })
}

struct Elements<A, F, T> {
    into: A,
    add: F,
    element: PhantomData<T>,
}

impl<'de, A, F: FnMut(&mut A, T), T: Deserialize<'de>> Visitor<'de> for Elements<A, F, T> {
    type Value = Option<A>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array")
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_seq<S: SeqAccess<'de>>(mut self, mut seq: S) -> Result<Self::Value, S::Error> {
        while let Some(element) = seq.next_element()? {
            (self.add)(&mut self.into, element);
        }
        Ok(Some(self.into))
    }
}

/// The hash is fastest over pieces that stay in the first cache.
const CHUNK: usize = 32 << 10;

/// Enough of the beginning to be recognised.
const HEAD: usize = 40;

/// What was read so far.
struct Tally {
    hasher: Sha256Hasher,
    bytes: usize,
    limit: usize,
    head: Vec<u8>,
}

struct Source<'t, R> {
    reader: R,
    tally: &'t mut Tally,
}

impl<R: Read> Read for Source<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.reader.read(buffer)?;
        let read = buffer.get(..length).unwrap_or_default();
        let tally = &mut *self.tally;
        tally.bytes = tally.bytes.saturating_add(length);
        if tally.bytes > tally.limit {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        if tally.head.len() < HEAD {
            let text = if tally.head.is_empty() { read.trim_ascii_start() } else { read };
            tally.head.extend(text.iter().take(HEAD - tally.head.len()));
        }
        tally.hasher.update(read);
        Ok(length)
    }
}

impl Tally {
    fn fault(&self, error: serde_json::Error, open: Open, limits: Limits) -> StreamFault {
        if self.bytes > self.limit {
            return StreamFault::TooLarge { limit: self.limit };
        }
        StreamFault::Json(match (open.stopped, error.classify()) {
            (_, Category::Io) => return StreamFault::Io(error.into()),
            (Some(Stop::TooDeep), _) => JsonFault::TooDeep { limit: limits.depth },
            (Some(Stop::Duplicate(key)), _) => {
                JsonFault::DuplicateKey { key, line: error.line(), column: error.column() }
            }
            (None, Category::Eof) if self.bytes == 0 => return StreamFault::Empty,
            _ if self.head.first().is_some_and(|&first| first != b'{') => {
                let text = String::from_utf8_lossy(&self.head);
                return StreamFault::NotAnObject { starts: text.lines().next().unwrap_or_default().to_owned() };
            }
            (None, Category::Data) => JsonFault::Shape(error.to_string()),
            (None, Category::Syntax | Category::Eof) => JsonFault::Syntax(error.to_string()),
        })
    }
}

#[cfg(test)]
mod tests;
