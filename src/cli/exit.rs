//! A failure → an exit code, a message and hints. The only place where errors become numbers.
//!
//! 0 admit or done · 1 reject, or the answer is no · 2 usage, settings or input · 3 undetermined: something could not
//! be asked · 70 our own failure. docs/cli.md says the same to users.

use std::{error::Error, io, process::ExitCode};

use goldseal_core::{
    flow::{
        ContentError, InputFault, LastAuditFault, PublishError, ResealError, RevokeError, SignError,
        overrides::OverrideError,
    },
    policy::Unfit,
    ports::{PortError, PortErrorKind},
    publication::Obstacle,
    report::{Answer, Outcome, PublishOutcome},
    verdict::{Reason, Verdict},
};

use crate::settings::SettingsError;

/// The exit codes. Stable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Code {
    /// Admit, or done.
    Good = 0,
    /// Reject, or the answer is no.
    No = 1,
    /// Usage, settings or input.
    Usage = 2,
    /// Undetermined: something could not be asked.
    Unknown = 3,
    /// Our own failure.
    Internal = 70,
}

impl From<Code> for ExitCode {
    fn from(code: Code) -> Self {
        Self::from(code as u8)
    }
}

impl From<Outcome> for Code {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Admit => Self::Good,
            Outcome::Reject => Self::No,
            Outcome::Undetermined => Self::Unknown,
        }
    }
}

impl From<Answer> for Code {
    fn from(answer: Answer) -> Self {
        match answer {
            Answer::Absent => Self::Good,
            Answer::Found => Self::No,
            Answer::Undetermined | Answer::NotSearched => Self::Unknown,
        }
    }
}

impl From<PublishOutcome> for Code {
    fn from(outcome: PublishOutcome) -> Self {
        match outcome {
            PublishOutcome::Published | PublishOutcome::Planned => Self::Good,
            PublishOutcome::Refused => Self::No,
            // Where it stopped there is an error, and that has a code of its own.
            PublishOutcome::Undetermined | PublishOutcome::Stopped => Self::Unknown,
        }
    }
}

/// A command that came to no result.
#[derive(Debug)]
pub struct Failure {
    /// The exit code.
    pub code: Code,
    /// What we were doing, and the causes, outermost first.
    pub chain: Vec<String>,
    /// What to do about it.
    pub hints: Vec<String>,
}

impl Failure {
    /// Makes a failure with a code of one's choice.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, chain: vec![message.into()], hints: Vec::new() }
    }

    /// Takes it for one of a command that looks, where "no" is an answer: without an answer nobody knows.
    #[must_use]
    pub fn unanswered(self) -> Self {
        match self.code {
            Code::No => Self { code: Code::Unknown, ..self },
            Code::Good | Code::Usage | Code::Unknown | Code::Internal => self,
        }
    }

    /// Adds a hint.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }
}

impl From<io::Error> for Failure {
    /// Only printing a report fails like this: what was to be done is done.
    fn from(error: io::Error) -> Self {
        let chain = vec!["writing the report to standard output".to_owned(), error.to_string()];
        Self {
            code: Code::Internal,
            chain,
            hints: vec!["what the command does was done; `goldseal verify` tells".to_owned()],
        }
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        let code = error.chain().find_map(code).unwrap_or(Code::Usage);
        let mut chain: Vec<String> = Vec::new();
        for message in error.chain().map(ToString::to_string) {
            // Transparent errors show their cause's words; once is enough.
            if chain.last() != Some(&message) {
                chain.push(message);
            }
        }
        chain.extend(error.chain().flat_map(details));
        Self { code, chain, hints: error.chain().filter_map(hint).collect() }
    }
}

/// Errors of ours and of the ports say which code they are; everything else is something the user gave us.
fn code(error: &(dyn Error + 'static)) -> Option<Code> {
    if let Some(port) = error.downcast_ref::<PortError>() {
        // A key file is an input like any other.
        if port.operation.starts_with("key:") {
            return Some(Code::Usage);
        }
        return Some(match port.kind {
            // What must be there and is not was named wrongly: a bucket, a key, a directory, a region.
            PortErrorKind::NotFound => Code::Usage,
            PortErrorKind::Refused => Code::No,
            PortErrorKind::Denied
            | PortErrorKind::Throttled
            | PortErrorKind::Unavailable
            | PortErrorKind::Malformed => Code::Unknown,
        });
    }
    if error.is::<ResealError>() {
        return Some(Code::No);
    }
    if error.is::<Obstacle>() {
        return Some(Code::No);
    }
    match error.downcast_ref::<OverrideError>() {
        Some(OverrideError::NoRule | OverrideError::Unreadable { .. }) => return Some(Code::Usage),
        Some(OverrideError::Statement(_)) => return Some(Code::Internal),
        // Their causes say it, where there are some.
        Some(OverrideError::Store(_) | OverrideError::Sign(_)) | None => {}
        Some(
            OverrideError::Refused(_)
            | OverrideError::NotAnAuthority { .. }
            | OverrideError::SignedBefore(_)
            | OverrideError::KeyFile
            | OverrideError::Ended(_)
            | OverrideError::Full { .. }
            | OverrideError::Conflict { .. },
        ) => return Some(Code::No),
    }
    if error.is::<LastAuditFault>() {
        return Some(Code::Unknown);
    }
    match error.downcast_ref::<RevokeError>() {
        Some(RevokeError::NoRule | RevokeError::NoEntry { .. } | RevokeError::Entry(_)) => return Some(Code::Usage),
        Some(RevokeError::Unfit { why: Unfit::Unasked(_), .. }) => return Some(Code::Unknown),
        Some(RevokeError::SelfCheck { .. }) => return Some(Code::Internal),
        // The errors below say which.
        Some(RevokeError::Store(_) | RevokeError::Sign(_)) => return None,
        Some(_) => return Some(Code::No),
        None => {}
    }
    match error.downcast_ref::<SignError>()? {
        SignError::NotApproved { verdict: Verdict::Undetermined(_), .. } => Some(Code::Unknown),
        SignError::Exists { .. }
        | SignError::Conflict { .. }
        | SignError::NotApproved { .. }
        | SignError::NotAdmitted { .. }
        | SignError::ApproverSeals { .. }
        | SignError::TagConflict { .. }
        | SignError::OtherInputs { .. }
        | SignError::AlreadySigned { .. } => Some(Code::No),
        SignError::SelfCheck { .. } => Some(Code::Internal),
        SignError::Input(_) => Some(Code::Usage),
        // The port error below says which.
        SignError::Store { .. } | SignError::Sign { .. } | SignError::Tag { .. } => None,
    }
}

/// What an error holds beside its message: why there is no approval, or no admission.
fn details(error: &(dyn Error + 'static)) -> Vec<String> {
    let reason = |reason: &Reason| format!("{}: {reason}", reason.code());
    match error.downcast_ref::<SignError>() {
        Some(SignError::NotAdmitted { reasons, .. }) => reasons.iter().map(reason).collect(),
        Some(SignError::NotApproved { verdict, .. }) => match verdict {
            Verdict::Admit(_) => Vec::new(),
            Verdict::Reject(reasons) => reasons.as_slice().iter().map(reason).collect(),
            Verdict::Undetermined(faults) => {
                faults.as_slice().iter().map(|fault| format!("{}: {fault}", fault.code())).collect()
            }
        },
        _ => Vec::new(),
    }
}

const PLACE_THE_SBOM: &str = "upload it somewhere durable and give --sbom-location URL";

fn hint(error: &(dyn Error + 'static)) -> Option<String> {
    if let Some(SettingsError::Missing { hint, .. }) = error.downcast_ref() {
        return Some((*hint).to_owned());
    }
    if let Some(port) = error.downcast_ref::<PortError>() {
        return port_hint(port);
    }
    if let Some(ContentError::NoSnapshot { .. }) = error.downcast_ref() {
        return Some("give --without-content for images with such devices".to_owned());
    }
    if let Some(fault) = error.downcast_ref::<ResealError>() {
        let text = match fault {
            ResealError::KeyUnknown { .. } => {
                "put its public key into --new-policy, beside the old one or in its place"
            }
            ResealError::NoSuchAuthority(_) => "--from takes a name of the policy of --policy",
            ResealError::SameKey(_) => "give the new key by --key; --from says which old one it stands in for",
            ResealError::ApproverSeals(_) => {
                "--from moves the approvals of an approver; images need a key of their own"
            }
        };
        return Some(text.to_owned());
    }
    if let Some(PublishError::Stopped { .. }) = error.downcast_ref() {
        return Some("publish again once that is mended: it goes on with what is missing".to_owned());
    }
    if error.is::<LastAuditFault>() {
        let text =
            "find out who wrote it; once it is moved away, the next audit begins anew, and all that it finds is new";
        return Some(text.to_owned());
    }
    if let Some(obstacle) = error.downcast_ref::<Obstacle>() {
        return Some(obstacle_hint(obstacle));
    }
    if let Some(revoke) = error.downcast_ref::<RevokeError>() {
        return revoke_hint(revoke).map(str::to_owned);
    }
    if let Some(InputFault::SbomTooLarge { .. }) = error.downcast_ref() {
        return Some(PLACE_THE_SBOM.to_owned());
    }
    let text = match error.downcast_ref::<SignError>()? {
        SignError::Exists { .. } => "--replace puts new evidence in its place; --add puts a second signer's behind it",
        SignError::Conflict { .. } => "somebody else signs this image too; look at `goldseal verify`, then try again",
        SignError::NotApproved { .. } => {
            "run `goldseal gate --output json` and `goldseal approve`, and give what it writes as --approval"
        }
        SignError::NotAdmitted { .. } => "nothing was stored; docs/reasons.md says what to do about each of these",
        SignError::ApproverSeals { .. } => "sign with the image key; the one of --key is for `goldseal approve`",
        SignError::TagConflict { .. } => "find out who tagged it; or take the tag out of the build facts",
        SignError::OtherInputs { .. } => "give the same files that the first signer gave, or use --replace",
        SignError::AlreadySigned { .. } => "--add is for another key; --replace signs anew",
        SignError::SelfCheck { .. } => "nothing was stored; please report this",
        // A transparent error hides itself from the chain, so this one is not found by its own type.
        SignError::Input(InputFault::SbomTooLarge { .. }) => PLACE_THE_SBOM,
        SignError::Input(_) | SignError::Store { .. } | SignError::Sign { .. } | SignError::Tag { .. } => return None,
    };
    Some(text.to_owned())
}

fn revoke_hint(error: &RevokeError) -> Option<&'static str> {
    Some(match error {
        RevokeError::NoRule => "docs/revocation.md says how a policy asks for a list",
        RevokeError::NotAnAuthority { .. } => "sign with the key of one of them; it is no key that seals",
        RevokeError::Absent { .. } => {
            "begin it with `revoke renew --first`; if there was one, somebody took it away: give a copy, --go-on-from FILE"
        }
        RevokeError::Exists { .. } => "leave out --first",
        RevokeError::Unfit { why: Unfit::RolledBack { .. }, .. } => {
            "somebody put an older list back: give the newest copy that there is, --go-on-from FILE"
        }
        RevokeError::Unfit { .. } => {
            "look who wrote it; then give a copy that counts, --go-on-from FILE (docs/revocation.md)"
        }
        RevokeError::Clock { .. } => "one of the two clocks is wrong; set it, or wait",
        RevokeError::NothingWaits { .. } => "`revoke list` shows what there is",
        RevokeError::AlreadySigned { .. } => "another authority has to",
        RevokeError::TooOld { .. } => "revoke again, or `revoke renew`: that takes its entries along",
        RevokeError::Conflict { .. } => "look at `revoke list`, then try again",
        RevokeError::NoEntry { .. }
        | RevokeError::OtherKeys { .. }
        | RevokeError::Entry(_)
        | RevokeError::Store(_)
        | RevokeError::Sign(_)
        | RevokeError::SelfCheck { .. } => return None,
    })
}

fn obstacle_hint(obstacle: &Obstacle) -> String {
    match obstacle {
        Obstacle::NotAvailable { .. } => {
            "an image that cannot be launched is not shared; make it available first".into()
        }
        Obstacle::ComplianceLock { snapshot, .. } => {
            format!(
                "nobody could take a longer one away: ask for fewer days, or lengthen it by hand with \
                 `aws ec2 lock-snapshot --lock-mode compliance --snapshot-id {snapshot}`"
            )
        }
        Obstacle::NotAnImageParameter { .. } => "name another parameter, or delete this one first".into(),
    }
}

fn port_hint(port: &PortError) -> Option<String> {
    let operation = port.operation;
    Some(match port.kind {
        // Outside an organization that is refused, not denied.
        PortErrorKind::Denied | PortErrorKind::Refused if operation == "organizations:ListAccounts" => {
            "call it from the organization's management account or a delegated administrator with that permission, or \
             name the accounts: --accounts FILE"
                .to_owned()
        }
        PortErrorKind::Denied => format!("the caller needs {operation} on {}", port.resource),
        PortErrorKind::Throttled => "the account's request rate is used up; try again later".to_owned(),
        PortErrorKind::Unavailable => "try again; if it stays, check the network and the endpoint".to_owned(),
        PortErrorKind::NotFound | PortErrorKind::Malformed | PortErrorKind::Refused => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_say_which_code_and_what_is_missing() {
        for (kind, code) in [
            (PortErrorKind::NotFound, Code::Usage),
            (PortErrorKind::Refused, Code::No),
            (PortErrorKind::Denied, Code::Unknown),
            (PortErrorKind::Throttled, Code::Unknown),
            (PortErrorKind::Unavailable, Code::Unknown),
            (PortErrorKind::Malformed, Code::Unknown),
        ] {
            let error = anyhow::Error::new(PortError::new(kind, "kms:Sign", "key")).context("signing");
            let failure = Failure::from(error);
            assert_eq!(failure.code, code, "{kind:?}");
            assert_eq!(failure.chain.first().map(String::as_str), Some("signing"));
            assert_eq!(failure.hints.iter().any(|hint| hint.contains("kms:Sign")), kind == PortErrorKind::Denied);
        }
        assert_eq!(Failure::from(anyhow::anyhow!("a bad flag")).code, Code::Usage);
    }

    #[test]
    fn without_an_answer_the_answer_is_not_no() {
        let refused = PortError::new(PortErrorKind::Refused, "organizations:ListAccounts", "the organization");
        let failure = Failure::from(anyhow::Error::new(refused)).unanswered();
        assert_eq!(failure.code, Code::Unknown);
        assert!(failure.hints.iter().any(|hint| hint.contains("--accounts FILE")), "{failure:?}");
        for code in [Code::Usage, Code::Unknown, Code::Internal] {
            assert_eq!(Failure::new(code, "").unanswered().code, code);
        }
    }
}
