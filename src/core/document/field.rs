//! One key of a document, as somebody wrote it: absent, of the wrong type, or a value with its place.
//!
//! Reading a field never fails; a wrong type is kept as a problem. So one pass finds all problems of a document.

use std::ops::Range;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Deserializer, de::DeserializeOwned};
use toml::{Spanned, Value};

/// See the module.
#[derive(Debug, Clone, Default)]
pub enum Field<T> {
    /// Not written.
    #[default]
    Absent,
    /// Written with another type.
    Wrong {
        /// Bytes of the document.
        span: Range<usize>,
        /// What was expected.
        problem: String,
    },
    /// Written.
    Is(Spanned<T>),
}

impl<T> Field<T> {
    /// Returns its place, when it was written.
    pub fn span(&self) -> Option<Range<usize>> {
        match self {
            Self::Absent => None,
            Self::Wrong { span, .. } => Some(span.clone()),
            Self::Is(value) => Some(value.span()),
        }
    }
}

impl<'de, T: DeserializeOwned> Deserialize<'de> for Field<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let written = Spanned::<Value>::deserialize(deserializer)?;
        let span = written.span();
        Ok(match written.into_inner().try_into::<T>() {
            Ok(value) => Self::Is(Spanned::new(span, value)),
            Err(error) => Self::Wrong { span, problem: error.message().to_owned() },
        })
    }
}

impl<T: JsonSchema> JsonSchema for Field<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        T::schema_name()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        T::json_schema(generator)
    }
}
