//! A place for state, tried: a small document is written, read and removed again.

use crate::ports::{Expected, PortError, PortErrorKind, StateName, StateStore};

/// What became of each try.
#[derive(Debug)]
pub struct TriedState {
    /// Of writing.
    pub written: Result<(), PortError>,
    /// Of reading what was written.
    pub read: Result<(), PortError>,
    /// Of removing it.
    pub removed: Result<(), PortError>,
}

impl TriedState {
    /// Tries a place with a document of this name, which nobody else needs.
    pub async fn of(state: &impl StateStore, name: &StateName) -> Self {
        // Somebody who was stopped may have left one.
        let written = state.write(name, b"{}", Expected::Absent).await.map(drop);
        let read = state.read(name).await.and_then(|found| match (&written, found) {
            (Ok(()), None) => {
                let forgotten = PortError::new(PortErrorKind::Malformed, "reading state", name);
                Err(forgotten.because("what was written is not there"))
            }
            (Ok(()) | Err(_), _) => Ok(()),
        });
        let removed = state.remove(name).await;
        Self { written, read, removed }
    }

    /// Returns the first failure.
    ///
    /// # Errors
    /// That, if there is one.
    pub fn outcome(self) -> Result<(), PortError> {
        self.written.and(self.read).and(self.removed)
    }
}

#[cfg(test)]
mod tests {
    use futures_executor::block_on;

    use super::*;
    use crate::testing::launches::FakeState;

    #[test]
    fn a_place_that_keeps_nothing_or_gives_nothing_back_is_none() {
        let name = StateName::new("v1/tried.json").unwrap();
        let tried = |state: &FakeState| block_on(TriedState::of(state, &name)).outcome().map_err(|error| error.kind);
        let good = FakeState::default();
        assert_eq!(tried(&good), Ok(()));
        assert!(good.held.lock().unwrap().is_empty(), "it is left as it was");
        for kind in [PortErrorKind::Denied, PortErrorKind::Unavailable] {
            assert_eq!(tried(&FakeState { write_fault: Some(kind), ..FakeState::default() }), Err(kind));
            assert_eq!(tried(&FakeState { read_fault: Some(kind), ..FakeState::default() }), Err(kind));
        }
        // What another one left is no failure.
        good.held.lock().unwrap().insert(name.clone(), b"{}".to_vec());
        assert_eq!(tried(&good), Ok(()));
    }
}
