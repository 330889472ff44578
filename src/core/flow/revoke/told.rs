//! What is told of a list: as it counts, as it would become, and as it was stored.

use super::{Keeping, RevokeError, error::names, stored::Made};
use crate::{
    attestation::predicate::Revocations,
    digest::Sha256Digest,
    policy::Published,
    ports::{ListStore, SigningKey},
    report::{EntryReport, KeyReport, Note, REVOKE_SCHEMA, RevokeAction, RevokeReport},
};

impl Keeping<'_> {
    /// Tells what a change would add.
    ///
    /// # Errors
    /// [`RevokeError::NoRule`].
    pub fn planned(
        &self,
        (before, after): (&Revocations, &Revocations),
        store: &impl ListStore,
    ) -> Result<RevokeReport, RevokeError> {
        let report = self.report(after, store)?;
        let entries = EntryReport::of(after, |entry| entry.number > before.entries.len() as u64);
        Ok(RevokeReport { entries, ..report })
    }

    /// Shows the list that counts, or one entry of it.
    ///
    /// # Errors
    /// See [`RevokeError`].
    pub async fn show(&self, only: Option<u64>, store: &impl ListStore) -> Result<RevokeReport, RevokeError> {
        let now = (self.clock)();
        let Published { current, waiting } = self.find(store, now).await?.published;
        let Some(shown) = current.as_ref().or(waiting.as_ref()) else {
            return Err(RevokeError::Absent { place: store.locate_list(&self.listing()?) });
        };
        let entries = EntryReport::of(&shown.list, |entry| only.is_none_or(|only| only == entry.number));
        if let (Some(number), true) = (only, entries.is_empty()) {
            return Err(RevokeError::NoEntry { list: shown.list.list.clone(), number });
        }
        let report = self.report(&shown.list, store)?;
        let mut notes = Vec::new();
        if report.until <= now {
            notes.push(Note::new("revocations-stale", "it is too old: while it is, nothing is admitted; renew it"));
        }
        if let Some(waiting) = &waiting {
            let (serial, by) = (waiting.list.serial, names(&waiting.by.iter().cloned().collect::<Vec<_>>()));
            let text = format!("list {serial} waits for more signatures than that of {by}: `revoke countersign`");
            notes.push(Note::new("revocations-waiting", text));
        }
        Ok(RevokeReport {
            action: RevokeAction::Shown,
            statement: Some(shown.statement),
            signed_by: shown.by.iter().cloned().collect(),
            entries,
            notes,
            ..report
        })
    }

    pub(super) fn done(
        &self,
        made: Made<'_>,
        action: RevokeAction,
        entries: Vec<EntryReport>,
        key: &SigningKey,
        store: &impl ListStore,
    ) -> Result<RevokeReport, RevokeError> {
        let mut notes = Vec::new();
        if key.dangerous_local {
            notes.push(Note::new("dangerous-local-key", "signed with a key file on disk; whoever copies it can sign"));
        }
        Ok(RevokeReport {
            action,
            statement: Some(Sha256Digest::of(made.payload)),
            signed_by: made.by,
            key: Some(KeyReport::from(key)),
            entries,
            notes,
            ..self.report(made.list, store)?
        })
    }

    pub(super) fn report(&self, list: &Revocations, store: &impl ListStore) -> Result<RevokeReport, RevokeError> {
        let (rule, listing) = (self.rule()?, self.listing()?);
        Ok(RevokeReport {
            schema: REVOKE_SCHEMA,
            at: (self.clock)(),
            action: RevokeAction::Planned,
            list: list.list.clone(),
            place: store.locate_list(&listing),
            serial: list.serial,
            issued: list.issued_at,
            until: rule.max_age.after(list.issued_at),
            statement: None,
            signed_by: Vec::new(),
            threshold: rule.threshold,
            key: None,
            total: list.entries.len(),
            entries: Vec::new(),
            falls: None,
            notes: Vec::new(),
        })
    }
}
