//! Recorded decisions → receipts in their place, each decision in exactly one, whatever is cut off in between.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp, tz::TimeZone};

use super::{
    batches::{Batches, hour_of},
    derive::{Decided, UnsignedReceipt, of_boot, receipts_of},
};
use crate::{
    attestation::{Envelope, IN_TOTO_PAYLOAD_TYPE, Statement, predicate::Receipt, write_bundle},
    policy::stated,
    ports::{Expected, PortError, PortErrorKind, ReceiptStore, Signer, StateName, StateStore, Written, chain},
    report::LaunchReport,
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

/// So many problems are named.
const MOST_PROBLEMS: usize = 100;

/// What was written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wrote {
    /// New receipts.
    pub receipts: usize,
    /// Those that were there already.
    pub already: usize,
    /// The decisions that they cover.
    pub decisions: usize,
    /// How much of what was recorded is no decision, or could not be done.
    pub unreadable: usize,
    /// Each of these with its place: the first 100.
    pub problems: Vec<String>,
}

impl Wrote {
    /// Takes note of what is no decision, or could not be done.
    pub fn problem(&mut self, problem: String) {
        self.unreadable += 1;
        if self.problems.len() < MOST_PROBLEMS {
            self.problems.push(problem);
        }
    }
}

/// Why receipts could not be written.
#[derive(Debug, thiserror::Error)]
pub enum ReceiptsError {
    /// A place did not answer, or refused.
    #[error("keeping receipts")]
    Port(#[from] PortError),
    /// A document of batches is none.
    #[error("{name} in the state: {problem}; bring back what was there. Without it, its hour has its receipts twice")]
    Batches {
        /// Its name.
        name: StateName,
        /// What is wrong.
        problem: String,
    },
    /// A receipt could not be written as JSON.
    #[error("writing a receipt")]
    Json(#[from] serde_json::Error),
    /// Something else stands where a receipt belongs.
    #[error("{path} is not the receipt that belongs there: move it away, and write again")]
    Taken {
        /// Where.
        path: String,
    },
}

impl ReceiptsError {
    /// Says whether nothing but this one place is wrong, so that others may be gone on with.
    pub fn is_of_one_place(&self) -> bool {
        match self {
            Self::Batches { .. } | Self::Taken { .. } => true,
            Self::Port(error) => error.kind == PortErrorKind::Malformed,
            Self::Json(_) => false,
        }
    }
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
            match self.hour(&hour, &decisions, &mut wrote, now).await {
                Ok(()) => done.extend(decisions),
                Err(error) if error.is_of_one_place() => wrote.problem(chain(&error)),
                Err(error) => return Err(error),
            }
        }
        // What is no longer kept need not be remembered.
        done.retain(|name| names.binary_search(name).is_ok());
        Ok(wrote)
    }

    /// Makes the receipts of an hour that are missing.
    async fn hour(
        &self,
        hour: &StateName,
        decisions: &[StateName],
        wrote: &mut Wrote,
        now: Timestamp,
    ) -> Result<(), ReceiptsError> {
        let batches = self.change(hour, |batches| batches.claim(decisions)).await?;
        for (index, batch) in batches.batches.iter().enumerate() {
            let mut unreadable = batch.unreadable.clone();
            if !batch.written {
                unreadable = self.batch(&batch.decisions, wrote, now).await?;
                let written = |batches: &mut Batches| {
                    if let Some(batch) = batches.batches.get_mut(index) {
                        (batch.written, batch.unreadable) = (true, unreadable.clone());
                    }
                };
                self.change(hour, written).await?;
            }
            unreadable.into_iter().for_each(|problem| wrote.problem(problem));
        }
        Ok(())
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

    /// Makes the receipts of a batch, and returns what of it is no decision.
    async fn batch(&self, names: &[String], wrote: &mut Wrote, now: Timestamp) -> Result<Vec<String>, ReceiptsError> {
        let (mut decided, mut unreadable): (Vec<Decided>, Vec<String>) = Default::default();
        for text in names {
            let Ok(name) = StateName::new(text.as_str()) else {
                unreadable.push(format!("{text:?} is no name in the state"));
                continue;
            };
            let stored = match self.state.read(&name).await {
                Err(error) if error.kind == PortErrorKind::Malformed => {
                    unreadable.push(format!("{name}: {}", error.chain()));
                    continue;
                }
                stored => stored?,
            };
            // It grew too old, and was removed in between.
            let Some(stored) = stored else { continue };
            let lines = stored.bytes.split(|&byte| byte == b'\n').enumerate().filter(|(_, line)| !line.is_empty());
            for (number, line) in lines {
                match LaunchReport::read(line) {
                    Ok(report) => decided.push(report.into()),
                    Err(fault) => unreadable.push(format!("{name}, line {}: no decision: {fault}", number + 1)),
                }
            }
        }
        unreadable.truncate(MOST_PROBLEMS);
        self.gather(decided, wrote, now).await?;
        Ok(unreadable)
    }

    /// Changes the batches of an hour, again if somebody else did in between.
    async fn change(&self, name: &StateName, change: impl Fn(&mut Batches)) -> Result<Batches, ReceiptsError> {
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
                return Ok(batches);
            }
            match self.state.write(name, &batches.to_json(), expected).await? {
                Written::Stored => return Ok(batches),
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
        let mut wrote = Wrote::default();
        self.gather(decided, &mut wrote, now).await?;
        Ok(wrote)
    }

    /// Adds the receipt of a boot by the record of its guard; what is no record of it is a problem that is named. The same
    /// record makes the same receipt whenever it is asked for, so nothing need be remembered.
    ///
    /// # Errors
    /// See [`ReceiptsError`].
    pub async fn add_boot(
        &self,
        path: &str,
        record: &[u8],
        wrote: &mut Wrote,
        now: Timestamp,
    ) -> Result<(), ReceiptsError> {
        match of_boot(path, record) {
            Ok(decided) => self.gather(vec![decided], wrote, now).await,
            Err(fault) => {
                wrote.problem(format!("{path} is no record of a boot: {}", chain(&fault)));
                Ok(())
            }
        }
    }

    async fn gather(&self, decided: Vec<Decided>, wrote: &mut Wrote, now: Timestamp) -> Result<(), ReceiptsError> {
        wrote.decisions += decided.len();
        for receipt in receipts_of(decided)? {
            match self.keep(&receipt, now).await? {
                Written::Stored => wrote.receipts += 1,
                Written::Conflict => wrote.already += 1,
            }
        }
        Ok(())
    }

    /// Keeps a receipt, unless it is there: signed, if somebody signs.
    async fn keep(&self, receipt: &UnsignedReceipt, now: Timestamp) -> Result<Written, ReceiptsError> {
        if self.has(receipt, true).await? || self.signer.is_none() && self.has(receipt, false).await? {
            return Ok(Written::Conflict);
        }
        let payload = receipt.payload(now)?;
        let bytes = match self.signer {
            None => [payload.as_slice(), b"\n"].concat(),
            Some(signer) => {
                let mut envelope =
                    Envelope { payload_type: IN_TOTO_PAYLOAD_TYPE.to_owned(), payload, signature: Vec::new() };
                envelope.signature = signer.sign(envelope.pae()).await?;
                let mut bundle = write_bundle(&envelope, signer.key().public.spki())?;
                bundle.push(b'\n');
                bundle
            }
        };
        let signed = self.signer.is_some();
        match self.receipts.add(&receipt.path(signed), &bytes).await? {
            Written::Stored => Ok(Written::Stored),
            // Somebody else was sooner.
            Written::Conflict => self.has(receipt, signed).await.map(|_| Written::Conflict),
        }
    }

    /// Says whether a receipt is there. What else is there must not be taken for it.
    async fn has(&self, receipt: &UnsignedReceipt, signed: bool) -> Result<bool, ReceiptsError> {
        let path = receipt.path(signed);
        let Some(bytes) = self.receipts.read(&path).await? else { return Ok(false) };
        let held = if signed { stated(&bytes) } else { Statement::parse(bytes.trim_ascii_end().to_vec()).ok() };
        let held = held.filter(Statement::is_receipt).and_then(|one| one.predicate::<Receipt>().ok());
        if held.is_some_and(|held| receipt.is(&held)) { Ok(true) } else { Err(ReceiptsError::Taken { path }) }
    }
}
