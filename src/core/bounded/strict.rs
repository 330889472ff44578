//! A deserializer around another one that is strict about every part of a document, also about those that nobody looks
//! at: how deep it goes, that no object has a key twice, and that structs are written as objects.
//!
//! It asks the inner deserializer what is there (`deserialize_any`) whatever the type would like to see. So a part that
//! the type ignores is walked like any other, and there is no way around the walk: bytes and raw values are not read.

use std::{collections::BTreeSet, fmt};

use serde::{
    de::{DeserializeSeed, Deserializer, Error as _, IntoDeserializer as _, MapAccess, SeqAccess, Unexpected, Visitor},
    forward_to_deserialize_any,
};

use super::{SCANNED_KEYS, Stop};

/// The objects and arrays that are open.
pub(super) struct Open {
    /// The keys of all objects that are open, one behind the other: a stack without an allocation per key.
    keys: Vec<u8>,
    /// Where each key ends.
    ends: Vec<usize>,
    depth: usize,
    limit: usize,
    /// Why the walk was stopped; the deserializer's own error says where.
    pub(super) stopped: Option<Stop>,
}

impl Open {
    pub(super) fn new(limit: usize) -> Self {
        Self { keys: Vec::new(), ends: Vec::new(), depth: 0, limit, stopped: None }
    }

    fn enter<E: serde::de::Error>(&mut self) -> Result<(), E> {
        self.depth += 1;
        if self.depth > self.limit {
            self.stopped = Some(Stop::TooDeep);
            return Err(E::custom("too deep"));
        }
        Ok(())
    }

    /// Where the first key of an object would begin that is opened now.
    fn top(&self) -> usize {
        self.ends.last().copied().unwrap_or(0)
    }

    /// The keys from the one numbered `first`, which begins at `start`.
    fn keys(&self, first: usize, mut start: usize) -> impl Iterator<Item = &[u8]> {
        self.ends.get(first..).unwrap_or_default().iter().map(move |&end| {
            let key = self.keys.get(start..end).unwrap_or_default();
            start = end;
            key
        })
    }

    fn push(&mut self, key: &[u8]) {
        self.keys.extend_from_slice(key);
        self.ends.push(self.keys.len());
    }

    fn truncate(&mut self, first: usize, start: usize) {
        self.ends.truncate(first);
        self.keys.truncate(start);
    }
}

/// The deserializer around another; `D` may also be a visitor, a seed or an access of one.
pub(super) struct Strict<'o, D> {
    pub(super) inner: D,
    pub(super) open: &'o mut Open,
}

impl<'de, D: Deserializer<'de>> Deserializer<'de> for Strict<'_, D> {
    type Error = D::Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        self.inner.deserialize_any(Guard { visitor, open: self.open, object: false })
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        self.inner.deserialize_any(Guard { visitor, open: self.open, object: true })
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        self.inner.deserialize_option(Guard { visitor, open: self.open, object: false })
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, D::Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        self.inner.deserialize_str(Word(visitor))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple
        tuple_struct map identifier ignored_any
    }
}

struct Guard<'o, V> {
    visitor: V,
    open: &'o mut Open,
    /// Serde reads structs from arrays too, by position, and no other reader would.
    object: bool,
}

impl<'de, V: Visitor<'de>> Visitor<'de> for Guard<'_, V> {
    type Value = V::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.visitor.expecting(f)
    }

    fn visit_bool<E: serde::de::Error>(self, value: bool) -> Result<V::Value, E> {
        self.visitor.visit_bool(value)
    }

    fn visit_i64<E: serde::de::Error>(self, value: i64) -> Result<V::Value, E> {
        self.visitor.visit_i64(value)
    }

    fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<V::Value, E> {
        self.visitor.visit_u64(value)
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<V::Value, E> {
        self.visitor.visit_f64(value)
    }

    fn visit_str<E: serde::de::Error>(self, value: &str) -> Result<V::Value, E> {
        self.visitor.visit_str(value)
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<V::Value, E> {
        self.visitor.visit_unit()
    }

    fn visit_none<E: serde::de::Error>(self) -> Result<V::Value, E> {
        self.visitor.visit_none()
    }

    fn visit_some<D: Deserializer<'de>>(self, inner: D) -> Result<V::Value, D::Error> {
        self.visitor.visit_some(Strict { inner, open: self.open })
    }

    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<V::Value, A::Error> {
        if self.object {
            return Err(A::Error::invalid_type(Unexpected::Seq, &self.visitor));
        }
        self.open.enter()?;
        let value = self.visitor.visit_seq(Strict { inner: seq, open: self.open })?;
        self.open.depth -= 1;
        Ok(value)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<V::Value, A::Error> {
        let Guard { visitor, open, .. } = self;
        open.enter()?;
        let (first, start) = (open.ends.len(), open.top());
        let value = visitor.visit_map(Object { map, open, first, start, many: None })?;
        open.truncate(first, start);
        open.depth -= 1;
        Ok(value)
    }
}

impl<'de, S: DeserializeSeed<'de>> DeserializeSeed<'de> for Strict<'_, S> {
    type Value = S::Value;

    fn deserialize<D: Deserializer<'de>>(self, inner: D) -> Result<S::Value, D::Error> {
        self.inner.deserialize(Strict { inner, open: self.open })
    }
}

impl<'de, A: SeqAccess<'de>> SeqAccess<'de> for Strict<'_, A> {
    type Error = A::Error;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, A::Error> {
        self.inner.next_element_seed(Strict { inner: seed, open: self.open })
    }
}

struct Object<'o, A> {
    map: A,
    open: &'o mut Open,
    first: usize,
    start: usize,
    many: Option<BTreeSet<Box<[u8]>>>,
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Object<'_, A> {
    type Error = A::Error;

    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, A::Error> {
        let Object { map, open, first, start, many } = self;
        map.next_key_seed(Key { seed, open, first: *first, start: *start, many })
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, A::Error> {
        self.map.next_value_seed(Strict { inner: seed, open: self.open })
    }
}

/// Notes a key before the type sees it.
struct Key<'k, S> {
    seed: S,
    open: &'k mut Open,
    first: usize,
    start: usize,
    many: &'k mut Option<BTreeSet<Box<[u8]>>>,
}

impl<S> Key<'_, S> {
    /// Returns whether the object has the key already.
    fn twice(&mut self, key: &[u8]) -> bool {
        if let Some(many) = self.many {
            return !many.insert(key.into());
        }
        if self.open.keys(self.first, self.start).any(|seen| seen == key) {
            return true;
        }
        self.open.push(key);
        if self.open.ends.len() - self.first > SCANNED_KEYS {
            *self.many = Some(self.open.keys(self.first, self.start).map(Box::from).collect());
        }
        false
    }
}

impl<'de, S: DeserializeSeed<'de>> DeserializeSeed<'de> for Key<'_, S> {
    type Value = S::Value;

    fn deserialize<D: Deserializer<'de>>(self, inner: D) -> Result<S::Value, D::Error> {
        inner.deserialize_str(self)
    }
}

impl<'de, S: DeserializeSeed<'de>> Visitor<'de> for Key<'_, S> {
    type Value = S::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object key")
    }

    fn visit_str<E: serde::de::Error>(mut self, key: &str) -> Result<S::Value, E> {
        if self.twice(key.as_bytes()) {
            self.open.stopped = Some(Stop::Duplicate(key.chars().take(80).collect()));
            return Err(E::custom("duplicate key"));
        }
        self.seed.deserialize(key.into_deserializer())
    }
}

/// An enum without content, written as a string.
struct Word<V>(V);

impl<'de, V: Visitor<'de>> Visitor<'de> for Word<V> {
    type Value = V::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.expecting(f)
    }

    fn visit_str<E: serde::de::Error>(self, word: &str) -> Result<V::Value, E> {
        self.0.visit_enum(word.into_deserializer())
    }
}
