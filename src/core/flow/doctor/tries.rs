//! What a launch hook does, tried with things that there are not.

use std::str::FromStr;

use super::{super::TriedState, Setup, asked};
use crate::{
    doctor::{Place, QueueFacts, Right, Unasked, Why},
    enforcement::Completion,
    ids::{AmiId, ImageRef, InstanceId, NotAnId, VolumeId},
    lifecycle::{Group, Wait},
    ports::{Asker, EvidenceStore, ImageCatalog, Instances, LaunchQueue, StateName, StateStore, Waits},
};

/// What is written, read and removed.
const STATE_PROBE: &str = "v1/doctor.json";

/// Something that was tried is allowed if it failed for another reason than that it is not.
pub(super) fn right(
    action: &'static str,
    on: Vec<String>,
    tried: Result<(), impl std::borrow::Borrow<Unasked>>,
) -> Right {
    let tried = match tried {
        Ok(()) => Ok(()),
        Err(fault) => match fault.borrow().why {
            Why::Denied | Why::Passing => Err(fault.borrow().clone()),
            Why::Absent | Why::Lasting => Ok(()),
        },
    };
    Right { action, on, tried }
}

/// Returns something that there is not.
fn made_up<T: FromStr<Err = NotAnId>>(prefix: &str) -> Result<T, NotAnId> {
    format!("{prefix}00000000000000000").parse()
}

/// Answers for a wait that there is not, and asks to suspend what there is not.
pub(super) async fn waits(
    setup: &Setup<'_>,
    fleet: &impl Waits,
    account: &impl Asker,
    group: &Group,
) -> Result<Vec<Right>, NotAnId> {
    let Some(hook) = setup.guarded.hooks().next() else { return Ok(Vec::new()) };
    let wait = Wait {
        group: group.name.clone(),
        hook: hook.clone(),
        instance: made_up("i-")?,
        token: Some("00000000-0000-0000-0000-000000000000".parse()?),
    };
    let (heartbeat, complete) = futures_util::join!(fleet.heartbeat(&wait), fleet.complete(&wait, Completion::Abandon));
    let on = || vec![group.arn.to_string()];
    let mut rights = vec![
        right("autoscaling:RecordLifecycleActionHeartbeat", on(), asked(heartbeat).map(drop)),
        right("autoscaling:CompleteLifecycleAction", on(), asked(complete).map(drop)),
    ];
    if setup.policy.breaker().suspend_launch {
        let tried = asked(account.try_suspend(&group.name).await);
        rights.push(right("autoscaling:SuspendProcesses", on(), tried));
    }
    Ok(rights)
}

/// Looks for things that there are not.
pub(super) async fn looks(
    setup: &Setup<'_>,
    fleet: &impl Waits,
    instances: &impl Instances,
    catalog: &impl ImageCatalog,
) -> Result<Vec<Right>, NotAnId> {
    let (instance, volume): (InstanceId, VolumeId) = (made_up("i-")?, made_up("vol-")?);
    let image = ImageRef { region: setup.region.clone(), id: made_up("ami-")? };
    let (member, described, volumes, images) = futures_util::join!(
        fleet.member(&instance),
        instances.instance(&instance),
        instances.volume(&volume),
        catalog.describe(&image)
    );
    let all = || vec!["*".to_owned()];
    Ok(vec![
        right("autoscaling:DescribeAutoScalingInstances", all(), asked(member).map(drop)),
        right("ec2:DescribeInstances", all(), asked(described).map(drop)),
        right("ec2:DescribeVolumes", all(), asked(volumes).map(drop)),
        right("ec2:DescribeImages", all(), asked(images).map(drop)),
    ])
}

pub(super) async fn queue(setup: &Setup<'_>, queue: &impl LaunchQueue, rights: &mut Vec<Right>) -> QueueFacts {
    let settings = asked(queue.settings().await);
    let url = queue.url().to_owned();
    let mut parts = url.trim_end_matches('/').rsplit('/');
    let (name, account) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let guess = format!("arn:{}:sqs:{}:{account}:{name}", setup.region.partition(), setup.region);
    let arn = settings.as_ref().map_or(guess, |settings| settings.arn.clone());
    // Of a queue that is not there nothing can be told.
    if settings.as_ref().is_ok() || settings.as_ref().is_err_and(|fault| fault.why != Why::Absent) {
        for (action, tried) in queue.try_messages().await {
            rights.push(right(action, vec![arn.clone()], asked(tried)));
        }
    }
    QueueFacts { url, settings }
}

/// Reads the evidence of an image that there is not.
pub(super) async fn store(
    setup: &Setup<'_>,
    store: &impl EvidenceStore,
    rights: &mut Vec<Right>,
) -> Result<Place, NotAnId> {
    let id: AmiId = made_up("ami-")?;
    let tried = asked(store.read(&ImageRef { region: setup.region.clone(), id }).await).map(drop);
    if let Some(on) = bucket(setup, &setup.store) {
        rights.push(right("s3:GetObject", on, tried.as_ref().map(drop)));
    }
    Ok(Place { url: setup.store.clone(), tried })
}

/// Writes a document, reads and removes it.
pub(super) async fn state(setup: &Setup<'_>, state: &impl StateStore, rights: &mut Vec<Right>) -> Place {
    let url = setup.state.clone();
    let lasting = |problem| Unasked { operation: "state", resource: url.clone(), why: Why::Lasting, problem };
    let tried = match StateName::new(STATE_PROBE) {
        Ok(name) => {
            let TriedState { written, read, removed } = TriedState::of(state, &name).await;
            let (written, read, removed) = (asked(written), asked(read), asked(removed));
            if let Some(on) = bucket(setup, &setup.state) {
                for (action, tried) in
                    [("s3:PutObject", &written), ("s3:GetObject", &read), ("s3:DeleteObject", &removed)]
                {
                    rights.push(right(action, on.clone(), tried.as_ref().map(drop)));
                }
            }
            written.and(read).and(removed)
        }
        Err(problem) => Err(lasting(problem)),
    };
    Place { url: setup.state.clone(), tried }
}

/// Returns the ARNs of what is in a place in S3, and of its bucket.
pub(super) fn bucket(setup: &Setup<'_>, url: &str) -> Option<Vec<String>> {
    let place = url.strip_prefix("s3://")?.trim_end_matches('/');
    let bucket = place.split('/').next().unwrap_or_default();
    let partition = setup.region.partition();
    Some(vec![format!("arn:{partition}:s3:::{place}/v1/*"), format!("arn:{partition}:s3:::{bucket}")])
}
