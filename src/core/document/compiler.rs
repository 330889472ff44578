//! A document's text → its fields, with every problem in one list.

use std::{collections::BTreeSet, ops::Range};

use schemars::{JsonSchema, generate::SchemaSettings};
use serde::de::DeserializeOwned;
use toml::de::DeTable;

use super::{Field, Problem, Problems};

/// Documents are written by hand; 1 MiB is hundreds of entries.
const LARGEST: usize = 1 << 20;

/// One document on its way to what it means.
#[derive(Debug)]
pub struct Compiler<'a, F> {
    /// The document's file, for messages.
    name: &'a str,
    /// Its text.
    pub text: &'a str,
    /// What it names.
    pub files: F,
    problems: Vec<Problem>,
}

/// A table: a required key that is absent is reported where its table begins.
#[derive(Debug)]
pub struct Place<'p> {
    /// Its key.
    pub key: &'p str,
    /// Bytes of the document.
    pub span: Range<usize>,
}

impl Place<'_> {
    /// Returns where a key of this table was written, or where the table begins.
    pub fn of<T>(&self, field: &Field<T>) -> Range<usize> {
        field.span().unwrap_or(self.span.clone())
    }
}

impl<'a, F> Compiler<'a, F> {
    /// Takes a document; `name` is its file's, for messages.
    pub fn new(name: &'a str, text: &'a str, files: F) -> Self {
        Self { name, text, files, problems: Vec::new() }
    }

    /// Returns what was made of the document when nothing is wrong with it.
    ///
    /// # Errors
    /// Every problem, sorted by place.
    pub fn finish<T>(self, made: Option<T>) -> Result<T, Problems> {
        let mut problems = self.problems;
        problems.sort();
        problems.dedup();
        match made {
            Some(made) if problems.is_empty() => Ok(made),
            _ => Err(Problems(problems)),
        }
    }

    /// Returns the line of a byte of the document, from 1.
    pub fn line(&self, byte: usize) -> usize {
        self.before(byte).bytes().filter(|&byte| byte == b'\n').count() + 1
    }

    fn before(&self, byte: usize) -> &'a str {
        self.text.get(..byte).unwrap_or(self.text)
    }

    /// Notes a problem.
    pub fn problem(&mut self, span: &Range<usize>, key: impl Into<String>, message: impl Into<String>) {
        let before = self.before(span.start);
        let line = self.line(span.start);
        let column = before.len() - before.rfind('\n').map_or(0, |at| at + 1) + 1;
        let (file, key, message) = (self.name.to_owned(), key.into(), message.into());
        self.problems.push(Problem { file, line, column, key, message });
    }

    /// Reads the document: syntax, then unknown keys and shapes (by walking the schema), then types. Syntax and shape must
    /// be right before there is anything to read; nothing else stands in the way.
    pub fn read<T: DeserializeOwned + JsonSchema>(&mut self) -> Option<T> {
        if self.text.len() > LARGEST {
            let message = format!("{} bytes, more than the {LARGEST} that are read", self.text.len());
            self.problem(&(0..0), "", message);
            return None;
        }
        let (table, syntax) = DeTable::parse_recoverable(self.text);
        for error in &syntax {
            self.problem(&error.span().unwrap_or(0..0), "", error.message());
        }
        if !syntax.is_empty() || !self.shape(table.get_ref(), &schema::<T>(), "") {
            return None;
        }
        match toml::from_str(self.text) {
            Ok(document) => Some(document),
            Err(error) => {
                self.problem(&error.span().unwrap_or(0..0), "", error.message());
                None
            }
        }
    }

    /// Takes a key that may be absent.
    pub fn optional<T>(&mut self, key: String, field: Field<T>) -> Option<T> {
        match field {
            Field::Absent => None,
            Field::Is(value) => Some(value.into_inner()),
            Field::Wrong { span, problem } => {
                self.problem(&span, key, problem);
                None
            }
        }
    }

    /// Takes a key that must be there.
    pub fn required<T>(&mut self, at: &Place<'_>, name: &str, field: Field<T>) -> Option<T> {
        let key = below(at.key, name);
        if matches!(field, Field::Absent) {
            self.problem(&at.span, key.clone(), "required, and has no default");
        }
        self.optional(key, field)
    }

    /// Takes a list that may be absent but not empty: an empty list would accept nothing, or everything.
    pub fn list<T: Ord>(&mut self, key: String, field: Field<Vec<T>>) -> Option<BTreeSet<T>> {
        let span = field.span();
        let list = self.optional(key.clone(), field)?;
        let length = list.len();
        let set: BTreeSet<T> = list.into_iter().collect();
        let span = span.unwrap_or_default();
        if set.is_empty() {
            self.problem(&span, key, "an empty list; leave the key out, or name at least one");
            return None;
        }
        if set.len() < length {
            self.problem(&span, key, "an entry stands twice");
        }
        Some(set)
    }
}

/// Returns the name of a key in a table.
pub fn below(key: &str, name: &str) -> String {
    if key.is_empty() { name.to_owned() } else { format!("{key}.{name}") }
}

/// Returns the JSON schema of a document.
pub fn schema<T: JsonSchema>() -> serde_json::Value {
    let generator = SchemaSettings::draft2020_12().with(|settings| settings.inline_subschemas = true).into_generator();
    generator.into_root_schema_for::<T>().to_value()
}
