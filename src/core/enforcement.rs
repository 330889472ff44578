//! Verdict × mode × deadline → what an enforcement point does, as data. Nothing here sees evidence.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    policy::{BootAction, Mode},
    verdict::Verdict,
};

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

/// How a boot is ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum BootEnd {
    /// The machine is powered off.
    Poweroff,
    /// It is halted.
    Halt,
    /// It is kept for a person at the serial console.
    Emergency,
}

/// What is done about the verdict on a boot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BootStep {
    /// The boot goes on.
    GoOn,
    /// There is time to ask again.
    AskAgain,
    /// It is ended.
    End(BootEnd),
}

/// Whether a rejection is of time that has passed and nothing else, on an instance that was admitted before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It is: the instance was let in, and time alone does not put it out.
    LapsedSince,
    /// It is not, or it is not known to be.
    Other,
}

/// Maps the verdict on a boot to what is done. Not knowing is a rejection at the deadline, and a question until then.
pub fn plan_boot(
    verdict: &Verdict,
    mode: Mode,
    action: BootAction,
    standing: Standing,
    patience: Patience,
) -> BootStep {
    match (verdict, patience) {
        (Verdict::Admit(_), _) => return BootStep::GoOn,
        (Verdict::Undetermined(_), Patience::Left) => return BootStep::AskAgain,
        (Verdict::Reject(_), _) if standing == Standing::LapsedSince => return BootStep::GoOn,
        (Verdict::Reject(_), _) | (Verdict::Undetermined(_), Patience::Over) => {}
    }
    match (mode, action) {
        (Mode::Warn, _) | (_, BootAction::Report) => BootStep::GoOn,
        (Mode::Enforce, BootAction::Poweroff) => BootStep::End(BootEnd::Poweroff),
        (Mode::Enforce, BootAction::Halt) => BootStep::End(BootEnd::Halt),
        (Mode::Enforce, BootAction::Emergency) => BootStep::End(BootEnd::Emergency),
    }
}

impl BootEnd {
    /// Returns its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Poweroff => "poweroff",
            Self::Halt => "halt",
            Self::Emergency => "emergency",
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
