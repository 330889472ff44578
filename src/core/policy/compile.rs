//! A policy document → a policy, or every problem in it with file, line and key.
//!
//! One pass, in the order of the document: syntax, unknown keys (by walking the schema), types, meaning. Nothing stops
//! at the first problem, and a document with a problem makes no policy.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Range,
    sync::Arc,
};

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::{
    document::{AuthorityEntry, Document, RequireEntry, ScopeEntry, schema},
    field::Field,
    problem::{Problem, Problems},
    rule::{Identity, KeySource, Policy, Requirement, Scope, Signatory},
};
use crate::{
    attestation::Kind,
    digest::Sha256Digest,
    time::Window,
    trust::{AuthorityName, PublicKey, Scheme, Testimony, TrustRootFault, Witness},
};

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
        if !syntax.is_empty() {
            return None;
        }
        self.unknown_keys(table.get_ref(), &schema(), "");
        let document: Document = match toml::from_str(self.text) {
            Ok(document) => document,
            Err(error) => {
                self.problem(&error.span().unwrap_or(0..0), "", error.message());
                return None;
            }
        };
        self.meaning(document)
    }

    fn unknown_keys(&mut self, table: &DeTable<'_>, schema: &serde_json::Value, path: &str) {
        let known = schema.get("properties").and_then(|properties| properties.as_object());
        for (key, value) in table {
            let here = if path.is_empty() { key.get_ref().to_string() } else { format!("{path}.{}", key.get_ref()) };
            let Some(below) = known.and_then(|known| known.get(key.get_ref().as_ref())) else {
                let list: Vec<&str> = known.into_iter().flatten().map(|(name, _)| name.as_str()).collect();
                self.problem(&key.span(), here, format!("unknown key; known here: {}", list.join(", ")));
                continue;
            };
            match (value.get_ref(), below.get("items")) {
                (DeValue::Table(table), None) => self.unknown_keys(table, below, &here),
                (DeValue::Array(entries), Some(items)) => {
                    for (index, entry) in entries.iter().enumerate() {
                        if let DeValue::Table(table) = entry.get_ref() {
                            self.unknown_keys(table, items, &format!("{here}[{index}]"));
                        }
                    }
                }
                _ => {}
            }
        }
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
        let version_span = document.version.span();
        if self.required(&top, "version", document.version).is_some_and(|version| version != 1) {
            self.problem(&version_span.unwrap_or_default(), "version", "this goldseal reads version 1");
        }
        let no_match = self.required(&top, "no_match", document.no_match);
        let gate_span = document.dangerous_without_gate.span().unwrap_or_default();
        let without_gate = self.optional("dangerous_without_gate".into(), document.dangerous_without_gate);
        let signatories = self.signatories(document.authority);
        let requirements = self.requirements(document.require, &signatories);
        if without_gate != Some(true) {
            let message = "a policy must require the gate and the SBOM, and this version of goldseal has no gate yet: \
                           set `dangerous_without_gate = true` to go without (every report will say so)";
            self.problem(&gate_span, "dangerous_without_gate", message);
        }
        let tags_span = document.identity.tags.span().unwrap_or_default();
        let identity = Identity {
            owners: self.list("identity.owners".into(), document.identity.owners),
            regions: self.list("identity.regions".into(), document.identity.regions),
            tags: self.list("identity.tags".into(), document.identity.tags).unwrap_or_default(),
        };
        if !identity.tags.is_empty() && requirements.iter().all(|one| one.kind != Kind::Provenance) {
            self.problem(
                &tags_span,
                "identity.tags",
                "sealed tags stand in the provenance, which no [[require]] asks for",
            );
        }
        let scopes = document.scope.into_iter().enumerate();
        let scopes: Vec<Scope> = scopes.filter_map(|(index, entry)| self.scope(index, entry)).collect();
        Some(Policy {
            digest: Sha256Digest::of(self.text.as_bytes()),
            signatories,
            requirements,
            identity,
            scopes,
            no_match: no_match?,
            dangerous_without_gate: without_gate?,
        })
    }

    fn signatories(&mut self, entries: Vec<Spanned<AuthorityEntry>>) -> Vec<Signatory> {
        if entries.is_empty() {
            self.problem(&(0..0), "authority", TrustRootFault::Empty.to_string());
        }
        let mut signatories: Vec<Signatory> = Vec::new();
        for (index, entry) in entries.into_iter().enumerate() {
            let key = format!("authority[{index}]");
            let span = entry.span();
            if let Some(signatory) = self.signatory(&Place { key: &key, span: span.clone() }, entry.into_inner()) {
                if let Err(fault) = distinct(&signatories, &signatory) {
                    self.problem(&span, key, fault.to_string());
                }
                signatories.push(signatory);
            }
        }
        signatories
    }

    fn signatory(&mut self, at: &Place<'_>, entry: AuthorityEntry) -> Option<Signatory> {
        let name = self.required(at, "name", entry.name);
        let until_span = entry.valid_until.span().unwrap_or_default();
        let window = Window {
            from: self.optional(below(at.key, "valid_from"), entry.valid_from).map(|moment| moment.0),
            until: self.optional(below(at.key, "valid_until"), entry.valid_until).map(|moment| moment.0),
        };
        if window.from.zip(window.until).is_some_and(|(from, until)| from >= until) {
            self.problem(&until_span, below(at.key, "valid_until"), "not after valid_from: it would never count");
        }
        let scheme = self.optional(below(at.key, "scheme"), entry.scheme);
        let key_span = entry.key.span().or(entry.key_file.span()).unwrap_or(at.span.clone());
        let pem = self.optional(below(at.key, "key"), entry.key);
        let key_file = self.file(below(at.key, "key_file"), entry.key_file);
        let kms = self.optional(below(at.key, "kms"), entry.kms);
        let pin = self.optional(below(at.key, "spki_sha256"), entry.spki_sha256);
        let key = match (pem, key_file, kms) {
            (Some(pem), None, None) | (None, Some(pem), None) => match PublicKey::from_pem(&pem, scheme) {
                Ok(key) if pin.is_none_or(|pin| pin == key.digest()) => Some(KeySource::Pem(Arc::new(key))),
                Ok(key) => {
                    let message = format!("the key's SPKI has sha256 {}", key.digest());
                    self.problem(&at.span, below(at.key, "spki_sha256"), message);
                    None
                }
                Err(fault) => {
                    self.problem(&key_span, below(at.key, "key"), fault.to_string());
                    None
                }
            },
            (None, None, Some(uri)) => self.kms(at, uri, pin, scheme),
            _ => {
                self.problem(&at.span, at.key, "exactly one of key, key_file and kms says which key this is");
                None
            }
        };
        let witness = self.witness(at, entry.witness, entry.trusted_root, key.as_ref());
        Some(Signatory { name: name?, key: key?, window, witness })
    }

    fn kms(
        &mut self,
        at: &Place<'_>,
        uri: String,
        pin: Option<Sha256Digest>,
        scheme: Option<Scheme>,
    ) -> Option<KeySource> {
        if !uri.starts_with("awskms://") {
            self.problem(&at.span, below(at.key, "kms"), "write awskms:///KEY-ARN");
        }
        if pin.is_none() {
            let message =
                "required with kms: KMS answers for an alias or an id, and only the pin says which key was meant";
            self.problem(&at.span, below(at.key, "spki_sha256"), message);
        }
        if scheme.is_none() {
            self.problem(&at.span, below(at.key, "scheme"), "required with kms");
        }
        Some(KeySource::Kms { uri, pin: pin?, scheme: scheme? })
    }

    fn witness(
        &mut self,
        at: &Place<'_>,
        testimony: Field<Vec<Testimony>>,
        trusted_root: Field<String>,
        key: Option<&KeySource>,
    ) -> Option<Arc<Witness>> {
        let span = testimony.span().or(trusted_root.span()).unwrap_or(at.span.clone());
        let testimony = self.list(below(at.key, "witness"), testimony);
        let root = self.file(below(at.key, "trusted_root"), trusted_root);
        let (testimony, root) = match (testimony, root) {
            (Some(testimony), Some(root)) => (testimony.into_iter().collect(), root),
            (None, None) => return None,
            _ => {
                self.problem(&span, below(at.key, "witness"), "witness and trusted_root go together");
                return None;
            }
        };
        let scheme = key.map(|key| match key {
            KeySource::Pem(key) => key.scheme(),
            KeySource::Kms { scheme, .. } => *scheme,
        });
        let checked = scheme.map_or(Ok(()), Witness::takes).and_then(|()| Witness::new(&root, testimony));
        match checked {
            Ok(witness) => Some(Arc::new(witness)),
            Err(fault) => {
                self.problem(&span, below(at.key, "trusted_root"), fault.to_string());
                None
            }
        }
    }

    fn file(&mut self, key: String, field: Field<String>) -> Option<String> {
        let span = field.span();
        let path = self.optional(key.clone(), field)?;
        match self.files.get(&path) {
            Some(Ok(text)) => Some(text.clone()),
            Some(Err(why)) => {
                self.problem(&span.unwrap_or_default(), key, format!("{path}: {why}"));
                None
            }
            None => {
                self.problem(&span.unwrap_or_default(), key, format!("{path} was not read"));
                None
            }
        }
    }

    fn requirements(&mut self, entries: Vec<Spanned<RequireEntry>>, signatories: &[Signatory]) -> Vec<Requirement> {
        if entries.is_empty() {
            self.problem(&(0..0), "require", "a policy that requires nothing would admit everything");
        }
        let mut requirements: Vec<Requirement> = Vec::new();
        for (index, entry) in entries.into_iter().enumerate() {
            let (key, span) = (format!("require[{index}]"), entry.span());
            let Some(requirement) = self.requirement(&Place { key: &key, span: span.clone() }, entry.into_inner())
            else {
                continue;
            };
            let known = |name: &AuthorityName| signatories.iter().any(|signatory| signatory.name == *name);
            for stranger in requirement.authorities.iter().filter(|name| !known(name)) {
                self.problem(&span, below(&key, "authorities"), format!("no [[authority]] is called {stranger}"));
            }
            if requirements.iter().any(|earlier| earlier.kind == requirement.kind) {
                self.problem(&span, below(&key, "attestation"), format!("{} is required twice", requirement.kind));
            }
            requirements.push(requirement);
        }
        requirements
    }

    fn requirement(&mut self, at: &Place<'_>, entry: RequireEntry) -> Option<Requirement> {
        let kind = self.required(at, "attestation", entry.attestation);
        if kind == Some(Kind::Gate) {
            let message = "this version of goldseal has no gate yet, so it could not judge one";
            self.problem(&at.span, below(at.key, "attestation"), message);
        }
        if matches!(entry.authorities, Field::Absent) {
            self.problem(&at.span, below(at.key, "authorities"), "required, and has no default");
        }
        let authorities = self.list(below(at.key, "authorities"), entry.authorities);
        let count = authorities.as_ref().map_or(1, BTreeSet::len);
        let span = entry.threshold.span().unwrap_or(at.span.clone());
        let threshold = match self.optional(below(at.key, "threshold"), entry.threshold) {
            Some(threshold) => usize::try_from(threshold).ok().filter(|threshold| (1..=count).contains(threshold)),
            None => Some(1).filter(|_| count == 1),
        };
        if threshold.is_none() {
            let message = format!("required: how many of the {count} authorities must have signed, from 1 to {count}");
            self.problem(&span, below(at.key, "threshold"), message);
        }
        Some(Requirement { kind: kind?, authorities: authorities?, threshold: threshold? })
    }

    fn scope(&mut self, index: usize, entry: Spanned<ScopeEntry>) -> Option<Scope> {
        let (key, span) = (format!("scope[{index}]"), entry.span());
        let at = Place { key: &key, span: span.clone() };
        let entry = entry.into_inner();
        let mode = self.required(&at, "mode", entry.mode);
        let scope = Scope {
            mode: mode?,
            accounts: self.list(below(&key, "accounts"), entry.accounts),
            regions: self.list(below(&key, "regions"), entry.regions),
            groups: self.list(below(&key, "groups"), entry.groups),
        };
        if scope.accounts.is_none() && scope.regions.is_none() && scope.groups.is_none() {
            self.problem(&span, key, "a scope names accounts, regions or groups; for all the rest there is no_match");
        }
        Some(scope)
    }
}

/// The rule of a trust root, before the keys are at hand: a KMS key is known by its pin.
fn distinct(earlier: &[Signatory], new: &Signatory) -> Result<(), TrustRootFault> {
    for one in earlier {
        if one.name == new.name {
            return Err(TrustRootFault::SameName(new.name.clone()));
        }
        if one.key.digest() == new.key.digest() {
            let (first, second) = (one.name.clone(), new.name.clone());
            return Err(TrustRootFault::SameKey { first, second, digest: new.key.digest() });
        }
    }
    Ok(())
}

fn below(key: &str, name: &str) -> String {
    if key.is_empty() { name.to_owned() } else { format!("{key}.{name}") }
}

#[cfg(test)]
mod tests;
