//! A policy document → a policy, or every problem in it with file, line and key.
//!
//! How a document is read is told in [`document`]; here is what its keys mean. A document with a problem makes no policy.

mod authority;
mod gate;
mod launch;
mod listed;
mod receipts;
mod rules;

use std::collections::{BTreeMap, BTreeSet};

use toml::Spanned;

use super::{
    document::{Document, IdentityEntry},
    rule::{Identity, Policy, Scope},
};
use crate::{
    attestation::Kind,
    digest::Sha256Digest,
    document::{self, Field, Place, Problems},
    trust::AuthorityName,
};

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
    let mut compiler = Compiler::new(name, text, files);
    let document = compiler.read();
    let policy = document.and_then(|document| compiler.meaning(document));
    compiler.finish(policy)
}

type Compiler<'a> = document::Compiler<'a, &'a Files>;

impl Compiler<'_> {
    fn meaning(&mut self, document: Document) -> Option<Policy> {
        let top = Place { key: "", span: 0..0 };
        let version_span = top.of(&document.version);
        if self.required(&top, "version", document.version).is_some_and(|version| version != 1) {
            self.problem(&version_span, "version", "this goldseal reads version 1");
        }
        let no_match = self.required(&top, "no_match", document.no_match);
        let names = authority::names(&document.authority);
        let signatories = self.signatories(document.authority);
        let provenance = rules::asks_for(&document.require, Kind::Provenance);
        let gated = self.gated(&document.require, document.dangerous_without_gate);
        let requirements = self.requirements(document.require, &names);
        if gated {
            self.approvers(&requirements, &signatories);
        }
        let gate = self.gate(document.gate);
        let builds = self.builds(document.provenance, provenance);
        let identity = self.identity(document.identity, provenance);
        let launch = self.launch(document.launch);
        let breaker = self.breaker(document.breaker);
        let boot = self.boot(document.boot);
        let required: BTreeSet<AuthorityName> =
            requirements.iter().flat_map(|(_, requirement)| &requirement.authorities).cloned().collect();
        let revocation = document.revocation.map(|entry| self.revocation(entry, &signatories, &names, &required));
        let overrides = document.overrides.map(|entry| self.overrides(entry, &signatories, &names, &required));
        if let (Some(Some(revocation)), Some(Some((span, overrides)))) = (&revocation, &overrides)
            && !revocation.authorities.is_disjoint(&overrides.authorities)
        {
            let message = "an authority that lets pass also revokes; each has a key of its own";
            self.problem(span, "override.authorities", message);
        }
        if let (None, Some(Some((span, _)))) = (&revocation, &overrides) {
            let message = "overrides without [revocation]: nobody could end one before its time";
            self.problem(span, "override", message);
        }
        let (revocation, overrides) = (revocation.flatten(), overrides.flatten().map(|(_, rule)| rule));
        let listing =
            [revocation.as_ref().map(|rule| &rule.authorities), overrides.as_ref().map(|rule| &rule.authorities)];
        let others = required.iter().chain(listing.into_iter().flatten().flatten()).cloned().collect();
        let receipts = document.receipt.and_then(|entry| self.receipts(entry, &names, &others));
        let scopes = document.scope.into_iter().enumerate();
        let scopes: Vec<Scope> = scopes.filter_map(|(index, entry)| self.scope(index, entry)).collect();
        Some(Policy {
            digest: digest(self.text, self.files),
            signatories,
            requirements: requirements.into_iter().map(|(_, requirement)| requirement).collect(),
            gate,
            provenance: builds,
            identity,
            launch: launch?,
            breaker: breaker?,
            boot,
            revocation,
            overrides,
            receipts,
            scopes,
            no_match: no_match?,
            dangerous_without_gate: !gated,
        })
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

#[cfg(test)]
mod tests;
