//! Outside bytes → typed values, with every bound checked before anything is built from them.
//!
//! JSON goes through a strict pass first: size, depth and duplicate keys at any depth (RFC 8259 leaves duplicates
//! open, and parsers that disagree about them are how a signed document comes to mean two things). Only then is it
//! deserialized. The strict pass keeps no values, so its memory is the keys of the objects that are open. Documents that
//! may be larger than memory are read in one pass instead ([`stream`]), and as strictly.

pub mod stream;
mod strict;

use std::{borrow::Cow, collections::BTreeSet, fmt, marker::PhantomData};

use serde::{
    Deserialize, Serialize, Serializer,
    de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor, value::MapAccessDeserializer},
};

/// How much of an outside document is read at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of the whole document.
    pub bytes: usize,
    /// Arrays and objects inside each other. At most 120: the JSON parser itself stops at 128.
    pub depth: usize,
}

/// Why outside bytes were not taken for JSON.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JsonFault {
    /// The document is larger than the limit; it was not looked at.
    #[error("{found} bytes, more than the {limit} allowed")]
    TooLarge {
        /// Its size in bytes.
        found: usize,
        /// The limit in bytes.
        limit: usize,
    },
    /// Arrays and objects nest deeper than the limit.
    #[error("nested deeper than {limit} levels")]
    TooDeep {
        /// The limit in levels.
        limit: usize,
    },
    /// A key stands twice in one object.
    #[error("duplicate key {key:?} (line {line}, column {column})")]
    DuplicateKey {
        /// The key, cut to 80 characters.
        key: String,
        /// Line, from 1.
        line: usize,
        /// Column, from 1.
        column: usize,
    },
    /// Not JSON at all, or cut off.
    #[error("not JSON: {0}")]
    Syntax(String),
    /// JSON, but not the document that was expected.
    #[error("unexpected content: {0}")]
    Shape(String),
}

/// Parses `bytes` as one JSON document of type `T`, borrowing from it where `T` does.
///
/// # Errors
/// See [`JsonFault`]; checks run in the order of its variants, but text that is not UTF-8 is a fault of syntax at once.
pub fn json<'a, T: Deserialize<'a>>(bytes: &'a [u8], limits: Limits) -> Result<T, JsonFault> {
    serde_json::from_str(strict(bytes, limits)?).map_err(|e| JsonFault::Shape(e.to_string()))
}

/// What must be written as an object. Serde reads structs from arrays too, by position, and no other reader would.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object<T>(pub T);

impl<T: Serialize> Serialize for Object<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ObjectVisitor<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for ObjectVisitor<T> {
            type Value = Object<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map)).map(Object)
            }
        }
        deserializer.deserialize_map(ObjectVisitor(PhantomData))
    }
}

/// Runs the strict pass alone: size, syntax, depth, duplicate keys.
///
/// # Errors
/// See [`JsonFault`].
pub fn check(bytes: &[u8], limits: Limits) -> Result<(), JsonFault> {
    strict(bytes, limits).map(drop)
}

/// Returns the document as text: UTF-8 is checked once for all of it, and not string by string in each pass.
fn strict(bytes: &[u8], limits: Limits) -> Result<&str, JsonFault> {
    if bytes.len() > limits.bytes {
        return Err(JsonFault::TooLarge { found: bytes.len(), limit: limits.bytes });
    }
    let mut open = Open { keys: Vec::new(), depth: 0, limit: limits.depth, stopped: None };
    let text = std::str::from_utf8(bytes).map_err(|error| JsonFault::Syntax(error.to_string()))?;
    let mut parser = serde_json::Deserializer::from_str(text);
    let outcome = Strict(&mut open).deserialize(&mut parser).and_then(|()| parser.end());
    outcome.map(|()| text).map_err(|e| match open.stopped.take() {
        Some(Stop::TooDeep) => JsonFault::TooDeep { limit: limits.depth },
        Some(Stop::Duplicate(key)) => JsonFault::DuplicateKey { key, line: e.line(), column: e.column() },
        None => JsonFault::Syntax(e.to_string()),
    })
}

/// The keys of all objects that are open, in one stack; each object remembers where its own begin.
struct Open<'de> {
    keys: Vec<Cow<'de, str>>,
    depth: usize,
    limit: usize,
    stopped: Option<Stop>,
}

enum Stop {
    TooDeep,
    Duplicate(String),
}

struct Strict<'o, 'de>(&'o mut Open<'de>);

/// Objects with more keys than this are checked with a set instead of by scanning.
const SCANNED_KEYS: usize = 24;

impl<'de> Strict<'_, 'de> {
    fn enter<E: serde::de::Error>(&mut self) -> Result<(), E> {
        self.0.depth += 1;
        if self.0.depth > self.0.limit {
            self.0.stopped = Some(Stop::TooDeep);
            return Err(E::custom("too deep"));
        }
        Ok(())
    }
}

impl<'de> DeserializeSeed<'de> for Strict<'_, 'de> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut seq: A) -> Result<(), A::Error> {
        self.enter()?;
        while seq.next_element_seed(Strict(self.0))?.is_some() {}
        self.0.depth -= 1;
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<(), A::Error> {
        self.enter()?;
        let start = self.0.keys.len();
        let mut many: Option<BTreeSet<Cow<'de, str>>> = None;
        while let Some(Key(key)) = map.next_key::<Key<'de>>()? {
            let seen = self.0.keys.get(start..).unwrap_or_default();
            let twice = match &mut many {
                Some(set) => !set.insert(key.clone()),
                None => seen.contains(&key),
            };
            if twice {
                self.0.stopped = Some(Stop::Duplicate(key.chars().take(80).collect()));
                return Err(A::Error::custom("duplicate key"));
            }
            if many.is_none() {
                self.0.keys.push(key);
                if self.0.keys.len() - start > SCANNED_KEYS {
                    many = Some(self.0.keys.drain(start..).collect());
                }
            }
            map.next_value_seed(Strict(self.0))?;
        }
        self.0.keys.truncate(start);
        self.0.depth -= 1;
        Ok(())
    }
}

/// An object key, borrowed when it has no escapes.
struct Key<'de>(Cow<'de, str>);

impl<'de> Deserialize<'de> for Key<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct KeyVisitor;
        impl<'de> Visitor<'de> for KeyVisitor {
            type Value = Key<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object key")
            }

            fn visit_borrowed_str<E>(self, key: &'de str) -> Result<Self::Value, E> {
                Ok(Key(Cow::Borrowed(key)))
            }

            fn visit_str<E>(self, key: &str) -> Result<Self::Value, E> {
                Ok(Key(Cow::Owned(key.to_owned())))
            }
        }
        deserializer.deserialize_str(KeyVisitor)
    }
}

#[cfg(test)]
pub(super) mod tests;
