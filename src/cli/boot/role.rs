//! What the role of this instance may do that the judged must not: tried with things that there are not.

use std::time::Duration;

use anyhow::{Context as _, Result};
use goldseal_core::{
    enforcement::Completion,
    guard::{Forbidden, Power},
    identity::{InstanceIdentity, identify},
    lifecycle::Wait,
    ports::{
        Expected, InstanceMetadata as _, PortError, PortErrorKind, Revision, StateName, StateStore as _, Waits as _,
        evidence_path,
    },
};
use jiff::Timestamp;
use tokio::time::Instant;

use super::super::session::Session;
use crate::{
    adapters::{
        aws::AutoScaling,
        imds::{self, Imds},
    },
    settings::{Fragment, Settings},
};

/// On an instance IMDS answers at once; elsewhere nobody does.
const PATIENCE: Duration = Duration::from_secs(3);
/// Names that no group and no object's state has.
const NOBODY: &str = "goldseal-boot-check-tries-what-there-is-not";

/// Returns what the role may do; nothing where this is no instance, or without settings, which is found by itself.
pub async fn powers() -> Vec<Power> {
    let Ok(mut settings) = Settings::load(Fragment::default(), None) else { return Vec::new() };
    let complete = |allowed: Result<bool>| Power { to: Forbidden::CompleteLaunches, allowed: told(allowed) };
    let identity = match instance(&settings).await {
        Ok(Some(identity)) => identity,
        Ok(None) => return Vec::new(),
        Err(why) => return vec![complete(Err(why))],
    };
    settings.region.get_or_insert_with(|| identity.image().region.clone());
    let session = Session::new(settings, None);
    let mut powers = vec![complete(completes(&session, &identity).await)];
    if session.settings.store().is_ok_and(|store| store.bucket().is_some()) {
        let allowed = told(writes(&session, &identity).await);
        powers.push(Power { to: Forbidden::WriteEvidence, allowed });
    }
    powers
}

/// Says which instance this is; none where nobody says that it is one.
async fn instance(settings: &Settings) -> Result<Option<InstanceIdentity>> {
    let imds = Imds::new(imds::ADDRESS, Instant::now() + PATIENCE)?;
    let Ok(document) = imds.identity().await else { return Ok(None) };
    let file = settings.boot().ok().and_then(|boot| boot.certificates);
    let certificates = super::certificates(file.as_deref())?;
    let identity = identify(&document, &certificates, Timestamp::now());
    identity.map(Some).context("which instance this is, and in which region, is not proven")
}

async fn completes(session: &Session, identity: &InstanceIdentity) -> Result<bool> {
    let groups = AutoScaling::new(session.aws().await, &identity.image().region);
    let wait = Wait {
        group: NOBODY.parse()?,
        hook: NOBODY.parse()?,
        instance: identity.instance().clone(),
        token: Some("00000000-0000-0000-0000-000000000000".parse()?),
    };
    let tried = [groups.complete(&wait, Completion::Abandon).await, groups.heartbeat(&wait).await];
    allowed(tried.map(|one| one.map(drop)))
}

/// The evidence of the instance's own image is asked to be replaced on a condition that no state of it meets.
async fn writes(session: &Session, identity: &InstanceIdentity) -> Result<bool> {
    let store = session.state(session.settings.store()?).await?;
    let name = StateName::new(evidence_path(identity.image())).map_err(anyhow::Error::msg)?;
    let impossible = Expected::Unchanged(Revision(format!("\"{NOBODY}\"")));
    allowed([store.write(&name, b"", impossible).await.map(drop)])
}

/// IAM refuses before anybody looks whether the thing is there, and every other failure comes after it; but where a bucket
/// is not there, nobody asks IAM.
fn allowed(tried: impl IntoIterator<Item = Result<(), PortError>>) -> Result<bool> {
    let mut any = false;
    for one in tried {
        match one {
            Err(error) if error.kind == PortErrorKind::Denied => {}
            Err(error) if error.kind == PortErrorKind::NotFound => {
                let what = "what this would be done to is not there: mend the settings, and check again";
                return Err(anyhow::Error::new(error).context(what));
            }
            Err(error) if matches!(error.kind, PortErrorKind::Throttled | PortErrorKind::Unavailable) => {
                return Err(error.into());
            }
            Ok(()) | Err(_) => any = true,
        }
    }
    Ok(any)
}

fn told(allowed: Result<bool>) -> Result<bool, String> {
    allowed.map_err(|error| format!("{error:#}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_refusal_of_iam_says_no() {
        let fails = |kind| Err(PortError::new(kind, "x:Y", "z"));
        for (tried, expected) in [
            (vec![fails(PortErrorKind::Denied), fails(PortErrorKind::Denied)], Some(false)),
            (vec![fails(PortErrorKind::Denied), Ok(())], Some(true)),
            (vec![fails(PortErrorKind::NotFound)], None),
            (vec![fails(PortErrorKind::Refused)], Some(true)),
            (vec![fails(PortErrorKind::Throttled)], None),
            (vec![fails(PortErrorKind::Denied), fails(PortErrorKind::Unavailable)], None),
        ] {
            assert_eq!(allowed(tried).ok(), expected);
        }
    }
}
