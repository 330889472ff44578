//! What an instance remembers of its own earlier boots: that it was admitted, and with which evidence.
//!
//! It names the instance, and is believed on that one only: an image that was made of the instance carries the file and
//! not the id. Nothing that is remembered admits: it lets time alone pass, and evidence be judged again.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Decision, Sight};
use crate::{
    bounded::{self, Limits, Object},
    flow::outage,
    identity::InstanceIdentity,
    ids::{ImageRef, InstanceId},
    policy::Policy,
    ports::{Expected, PortError, StateName, StateStore},
    report::{Note, Outcome},
};

const NAME: &str = "v1/admitted.json";
const SCHEMA: &str = "goldseal/boot-admitted/v1";
const LIMITS: Limits = Limits { bytes: 4 << 10, depth: 4 };

/// See the module.
#[derive(Debug, Default)]
pub struct Memory {
    image: Option<ImageRef>,
    notes: Vec<Note>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Admitted {
    schema: String,
    instance: InstanceId,
    region: crate::ids::Region,
    image: crate::ids::AmiId,
    at: Timestamp,
}

impl Memory {
    /// Reads what an instance remembers. What cannot be read is told and taken for nothing.
    pub async fn recall(state: &impl StateStore, identity: &InstanceIdentity) -> Self {
        let read = match name() {
            Ok(name) => state.read(&name).await.map_err(|error| error.chain()),
            Err(why) => Err(why),
        };
        let admitted = read.and_then(|stored| match stored {
            Some(stored) => bounded::json(&stored.bytes, LIMITS).map(Some).map_err(|fault| fault.to_string()),
            None => Ok(None),
        });
        let image = identity.image();
        match admitted {
            Ok(Some(Object(Admitted { schema, instance, region, image: id, at: _ }))) => {
                let own = schema == SCHEMA
                    && instance == *identity.instance()
                    && (&region, &id) == (&image.region, &image.id);
                Self { image: own.then(|| image.clone()), notes: Vec::new() }
            }
            Ok(None) => Self::default(),
            Err(why) => {
                let message = format!("what this instance remembers of earlier boots cannot be read: {why}");
                Self { image: None, notes: vec![Note::new("state-unreadable", message)] }
            }
        }
    }

    /// Returns the image, when this instance of it was admitted before.
    pub fn image(&self) -> Option<&ImageRef> {
        self.image.as_ref()
    }

    /// Returns what a reader should know of it.
    pub fn notes(&self) -> &[Note] {
        &self.notes
    }

    /// Remembers that an instance was admitted, and where the policy lets evidence stand in, the evidence. Failing at it
    /// stops nothing: the next boot knows less, and the report says so.
    pub async fn keep(
        &self,
        state: &impl StateStore,
        identity: &InstanceIdentity,
        sight: &Sight,
        policy: &Policy,
        decision: &Decision,
    ) -> Vec<Note> {
        // Who was let pass by an override was not admitted, and time has nothing to let pass of it.
        if decision.report.judged.verdict != Outcome::Admit || decision.report.judged.overridden.is_some() {
            return Vec::new();
        }
        let now = decision.report.at;
        let mut failed = Vec::new();
        if self.image.is_none() {
            failed.extend(mark(state, identity, now).await.err().map(|error| error.chain()));
        }
        if let (Some(bytes), Some(_)) = (sight.evidence(), policy.launch().last_known_good) {
            failed.extend(outage::keep(state, identity.image(), bytes, now).await.err().map(|error| error.chain()));
        }
        let note = |why| Note::new("state-not-kept", format!("for later boots nothing could be remembered: {why}"));
        failed.into_iter().map(note).collect()
    }
}

async fn mark(state: &impl StateStore, identity: &InstanceIdentity, at: Timestamp) -> Result<(), PortError> {
    let Ok(name) = name() else { return Ok(()) };
    let image = identity.image();
    let admitted = Admitted {
        schema: SCHEMA.to_owned(),
        instance: identity.instance().clone(),
        region: image.region.clone(),
        image: image.id.clone(),
        at,
    };
    let bytes = serde_json::to_vec(&admitted).unwrap_or_default();
    let there = state.read(&name).await?;
    let expected = there.map_or(Expected::Absent, |there| Expected::Unchanged(there.revision));
    // Nobody else writes here; who did wrote the same.
    let _written = state.write(&name, &bytes, expected).await?;
    Ok(())
}

fn name() -> Result<StateName, String> {
    StateName::new(NAME)
}
