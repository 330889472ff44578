//! A policy document → a policy, or every problem in it with file, line and key.
//!
//! One pass, in the order of the document: syntax, unknown keys and shapes (by walking the schema), types, meaning.
//! Syntax and shape must be right before there is anything to read; else nothing stops at the first problem. A
//! document with a problem makes no policy.

mod authority;
mod rules;
mod shape;

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Range,
};

use toml::{Spanned, de::DeTable};

use super::{
    document::{Document, IdentityEntry, schema},
    field::Field,
    problem::{Problem, Problems},
    rule::{Identity, Policy, Scope},
};
use crate::{attestation::Kind, digest::Sha256Digest};

/// Policies are written by hand; 1 MiB is hundreds of authorities.
const LARGEST: usize = 1 << 20;

/// The files that a document names, by the name it uses: their text, or why they could not be read.
pub type Files = BTreeMap<String, Result<String, String>>;

/// Returns the files that a document names, so that they can be read for [`compile`].
pub fn referenced_files(text: &str) -> BTreeSet<String> {
    let document: Document = toml::from_str(text).unwrap_or_default();
    let entries = document.authority.into_iter().map(Spanned::into_inner);
    let named = entries.flat_map(|entry| [entry.key_file, entry.trusted_root]);
    named.filter_map(|field| if let Field::Is(path) = field { Some(path.into_inner()) } else { None }).collect()
}

/// Names a policy: SHA-256 of the document, or, where it names files, of the digests of the document and of each file,
/// a line each with its name, as `sha256sum` writes them.
fn digest(text: &str, files: &Files) -> Sha256Digest {
    let document = Sha256Digest::of(text.as_bytes());
    if files.is_empty() {
        return document;
    }
    let lines = files.iter().filter_map(|(name, text)| Some((name, text.as_ref().ok()?)));
    let lines = lines.map(|(name, text)| format!("{}  {name}\n", Sha256Digest::of(text.as_bytes())));
    Sha256Digest::of((format!("{document}  -\n") + &lines.collect::<String>()).as_bytes())
}

/// Compiles a document; `name` is its file's, for messages.
///
/// # Errors
/// Every problem, sorted by place.
pub fn compile(name: &str, text: &str, files: &Files) -> Result<Policy, Problems> {
    let mut compiler = Compiler { name, text, files, problems: Vec::new() };
    let policy = compiler.document();
    let mut problems = compiler.problems;
    problems.sort();
    problems.dedup();
    match policy {
        Some(policy) if problems.is_empty() => Ok(policy),
        _ => Err(Problems(problems)),
    }
}

struct Compiler<'a> {
    name: &'a str,
    text: &'a str,
    files: &'a Files,
    problems: Vec<Problem>,
}

/// A required key that is absent is reported where its table begins.
struct Place<'p> {
    key: &'p str,
    span: Range<usize>,
}

impl Place<'_> {
    /// Returns where a key of this table was written, or where the table begins.
    fn of<T>(&self, field: &Field<T>) -> Range<usize> {
        field.span().unwrap_or(self.span.clone())
    }
}

impl Compiler<'_> {
    fn problem(&mut self, span: &Range<usize>, key: impl Into<String>, message: impl Into<String>) {
        let before = self.text.get(..span.start).unwrap_or(self.text);
        let line = before.bytes().filter(|&byte| byte == b'\n').count() + 1;
        let column = before.len() - before.rfind('\n').map_or(0, |at| at + 1) + 1;
        let (file, key, message) = (self.name.to_owned(), key.into(), message.into());
        self.problems.push(Problem { file, line, column, key, message });
    }

    fn document(&mut self) -> Option<Policy> {
        if self.text.len() > LARGEST {
            self.problem(&(0..0), "", format!("{} bytes, more than the {LARGEST} of a policy", self.text.len()));
            return None;
        }
        let (table, syntax) = DeTable::parse_recoverable(self.text);
        for error in &syntax {
            self.problem(&error.span().unwrap_or(0..0), "", error.message());
        }
        if !syntax.is_empty() || !self.shape(table.get_ref(), &schema(), "") {
            return None;
        }
        let document: Document = match toml::from_str(self.text) {
            Ok(document) => document,
            Err(error) => {
                self.problem(&error.span().unwrap_or(0..0), "", error.message());
                return None;
            }
        };
        self.meaning(document)
    }

    /// Takes a key that may be absent.
    fn optional<T>(&mut self, key: String, field: Field<T>) -> Option<T> {
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
    fn required<T>(&mut self, at: &Place<'_>, name: &str, field: Field<T>) -> Option<T> {
        let key = below(at.key, name);
        if matches!(field, Field::Absent) {
            self.problem(&at.span, key.clone(), "required, and has no default");
        }
        self.optional(key, field)
    }

    /// Takes a list that may be absent but not empty: an empty list would accept nothing, or everything.
    fn list<T: Ord>(&mut self, key: String, field: Field<Vec<T>>) -> Option<BTreeSet<T>> {
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

    fn meaning(&mut self, document: Document) -> Option<Policy> {
        let top = Place { key: "", span: 0..0 };
        let version_span = top.of(&document.version);
        if self.required(&top, "version", document.version).is_some_and(|version| version != 1) {
            self.problem(&version_span, "version", "this goldseal reads version 1");
        }
        let no_match = self.required(&top, "no_match", document.no_match);
        let without_gate = self.without_gate(&top, document.dangerous_without_gate);
        let names = authority::names(&document.authority);
        let signatories = self.signatories(document.authority);
        let provenance = rules::asks_for(&document.require, Kind::Provenance);
        let requirements = self.requirements(document.require, &names);
        let identity = self.identity(document.identity, provenance);
        let scopes = document.scope.into_iter().enumerate();
        let scopes: Vec<Scope> = scopes.filter_map(|(index, entry)| self.scope(index, entry)).collect();
        Some(Policy {
            digest: digest(self.text, self.files),
            signatories,
            requirements,
            identity,
            scopes,
            no_match: no_match?,
            dangerous_without_gate: without_gate?,
        })
    }

    fn without_gate(&mut self, top: &Place<'_>, field: Field<bool>) -> Option<bool> {
        let (span, written) = (top.of(&field), !matches!(field, Field::Absent));
        let value = self.optional("dangerous_without_gate".into(), field);
        if value == Some(false) || !written {
            let message = "a policy must require the gate and the SBOM, and this version of goldseal has no gate yet: \
                           set `dangerous_without_gate = true` to go without (every report will say so)";
            self.problem(&span, "dangerous_without_gate", message);
        }
        value
    }

    fn identity(&mut self, entry: IdentityEntry, provenance: bool) -> Identity {
        let tags_span = entry.tags.span().unwrap_or_default();
        let identity = Identity {
            owners: self.list("identity.owners".into(), entry.owners),
            regions: self.list("identity.regions".into(), entry.regions),
            tags: self.list("identity.tags".into(), entry.tags).unwrap_or_default(),
        };
        if !identity.tags.is_empty() && !provenance {
            let message = "sealed tags stand in the provenance, which no [[require]] asks for";
            self.problem(&tags_span, "identity.tags", message);
        }
        identity
    }
}

fn below(key: &str, name: &str) -> String {
    if key.is_empty() { name.to_owned() } else { format!("{key}.{name}") }
}

#[cfg(test)]
mod tests;
