//! Receipts about the image in `images`, and a policy that accepts those of `witness`, key 5.

#![expect(clippy::unwrap_used, reason = "fixtures that do not parse should stop the test")]

use std::{
    collections::BTreeMap,
    sync::{LazyLock, Mutex},
};

use jiff::{SignedDuration, Timestamp};

use super::{
    evidence::{payload, sealed},
    images::descriptor,
    keys::LocalKey,
    lists::{listed_policy, now},
    policies::authority_table,
};
use crate::{
    attestation::{
        Kind,
        predicate::{CountedSignature, Covered, Enforcement, Instant, Receipt, SUMMARY_TYPE, Said, Timeless},
        write_about,
    },
    digest::Sha256Digest,
    ports::{PortError, PortErrorKind, ReceiptStore, Written},
};

/// Who signs receipts.
pub fn receiver() -> LocalKey {
    LocalKey::p256(5)
}

/// The evidence that receipts are about: sealed by `ci`, the same every time.
pub fn evidence() -> &'static [u8] {
    static EVIDENCE: LazyLock<Vec<u8>> = LazyLock::new(|| sealed(&LocalKey::p256(1)));
    &EVIDENCE
}

/// The digest of the policy that receipts were made under.
pub fn judged_by() -> Sha256Digest {
    Sha256Digest::of(b"the policy of another goldseal")
}

/// The policy of `lists` with receipts of `receipts`, and more keys of its table.
pub fn receipt_policy(more: &str) -> String {
    listed_policy()
        + &authority_table("receipts", &receiver())
        + &format!("[receipt]\nauthorities = [\"receipts\"]\n{more}\n")
}

/// The keys of the table that require one.
pub fn required() -> String {
    format!("required = true\nmax_age = \"24h\"\npolicies = [\"{}\"]", judged_by())
}

/// What a receipt says of the image sealed by `ci`, as of an hour ago.
pub fn said() -> Said {
    said_at(now().saturating_sub(SignedDuration::from_hours(1)).unwrap())
}

/// The same at an instant.
pub fn said_at(at: Timestamp) -> Said {
    let ci = LocalKey::p256(1);
    let signature = |kind| CountedSignature {
        statement: Sha256Digest::of(&payload(kind)),
        kind: Some(kind),
        by: "ci".into(),
        key: ci.public().digest(),
        seen: None,
    };
    Said {
        timeless: Timeless {
            image: Some(descriptor().image()),
            subject: Some(descriptor().digest()),
            evidence: Some(Sha256Digest::of(evidence())),
            signatures: [Kind::Provenance, Kind::Sbom, Kind::Scan].map(signature).to_vec(),
        },
        instant: Instant {
            at,
            issued_at: at,
            verdict: "admit".into(),
            causes: Vec::new(),
            mode: "enforce".into(),
            until: None,
            ages: None,
            revocations: None,
            overridden: None,
        },
        enforcement: Enforcement { point: "launch-hook".into(), action: "continue".into(), enforced: true },
        covers: vec![Covered { instance: "i-0123456789abcdef0".into(), at, group: Some("web".into()), token: None }],
    }
}

/// A receipt that says so.
pub fn receipt(said: Said) -> Receipt {
    Receipt::new(judged_by(), said)
}

/// The statement of a receipt, about the image.
pub fn statement_of(receipt: &Receipt) -> Vec<u8> {
    write_about(&descriptor().image(), descriptor().digest(), SUMMARY_TYPE, receipt).unwrap()
}

/// A receipt, signed.
pub fn signed_receipt(said: Said, key: &LocalKey) -> Vec<u8> {
    key.bundle(statement_of(&receipt(said)))
}

/// A place for receipts, in memory, that stops to answer after so many questions.
#[derive(Debug, Default)]
pub struct FakeReceipts {
    /// What it holds, by path.
    pub held: Mutex<BTreeMap<String, Vec<u8>>>,
    /// How many questions are still answered; all without it.
    pub left: Mutex<Option<usize>>,
}

impl FakeReceipts {
    fn ask(&self) -> Result<(), PortError> {
        match &mut *self.left.lock().unwrap() {
            None => Ok(()),
            Some(0) => Err(PortError::new(PortErrorKind::Unavailable, "fake", "receipts")),
            Some(left) => {
                *left -= 1;
                Ok(())
            }
        }
    }
}

impl ReceiptStore for FakeReceipts {
    async fn add(&self, path: &str, bytes: &[u8]) -> Result<Written, PortError> {
        self.ask()?;
        let mut held = self.held.lock().unwrap();
        if held.contains_key(path) {
            return Ok(Written::Conflict);
        }
        held.insert(path.to_owned(), bytes.to_vec());
        drop(held);
        // What was written and not answered was written.
        self.ask().map(|()| Written::Stored)
    }

    async fn read(&self, path: &str) -> Result<Option<Vec<u8>>, PortError> {
        self.ask()?;
        Ok(self.held.lock().unwrap().get(path).cloned())
    }

    async fn list(&self, folder: &str, after: Option<&str>, most: usize) -> Result<Vec<String>, PortError> {
        self.ask()?;
        let held = self.held.lock().unwrap();
        let within = held.keys().filter(|path| path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/')));
        Ok(within.filter(|path| after.is_none_or(|after| path.as_str() > after)).take(most).cloned().collect())
    }

    fn locate(&self) -> String {
        "memory".to_owned()
    }
}
