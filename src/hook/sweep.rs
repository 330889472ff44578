//! Waits that no message told of: lost events, and queues that were deleted.
//!
//! A message is on its way for some seconds, so instances that were launched just now are left to theirs. What is found
//! is looked at like any other wait: state and image are read again, and it is completed by instance id.

use std::time::Duration;

use goldseal_core::{
    flow::Cases,
    lifecycle::{Group, Wait},
    ports::{Groups, Instances, PortError, Waits},
    report::FoundBy,
};
use jiff::{SignedDuration, Timestamp};

use super::{
    decided::{Told, Turn},
    engine::Engine,
};

/// How often groups are looked at.
pub const EVERY: Duration = Duration::from_mins(1);
/// For how long after its launch an instance is left to its message.
const ON_ITS_WAY: SignedDuration = SignedDuration::from_secs(30);

/// Looks for waits of guarded groups that nobody looks at, and returns the turns to do so.
///
/// # Errors
/// When the groups cannot be asked for.
pub async fn find<I, W, G, C>(engine: &Engine<I, W, G, C>) -> Result<Vec<(Turn, Wait)>, PortError>
where
    I: Instances + Send + Sync + 'static,
    W: Waits + Send + Sync + 'static,
    G: Groups + Send + Sync,
    C: Cases + Send + Sync + 'static,
{
    let now = Timestamp::now();
    let groups = engine.groups.port().groups(Some(&engine.guarded)).await?;
    let waiting = groups.into_iter().flat_map(|Group { name, waiting, .. }| {
        let group = std::iter::repeat(name);
        group.zip(waiting)
    });
    let each = waiting.map(|(group, instance)| async move {
        let described = engine.ports.instances.instance(&instance).await.unwrap_or_else(|error| {
            let error = error.chain();
            tracing::warn!(event = "call-failed", %instance, %group, error, "asking for an instance that waits failed");
            None
        });
        // What EC2 does not show is new.
        let launched = described?.launched?;
        (now.duration_since(launched) >= ON_ITS_WAY).then_some((group, instance))
    });
    let overdue: Vec<_> = futures::future::join_all(each).await.into_iter().flatten().collect();
    let mut found = Vec::new();
    for (group, instance) in overdue {
        for hook in engine.groups.launching(&group, |hook| engine.guarded.hook(hook)).await {
            let wait = Wait { group: group.clone(), hook, instance: instance.clone(), token: None };
            if let Told::New(turn) = engine.begin(&wait) {
                found.push((turn, wait));
            }
        }
    }
    engine.metrics.sweep(now);
    Ok(found)
}

/// How the hook came to know of what is found here.
pub const FOUND_BY: FoundBy = FoundBy::Sweep;
