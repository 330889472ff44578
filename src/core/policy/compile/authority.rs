//! `[[authority]]`: names, keys, windows and witnesses.

use std::{collections::BTreeSet, ops::Range, sync::Arc};

use toml::Spanned;

use super::Compiler;
use crate::{
    digest::Sha256Digest,
    document::{Field, Place, below},
    policy::{
        document::AuthorityEntry,
        rule::{KeySource, Signatory},
    },
    time::Window,
    trust::{AuthorityName, KeyUri, PublicKey, Scheme, Testimony, TrustRootFault, Witness},
};

/// Returns the names of all authorities, those with problems of their own included.
pub(super) fn names(entries: &[Spanned<AuthorityEntry>]) -> BTreeSet<AuthorityName> {
    let names = entries.iter().map(|entry| &entry.get_ref().name);
    names.filter_map(|name| if let Field::Is(name) = name { Some(name.get_ref().clone()) } else { None }).collect()
}

impl Compiler<'_> {
    pub(super) fn signatories(&mut self, entries: Vec<Spanned<AuthorityEntry>>) -> Vec<Signatory> {
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
        let AuthorityEntry {
            name,
            key,
            key_file,
            kms,
            spki_sha256,
            scheme,
            valid_from,
            valid_until,
            retired,
            witness,
            trusted_root,
        } = entry;
        let name = self.required(at, "name", name);
        let until_span = at.of(&valid_until);
        let window = Window {
            from: self.optional(below(at.key, "valid_from"), valid_from).map(|moment| moment.0),
            until: self.optional(below(at.key, "valid_until"), valid_until).map(|moment| moment.0),
        };
        if window.from.zip(window.until).is_some_and(|(from, until)| from >= until) {
            self.problem(&until_span, below(at.key, "valid_until"), "not after valid_from: it would never count");
        }
        let retired_span = at.of(&retired);
        let retired = self.optional(below(at.key, "retired"), retired).map(|moment| moment.0);
        if window.from.zip(retired).is_some_and(|(from, retired)| from >= retired) {
            self.problem(&retired_span, below(at.key, "retired"), "not after valid_from: it would never count");
        }
        if window.until.zip(retired).is_some_and(|(until, retired)| until <= retired) {
            let message = "not before valid_until: nothing counts any more when it retires";
            self.problem(&retired_span, below(at.key, "retired"), message);
        }
        let (no_pin, no_scheme) = (matches!(spki_sha256, Field::Absent), matches!(scheme, Field::Absent));
        let scheme = self.optional(below(at.key, "scheme"), scheme);
        let pin_span = at.of(&spki_sha256);
        let pin = self.optional(below(at.key, "spki_sha256"), spki_sha256);
        let key = match (key, key_file, kms) {
            (key @ (Field::Is(_) | Field::Wrong { .. }), Field::Absent, Field::Absent) => {
                let (span, here) = (at.of(&key), below(at.key, "key"));
                let pem = self.optional(here.clone(), key);
                pem.and_then(|pem| self.pem((&span, here), &pem, scheme))
            }
            (Field::Absent, file @ (Field::Is(_) | Field::Wrong { .. }), Field::Absent) => {
                let (span, here) = (at.of(&file), below(at.key, "key_file"));
                let pem = self.file(here.clone(), file);
                pem.and_then(|pem| self.pem((&span, here), &pem, scheme))
            }
            (Field::Absent, Field::Absent, kms @ (Field::Is(_) | Field::Wrong { .. })) => {
                if no_pin {
                    let message = "required with kms: KMS answers for an alias or an id, and only the pin says which \
                                   key was meant";
                    self.problem(&at.span, below(at.key, "spki_sha256"), message);
                }
                if no_scheme {
                    self.problem(&at.span, below(at.key, "scheme"), "required with kms");
                }
                self.kms(at, kms, pin, scheme)
            }
            _ => {
                self.problem(&at.span, at.key, "exactly one of key, key_file and kms says which key this is");
                None
            }
        };
        if let Some(found) = key.as_ref().map(KeySource::digest).filter(|found| pin.is_some_and(|pin| pin != *found)) {
            self.problem(&pin_span, below(at.key, "spki_sha256"), format!("the key's SPKI has sha256 {found}"));
        }
        let witness = self.witness(at, witness, trusted_root, key.as_ref());
        Some(Signatory { name: name?, key: key?, window, retired, witness })
    }

    fn pem(&mut self, place: (&Range<usize>, String), pem: &str, scheme: Option<Scheme>) -> Option<KeySource> {
        match PublicKey::from_pem(pem, scheme) {
            Ok(key) => Some(KeySource::Pem(Arc::new(key))),
            Err(fault) => {
                self.problem(place.0, place.1, fault.to_string());
                None
            }
        }
    }

    fn kms(
        &mut self,
        at: &Place<'_>,
        kms: Field<String>,
        pin: Option<Sha256Digest>,
        scheme: Option<Scheme>,
    ) -> Option<KeySource> {
        let span = at.of(&kms);
        let uri = self.optional(below(at.key, "kms"), kms);
        if let Some(Err(fault)) = uri.as_deref().map(str::parse::<KeyUri>) {
            self.problem(&span, below(at.key, "kms"), fault.to_string());
        }
        Some(KeySource::Kms { uri: uri?, pin: pin?, scheme: scheme? })
    }

    fn witness(
        &mut self,
        at: &Place<'_>,
        testimony: Field<Vec<Testimony>>,
        trusted_root: Field<String>,
        key: Option<&KeySource>,
    ) -> Option<Arc<Witness>> {
        let span = at.of(&trusted_root);
        match (&testimony, &trusted_root) {
            (Field::Absent, Field::Absent) => return None,
            (Field::Absent, _) | (_, Field::Absent) => {
                let span = testimony.span().unwrap_or(span.clone());
                self.problem(&span, below(at.key, "witness"), "witness and trusted_root go together");
            }
            (Field::Is(_) | Field::Wrong { .. }, Field::Is(_) | Field::Wrong { .. }) => {}
        }
        let testimony = self.list(below(at.key, "witness"), testimony);
        let root = self.file(below(at.key, "trusted_root"), trusted_root);
        let scheme = key.map(|key| match key {
            KeySource::Pem(key) => key.scheme(),
            KeySource::Kms { scheme, .. } => *scheme,
        });
        let (testimony, root) = (testimony?.into_iter().collect(), root?);
        match scheme.map_or(Ok(()), Witness::takes).and_then(|()| Witness::new(&root, testimony)) {
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
}

/// The rule of a trust root, before the keys are at hand: a KMS key is known by its pin.
fn distinct(earlier: &[Signatory], new: &Signatory) -> Result<(), TrustRootFault> {
    for one in earlier {
        if one.name == new.name {
            return Err(TrustRootFault::SameName(new.name.clone()));
        }
        let same = match (&one.key, &new.key) {
            (KeySource::Pem(one), KeySource::Pem(new)) => one.same_key(new),
            (one, new) => one.digest() == new.digest(),
        };
        if same {
            let (first, second) = (one.name.clone(), new.name.clone());
            return Err(TrustRootFault::SameKey { first, second, digest: new.key.digest() });
        }
    }
    Ok(())
}
