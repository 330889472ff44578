//! Instants and windows. Nothing here, and nothing in this package, can ask what time it is.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A span of time: from `from` (inclusive) to `until` (exclusive); a missing end is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Window {
    /// First instant inside.
    pub from: Option<Timestamp>,
    /// First instant after.
    pub until: Option<Timestamp>,
}

/// Where an instant lies as seen from a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// Before it opens.
    Before(Timestamp),
    /// Inside.
    Inside,
    /// At its end or after.
    After(Timestamp),
}

impl Window {
    /// Says where `at` lies.
    pub fn place(&self, at: Timestamp) -> Place {
        match (self.from, self.until) {
            (Some(from), _) if at < from => Place::Before(from),
            (_, Some(until)) if at >= until => Place::After(until),
            _ => Place::Inside,
        }
    }
}

/// Returns the earlier of two ends, where none means never.
pub fn earlier(a: Option<Timestamp>, b: Option<Timestamp>) -> Option<Timestamp> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (one, other) => one.or(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn a_window_holds_its_first_instant_and_not_its_end() {
        let window = Window { from: Some(at(10)), until: Some(at(20)) };
        assert_eq!(window.place(at(9)), Place::Before(at(10)));
        assert_eq!(window.place(at(10)), Place::Inside);
        assert_eq!(window.place(at(19)), Place::Inside);
        assert_eq!(window.place(at(20)), Place::After(at(20)));
        assert_eq!(Window::default().place(at(0)), Place::Inside);
    }

    #[test]
    fn the_earlier_end_wins_and_none_is_never() {
        assert_eq!(earlier(None, None), None);
        assert_eq!(earlier(Some(at(1)), None), Some(at(1)));
        assert_eq!(earlier(None, Some(at(1))), Some(at(1)));
        assert_eq!(earlier(Some(at(2)), Some(at(1))), Some(at(1)));
    }
}
