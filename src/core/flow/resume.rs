//! An audit that was interrupted → one that goes on: what a place told is kept until an audit ends, and stands in for asking.
//!
//! Only facts are kept, and only of a place that answered every question. Images, evidence and keys are asked for again, and
//! every verdict is a new one. What is damaged, too old, of another place or of another audit is not believed: the place is
//! asked again, and the report says so. Nothing that was kept becomes younger by being used.

mod facts;
mod view;

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use jiff::Timestamp;

use self::facts::{Facts, FactsFault, Told};
pub use self::view::{Resumed, ResumedView};
use crate::{
    digest::Sha256Digest,
    fleet::Place,
    gate::Period,
    ports::{Expected, PortError, PortErrorKind, StateName, StateStore, Written},
    report::{AuditReport, Note},
};

const OPERATION: &str = "state:resume";
/// So many places are named in a note.
const NAMED: usize = 3;

/// A place for what an audit was told, until it ends. `now` is the clock.
#[derive(Debug)]
pub struct Resumption<S, N> {
    state: S,
    selection: Sha256Digest,
    age: Period,
    now: N,
    places: Mutex<BTreeMap<Place, Became>>,
}

/// What became of a place.
#[derive(Debug, Default)]
struct Became {
    /// Its file is read or written by this audit.
    file: bool,
    /// When it was seen, if that stands in.
    seen: Option<Timestamp>,
    /// Why what was kept of it does not.
    again: Option<String>,
    /// Why what it told this time is not kept.
    unkept: Option<String>,
}

/// Why facts are not believed.
#[derive(Debug, thiserror::Error)]
enum Disbelief {
    #[error(transparent)]
    Damaged(#[from] FactsFault),
    #[error("what was kept is of {0}")]
    Elsewhere(String),
    #[error("what was kept is of an audit of other accounts, regions, another role or without the same --stopped")]
    Otherwise,
    #[error("it was seen at {0:.0}, longer ago than {1}")]
    Old(Timestamp, Period),
    #[error("it is said to have been seen at {0:.0}, which is after now: one of the clocks is wrong")]
    Ahead(Timestamp),
}

/// A place that is asked now.
#[derive(Debug)]
struct Asking {
    place: Place,
    began: Timestamp,
    expected: Expected,
}

impl<S: StateStore, N: Fn() -> Timestamp> Resumption<S, N> {
    /// Keeps facts in a place for state that nobody else can write. `selection` is all that says what is asked of a place
    /// beside where it is; `age` is how long ago a fact may have been asked for.
    pub fn new(state: S, selection: Sha256Digest, age: Period, now: N) -> Self {
        Self { state, selection, age, now, places: Mutex::default() }
    }

    /// Returns what was told of a place, if it stands in for asking; else what to keep the new answers with.
    async fn recall(&self, place: &Place) -> Result<Result<Box<Told>, Asking>, PortError> {
        // Before the first question, so that nothing is taken for younger than it is.
        let began = (self.now)();
        let (found, expected) = match self.state.read(&name(place)?).await {
            Ok(None) => (None, Expected::Absent),
            Ok(Some(stored)) => (Some(self.believe(place, &stored.bytes, began)), Expected::Unchanged(stored.revision)),
            Err(error) => {
                self.note(place, |became| became.again = Some(error.chain()));
                (None, Expected::Absent)
            }
        };
        let asking = Asking { place: place.clone(), began, expected };
        Ok(match found {
            None => Err(asking),
            Some(Ok(Facts { seen, told, .. })) => {
                self.note(place, |became| (became.file, became.seen) = (true, Some(seen)));
                Ok(Box::new(told))
            }
            Some(Err(why)) => {
                self.note(place, |became| (became.file, became.again) = (true, Some(why.to_string())));
                Err(asking)
            }
        })
    }

    fn believe(&self, place: &Place, bytes: &[u8], now: Timestamp) -> Result<Facts, Disbelief> {
        let facts = Facts::from_bytes(bytes)?;
        if (&facts.account, &facts.region) != (&place.account, &place.region) {
            return Err(Disbelief::Elsewhere(format!("{} in {}", facts.account, facts.region)));
        }
        if facts.selection != self.selection {
            return Err(Disbelief::Otherwise);
        }
        if facts.seen > now {
            return Err(Disbelief::Ahead(facts.seen));
        }
        if self.age.after(facts.seen) <= now {
            return Err(Disbelief::Old(facts.seen, self.age));
        }
        Ok(facts)
    }

    /// Keeps what a place told. That it cannot be kept stops no audit.
    async fn keep(&self, asking: &Asking, told: Told) {
        let Asking { place, began, expected } = asking;
        let Place { account, region } = place.clone();
        let facts = Facts { account, region, seen: *began, selection: self.selection, told };
        let unkept = match (name(place), facts.to_bytes()) {
            (Err(error), _) => Some(error.chain()),
            (_, None) => Some("it told more than is kept of one place".to_owned()),
            (Ok(name), Some(bytes)) => match self.state.write(&name, &bytes, expected.clone()).await {
                Ok(Written::Stored) => None,
                Ok(Written::Conflict) => Some("something else is there by now".to_owned()),
                Err(error) => Some(error.chain()),
            },
        };
        self.note(place, |became| {
            became.file |= unkept.is_none();
            became.unkept = unkept;
        });
    }

    /// Says in a report when each place was seen, and what was not believed or kept.
    pub fn tell(&self, report: &mut AuditReport) {
        let places = self.places();
        let mut seen = Vec::new();
        for one in &mut report.places {
            let Some(region) = one.region.clone() else { continue };
            let became = places.get(&Place { account: one.account.clone(), region });
            one.seen = became.and_then(|became| became.seen);
            seen.extend(one.seen);
        }
        if let Some(first) = seen.iter().min() {
            let message = format!(
                "{} of {} places were seen by an audit that was interrupted, the first at {first:.0}; what came there since \
                 is not in here",
                seen.len(),
                report.places.len(),
            );
            report.notes.push(Note::new("resumed", message));
        }
        let told = |of: fn(&Became) -> Option<&String>| {
            let why = |(place, became)| of(became).map(|why| (place, why));
            places.iter().filter_map(why).collect::<Vec<(&Place, &String)>>()
        };
        report.notes.extend(note("asked-again", "asked again", &told(|became| became.again.as_ref())));
        report.notes.extend(note("not-resumable", "seen and not kept", &told(|became| became.unkept.as_ref())));
    }

    /// Removes what was kept of the places of this audit, which ended.
    ///
    /// # Errors
    /// Those of the place for state.
    pub async fn clear(&self) -> Result<(), PortError> {
        let files = |(place, became): (&Place, &Became)| became.file.then(|| place.clone());
        let files: Vec<Place> = self.places().iter().filter_map(files).collect();
        for place in files {
            self.state.remove(&name(&place)?).await?;
        }
        Ok(())
    }
}

impl<S, N> Resumption<S, N> {
    fn note(&self, place: &Place, note: impl FnOnce(&mut Became)) {
        note(self.places().entry(place.clone()).or_default());
    }

    fn places(&self) -> MutexGuard<'_, BTreeMap<Place, Became>> {
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn note(code: &'static str, what: &str, places: &[(&Place, &String)]) -> Option<Note> {
    let one = |(place, why): &(&Place, &String)| format!("{} in {}: {why}", place.account, place.region);
    let mut named: Vec<String> = places.iter().take(NAMED).map(one).collect();
    if places.len() > NAMED {
        named.push(format!("and {} more", places.len() - NAMED));
    }
    let count = match places.len() {
        0 => return None,
        1 => "1 place was".to_owned(),
        count => format!("{count} places were"),
    };
    Some(Note::new(code, format!("{count} {what}: {}", named.join("; "))))
}

fn name(Place { account, region }: &Place) -> Result<StateName, PortError> {
    let name = format!("{account}.{region}.json");
    let refused = |why: String| PortError::new(PortErrorKind::Refused, OPERATION, &name).because(why);
    StateName::new(name.clone()).map_err(refused)
}

#[cfg(test)]
mod tests;
