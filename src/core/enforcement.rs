//! Verdict × mode × deadline → what an enforcement point does, as data. Nothing here sees evidence.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{policy::Mode, verdict::Verdict};

/// How a wait of an instance on a launch hook is ended. The names are those of the Auto Scaling API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Completion {
    /// The instance goes into service.
    Continue,
    /// The instance is terminated, and the group launches another.
    Abandon,
}

impl Completion {
    /// Returns its name in metrics and reports.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Continue => "continue",
            Self::Abandon => "abandon",
        }
    }
}

/// What is done about a verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// The wait is ended.
    Complete(Completion),
    /// There is time to ask again.
    AskAgain,
}

/// Whether there is time left to ask again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Patience {
    /// There is.
    Left,
    /// The deadline has come.
    Over,
}

/// Maps a verdict to an action. Not knowing is a rejection at the deadline, and a question until then.
pub fn plan(verdict: &Verdict, mode: Mode, patience: Patience) -> Action {
    match (verdict, mode, patience) {
        (Verdict::Undetermined(_), _, Patience::Left) => Action::AskAgain,
        (Verdict::Admit(_), ..) | (_, Mode::Warn, _) => Action::Complete(Completion::Continue),
        (Verdict::Reject(_), Mode::Enforce, _) | (Verdict::Undetermined(_), Mode::Enforce, Patience::Over) => {
            Action::Complete(Completion::Abandon)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        attestation::Kind,
        digest::Sha256Digest,
        verdict::{Fault, Faults, Ground, Grounds, Reason, Reasons},
    };

    #[test]
    fn every_combination_has_its_action() {
        let rejected = || Verdict::Reject(Reasons::one(Reason::EvidenceAbsent { place: String::new() }));
        let unknown = || Verdict::Undetermined(Faults::one(Fault::Internal { problem: String::new() }));
        let ground = Ground { kind: Kind::Sbom, statement: Sha256Digest::of(b""), by: Vec::new() };
        let admitted = || Verdict::Admit(Grounds::new(vec![ground.clone()]).unwrap());
        let (go, no) = (Action::Complete(Completion::Continue), Action::Complete(Completion::Abandon));
        for (verdict, mode, patience, action) in [
            (admitted(), Mode::Enforce, Patience::Left, go),
            (admitted(), Mode::Enforce, Patience::Over, go),
            (admitted(), Mode::Warn, Patience::Left, go),
            (admitted(), Mode::Warn, Patience::Over, go),
            (rejected(), Mode::Enforce, Patience::Left, no),
            (rejected(), Mode::Enforce, Patience::Over, no),
            (rejected(), Mode::Warn, Patience::Left, go),
            (rejected(), Mode::Warn, Patience::Over, go),
            (unknown(), Mode::Enforce, Patience::Left, Action::AskAgain),
            (unknown(), Mode::Enforce, Patience::Over, no),
            (unknown(), Mode::Warn, Patience::Left, Action::AskAgain),
            (unknown(), Mode::Warn, Patience::Over, go),
        ] {
            assert_eq!(plan(&verdict, mode, patience), action, "{verdict:?} {mode:?} {patience:?}");
        }
    }
}
