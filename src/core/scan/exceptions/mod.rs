//! `exceptions.toml` → the risks that somebody accepted, each with an owner, a reason and an end.
//!
//! An exception is for one vulnerability in one package. There are no patterns: what a pattern would let in tomorrow,
//! nobody has looked at today. That an end lies in the past is no problem of the document; the gate reports it.

mod document;
mod selector;

use std::ops::Range;

use jiff::Timestamp;
use toml::Spanned;

use crate::document::{Compiler, Field, Place, Problems, below, schema as schema_of};

use document::{Document, Entry};
pub use selector::{PurlPattern, Selector};

/// All exceptions of a document, in its order. None by default.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Exceptions(Vec<Exception>);

impl Exceptions {
    /// Returns them.
    pub fn entries(&self) -> &[Exception] {
        &self.0
    }
}

/// One risk that somebody accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exception {
    /// Where it stands in the document, from 1.
    pub line: usize,
    /// The vulnerability, as the scanner calls it.
    pub id: String,
    /// In which package.
    pub package: Selector,
    /// Who answers for it.
    pub owner: String,
    /// Why it was accepted.
    pub justification: String,
    /// First instant at which it no longer holds.
    pub expires: Timestamp,
    /// Where it is tracked.
    pub ticket: Option<String>,
}

/// Compiles a document; `file` is its name, for messages.
///
/// # Errors
/// Every problem of every entry, sorted by place.
pub fn compile(file: &str, text: &str) -> Result<Exceptions, Problems> {
    let mut compiler = Compiler::new(file, text, ());
    let document = compiler.read::<Document>();
    let exceptions = document.map(|document| compiler.exceptions(document.exception));
    compiler.finish(exceptions)
}

/// Returns the JSON schema of the document.
pub fn schema() -> serde_json::Value {
    schema_of::<Document>()
}

/// An exception's vulnerability and package, and where they stand.
struct Known {
    id: String,
    package: Selector,
    line: usize,
}

impl Compiler<'_, ()> {
    fn exceptions(&mut self, entries: Vec<Spanned<Entry>>) -> Exceptions {
        let mut known: Vec<Known> = Vec::new();
        let entries = entries.into_iter().enumerate();
        Exceptions(entries.filter_map(|(index, entry)| self.exception(index, entry, &mut known)).collect())
    }

    fn exception(&mut self, index: usize, entry: Spanned<Entry>, known: &mut Vec<Known>) -> Option<Exception> {
        let (key, span) = (format!("exception[{index}]"), entry.span());
        let at = Place { key: &key, span: span.clone() };
        let Entry { id, package, owner, justification, expires, ticket } = entry.into_inner();
        let (line, id_span, package_span) = (self.line(span.start), at.of(&id), at.of(&package));
        let id = self.words(&at, "id", id).and_then(|id| self.id(&at, &id_span, id));
        let package = self.words(&at, "package", package).and_then(|text| self.package(&at, &package_span, &text));
        let owner = self.words(&at, "owner", owner);
        let justification = self.words(&at, "justification", justification);
        let expires = self.required(&at, "expires", expires);
        let ticket = match ticket {
            Field::Absent => None,
            written @ (Field::Is(_) | Field::Wrong { .. }) => self.words(&at, "ticket", written),
        };
        let (id, package) = (id?, package?);
        if let Some(first) = known.iter().find(|one| one.id == id && one.package.same(&package)) {
            let message = format!("{id} in {package} has an exception already, in line {}", first.line);
            self.problem(&span, key.clone(), message);
        }
        known.push(Known { id: id.clone(), package: package.clone(), line });
        let (owner, justification, expires) = (owner?, justification?, expires?.0);
        Some(Exception { line, id, package, owner, justification, expires, ticket })
    }

    /// Takes a text that must be there and say something.
    fn words(&mut self, at: &Place<'_>, name: &str, field: Field<String>) -> Option<String> {
        let span = at.of(&field);
        let text = self.required(at, name, field)?;
        if text.trim().is_empty() {
            self.problem(&span, below(at.key, name), "empty; write something, or leave out what is not required");
            return None;
        }
        Some(text)
    }

    fn id(&mut self, at: &Place<'_>, span: &Range<usize>, id: String) -> Option<String> {
        let problem = match selector::pattern_in(&id) {
            Some(found) => format!("{found:?} looks like a pattern; an exception is for one vulnerability"),
            None if id.chars().any(|one| one.is_whitespace() || one.is_control()) => {
                format!("{id:?} has blanks in it, so it is no vulnerability's id")
            }
            None => return Some(id),
        };
        self.problem(span, below(at.key, "id"), problem);
        None
    }

    fn package(&mut self, at: &Place<'_>, span: &Range<usize>, text: &str) -> Option<Selector> {
        Selector::parse(text).map_err(|problem| self.problem(span, below(at.key, "package"), problem)).ok()
    }
}

#[cfg(test)]
mod tests;
