//! Recorded decisions → receipts in their place, each decision in exactly one, whatever is cut off in between.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp, tz::TimeZone};

use super::{
    batches::{Batches, hour_of},
    derive::{Decided, UnsignedReceipt, of_boot, receipts_of},
};
use crate::{
    attestation::{Envelope, IN_TOTO_PAYLOAD_TYPE, write_bundle},
    ports::{Expected, PortError, PortErrorKind, ReceiptStore, Signer, StateName, StateStore, Written},
    report::{BootRecordFault, LaunchReport},
};

/// Of a day, so many documents of decisions are looked at.
const NAMES: usize = 100_000;
/// A document of decisions may come late: its hook could not reach the state. So long it is waited for; what is later has
/// its receipts when somebody asks for all.
const LATE: SignedDuration = SignedDuration::from_hours(24);
const TRIES: usize = 5;

/// Who makes receipts of what a launch hook recorded.
#[derive(Debug)]
pub struct Receipting<'a, T, R, S> {
    /// The state of the hook.
    pub state: &'a T,
    /// Where receipts are kept.
    pub receipts: &'a R,
    /// Who signs them; without, they say what was decided and prove nothing.
    pub signer: Option<&'a S>,
}

/// What was written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Wrote {
    /// New receipts.
    pub receipts: usize,
    /// Those that were there already.
    pub already: usize,
    /// The decisions that they cover.
    pub decisions: usize,
    /// Lines that are no decisions.
    pub unreadable: usize,
}

/// Why receipts could not be written.
#[derive(Debug, thiserror::Error)]
pub enum ReceiptsError {
    /// A place did not answer, or refused.
    #[error("keeping receipts")]
    Port(#[from] PortError),
    /// A document of batches is none.
    #[error("{name} in the state: {problem}; move it away, and its hour has its receipts again")]
    Batches {
        /// Its name.
        name: StateName,
        /// What is wrong.
        problem: String,
    },
    /// A receipt could not be written as JSON.
    #[error("writing a receipt")]
    Json(#[from] serde_json::Error),
}

impl<T: StateStore + Sync, R: ReceiptStore + Sync, S: Signer + Sync> Receipting<'_, T, R, S> {
    /// Makes the receipts that are missing. `done` are the documents of decisions that are known to have theirs; `all`
    /// looks at whatever is kept, and not at the last day only.
    ///
    /// # Errors
    /// See [`ReceiptsError`]; what was done is not done again.
    pub async fn write(
        &self,
        done: &mut BTreeSet<StateName>,
        all: bool,
        now: Timestamp,
    ) -> Result<Wrote, ReceiptsError> {
        let mut hours: BTreeMap<StateName, Vec<StateName>> = BTreeMap::new();
        let names = self.decisions(all, now).await?;
        for name in &names {
            if let Some(hour) = hour_of(name).filter(|_| !done.contains(name)) {
                hours.entry(hour).or_default().push(name.clone());
            }
        }
        let mut wrote = Wrote::default();
        for (hour, decisions) in hours {
            let (batches, _) = self.change(&hour, |batches| batches.claim(&decisions, now)).await?;
            for (index, batch) in batches.batches.iter().enumerate().filter(|(_, batch)| !batch.written) {
                self.batch(&batch.decisions, batch.issued_at, &mut wrote).await?;
                let written = |batches: &mut Batches| {
                    if let Some(batch) = batches.batches.get_mut(index) {
                        batch.written = true;
                    }
                };
                self.change(&hour, written).await?;
            }
            done.extend(decisions);
        }
        // What is no longer kept need not be remembered.
        done.retain(|name| names.binary_search(name).is_ok());
        Ok(wrote)
    }

    async fn decisions(&self, all: bool, now: Timestamp) -> Result<Vec<StateName>, PortError> {
        let day = |at: Timestamp| format!("v1/decisions/{}", at.to_zoned(TimeZone::UTC).date());
        let folders = match all {
            true => vec!["v1/decisions".to_owned()],
            false => vec![day(now.saturating_sub(LATE).unwrap_or(now)), day(now)],
        };
        let mut names = Vec::new();
        for folder in folders.iter().filter_map(|folder| StateName::new(folder.as_str()).ok()) {
            let most = if all { NAMES * 31 } else { NAMES };
            names.extend(self.state.list(&folder, most).await?);
        }
        names.sort();
        names.dedup();
        Ok(names)
    }

    /// Makes the receipts of a batch.
    async fn batch(&self, names: &[String], issued: Timestamp, wrote: &mut Wrote) -> Result<(), ReceiptsError> {
        let mut decided: Vec<Decided> = Vec::new();
        for name in names.iter().filter_map(|name| StateName::new(name.as_str()).ok()) {
            // It grew too old, and was removed in between.
            let Some(stored) = self.state.read(&name).await? else { continue };
            for line in stored.bytes.split(|&byte| byte == b'\n').filter(|line| !line.is_empty()) {
                match LaunchReport::read(line) {
                    Ok(report) => decided.push(report.into()),
                    Err(_) => wrote.unreadable += 1,
                }
            }
        }
        wrote.decisions += decided.len();
        for receipt in receipts_of(decided, issued)? {
            self.keep(&receipt, wrote).await?;
        }
        Ok(())
    }

    /// Changes the batches of an hour, again if somebody else did in between.
    async fn change(&self, name: &StateName, change: impl Fn(&mut Batches)) -> Result<(Batches, bool), ReceiptsError> {
        for _ in 0..TRIES {
            let (mut batches, expected) = match self.state.read(name).await? {
                Some(stored) => {
                    let read = Batches::from_json(&stored.bytes);
                    let read = read
                        .map_err(|fault| ReceiptsError::Batches { name: name.clone(), problem: fault.to_string() })?;
                    (read, Expected::Unchanged(stored.revision))
                }
                None => (Batches::default(), Expected::Absent),
            };
            let before = batches.clone();
            change(&mut batches);
            if batches == before {
                return Ok((batches, false));
            }
            match self.state.write(name, &batches.to_json(), expected).await? {
                Written::Stored => return Ok((batches, true)),
                Written::Conflict => {}
            }
        }
        let why = format!("{TRIES} times somebody else wrote in between");
        Err(PortError::new(PortErrorKind::Unavailable, "state:receipted", name).because(why).into())
    }
}

impl<T: Sync, R: ReceiptStore + Sync, S: Signer + Sync> Receipting<'_, T, R, S> {
    /// Adds receipts of decisions that were recorded nowhere else.
    ///
    /// # Errors
    /// See [`ReceiptsError`].
    pub async fn add(&self, decided: Vec<Decided>, now: Timestamp) -> Result<Wrote, ReceiptsError> {
        let mut wrote = Wrote { decisions: decided.len(), ..Wrote::default() };
        for receipt in receipts_of(decided, now)? {
            self.keep(&receipt, &mut wrote).await?;
        }
        Ok(wrote)
    }

    /// Adds the receipt of a boot by the record of its guard, and says why not where that is no record. The same record
    /// makes the same receipt whenever it is asked for, so nothing need be remembered.
    ///
    /// # Errors
    /// See [`ReceiptsError`].
    pub async fn add_boot(
        &self,
        path: &str,
        record: &[u8],
        wrote: &mut Wrote,
    ) -> Result<Option<BootRecordFault>, ReceiptsError> {
        let decided = match of_boot(path, record) {
            Ok(decided) => decided,
            Err(fault) => {
                wrote.unreadable += 1;
                return Ok(Some(fault));
            }
        };
        wrote.decisions += 1;
        let at = decided.covered.at;
        for receipt in receipts_of(vec![decided], at)? {
            self.keep(&receipt, wrote).await?;
        }
        Ok(None)
    }

    /// Keeps a receipt, unless it is there: signed, or as whoever claimed the batch left it.
    async fn keep(&self, receipt: &UnsignedReceipt, wrote: &mut Wrote) -> Result<(), ReceiptsError> {
        for signed in [true, false] {
            if self.receipts.read(&receipt.path(signed)).await?.is_some() {
                wrote.already += 1;
                return Ok(());
            }
        }
        let bytes = match self.signer {
            None => [receipt.payload.as_slice(), b"\n"].concat(),
            Some(signer) => {
                let (payload_type, payload) = (IN_TOTO_PAYLOAD_TYPE.to_owned(), receipt.payload.clone());
                let mut envelope = Envelope { payload_type, payload, signature: Vec::new() };
                envelope.signature = signer.sign(envelope.pae()).await?;
                let mut bundle = write_bundle(&envelope, signer.key().public.spki())?;
                bundle.push(b'\n');
                bundle
            }
        };
        match self.receipts.add(&receipt.path(self.signer.is_some()), &bytes).await? {
            Written::Stored => wrote.receipts += 1,
            Written::Conflict => wrote.already += 1,
        }
        Ok(())
    }
}
