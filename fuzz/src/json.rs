//! The strict passes in front of every JSON document.

use std::io::{self, Read};

use goldseal_core::{
    bounded::{self, Limits, stream},
    digest::Sha256Digest,
};
use serde_json::Value;

/// Small enough for the fuzzer to reach.
const LIMITS: Limits = Limits { bytes: 1 << 14, depth: 24 };

/// Gives as many bytes at a time as the last byte that it gave says.
pub struct Pieces<'b> {
    rest: &'b [u8],
    last: u8,
}

impl<'b> Pieces<'b> {
    /// Makes a reader of bytes.
    pub fn of(rest: &'b [u8]) -> Self {
        Self { rest, last: 0 }
    }
}

impl Read for Pieces<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = usize::from(self.last % 7) + 1;
        let (piece, rest) = self.rest.split_at(most.min(buffer.len()).min(self.rest.len()));
        buffer[..piece.len()].copy_from_slice(piece);
        self.last = piece.last().copied().unwrap_or_default();
        self.rest = rest;
        Ok(piece.len())
    }
}

/// The reader of whole documents and the reader of streams take the same documents, for the same values; what they take
/// is within the limits, and no other parser of JSON refuses it.
pub fn strict_json(bytes: &[u8]) -> bool {
    let whole = bounded::json::<Value>(bytes, LIMITS);
    let streamed = stream::read::<Value>(Pieces::of(bytes), LIMITS);
    assert_eq!(whole.is_ok(), streamed.is_ok(), "{whole:?} {streamed:?}");
    assert_eq!(whole.is_ok(), bounded::check(bytes, LIMITS).is_ok(), "{whole:?}");
    let (Ok(whole), Ok(streamed)) = (whole, streamed) else { return false };
    assert_eq!(whole, streamed.value);
    assert_eq!((Sha256Digest::of(bytes), bytes.len() as u64), (streamed.sha256, streamed.bytes));
    assert!(bytes.len() <= LIMITS.bytes && depth(&whole) <= LIMITS.depth);
    assert_eq!(serde_json::from_slice::<Value>(bytes).ok().as_ref(), Some(&whole));
    let written = serde_json::to_vec(&whole).unwrap();
    assert_eq!(keys(&whole), keys(&bounded::json(&written, Limits { bytes: usize::MAX, ..LIMITS }).unwrap()));
    true
}

fn depth(value: &Value) -> usize {
    match value {
        Value::Array(all) => 1 + all.iter().map(depth).max().unwrap_or(0),
        Value::Object(all) => 1 + all.values().map(depth).max().unwrap_or(0),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => 0,
    }
}

fn keys(value: &Value) -> usize {
    match value {
        Value::Array(all) => all.iter().map(keys).sum(),
        Value::Object(all) => all.len() + all.values().map(keys).sum::<usize>(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => 0,
    }
}
