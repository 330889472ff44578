//! Auto Scaling → where instances wait, the groups that they are in, and the end of waits.
//!
//! That a wait is over is an answer, not a failure: it was completed, ran out, or its group or instance is gone, and
//! asking again would change nothing. Auto Scaling says so in words only, with the code of any invalid request.

use std::collections::BTreeMap;

use aws_sdk_autoscaling::{
    Client,
    config::{http::HttpResponse, retry::RetryConfig},
    error::{ProvideErrorMetadata, SdkError},
    types::{AutoScalingGroup, AutoScalingInstanceDetails, Instance, LifecycleHook},
};
use goldseal_core::{
    enforcement::Completion,
    ids::{GroupName, InstanceId, NotAnId, Region},
    lifecycle::{Answer, Group, Guarded, Hook, Member, Standing, Wait},
    ports::{Groups, PortError, PortErrorKind, Waits},
};
use jiff::SignedDuration;

use super::{
    AwsConfig,
    batch::{Batches, Terms},
    fault,
    pace::Paced,
    pages,
};

const MEMBERS: &str = "autoscaling:DescribeAutoScalingInstances";
const HEARTBEAT: &str = "autoscaling:RecordLifecycleActionHeartbeat";
const COMPLETE: &str = "autoscaling:CompleteLifecycleAction";
const GROUPS: &str = "autoscaling:DescribeAutoScalingGroups";
const WARM_POOL: &str = "autoscaling:DescribeWarmPool";
const HOOKS: &str = "autoscaling:DescribeLifecycleHooks";
const SUSPEND: &str = "autoscaling:SuspendProcesses";
const RESUME: &str = "autoscaling:ResumeProcesses";

/// More instances in one call are refused.
const IDS: usize = 50;
const GROUPS_PAGE: i32 = 100;
const WARM_POOL_PAGE: i32 = 50;

pub(super) const LAUNCHING: &str = "autoscaling:EC2_INSTANCE_LAUNCHING";
const LAUNCH: &str = "Launch";

/// Auto Scaling in one region. Clones share their batches.
#[derive(Debug, Clone)]
pub struct AutoScaling {
    pub(super) client: Client,
    /// Asks once: whether a completion was done whose answer got lost is for its caller to find out.
    once: Client,
    members: Batches<InstanceId, Result<Member, String>>,
    pace: Paced,
}

impl AutoScaling {
    /// Asks Auto Scaling with these settings.
    pub fn new(aws: &AwsConfig, region: &Region) -> Self {
        let (client, asked) = (aws.autoscaling(region), aws.autoscaling(region));
        let once = client.config().to_builder().retry_config(RetryConfig::disabled()).build();
        Self {
            client,
            once: Client::from_conf(once),
            members: Batches::new(Terms::of(IDS), move |ids| members(asked.clone(), ids)),
            pace: Paced::default(),
        }
    }

    /// Asks for groups and hooks no faster than an audit may.
    pub(super) fn paced(aws: &AwsConfig, region: &Region) -> Self {
        Self { pace: Paced::of(&aws.0.pace, region), ..Self::new(aws, region) }
    }

    /// The groups of a name, or all, page by page.
    async fn described(&self, name: Option<&GroupName>) -> Result<Vec<AutoScalingGroup>, PortError> {
        let resource = name.map_or("all groups", GroupName::as_str);
        let names = name.map(|name| vec![name.to_string()]);
        let request = self.client.describe_auto_scaling_groups().set_auto_scaling_group_names(names);
        let (request, mut found, mut page) = (request.max_records(GROUPS_PAGE), Vec::new(), None);
        loop {
            self.pace.wait(GROUPS).await;
            let answer = request.clone().set_next_token(page.clone()).send().await;
            let answer = answer.map_err(|error| fault::port_error(&error, GROUPS, resource))?;
            found.extend(answer.auto_scaling_groups.unwrap_or_default());
            page = pages::next(GROUPS, resource, page.as_deref(), answer.next_token)?;
            if page.is_none() {
                return Ok(found);
            }
        }
    }

    /// Returns every group, with the description that it was read from. Who waits in a warm pool is not asked for.
    pub(super) async fn every(&self) -> Result<Vec<(Group, AutoScalingGroup)>, PortError> {
        let described = self.described(None).await?.into_iter();
        described.map(|described| Ok((read(&described)?, described))).collect()
    }

    /// Reads a group; the instances of its warm pool are told by another call.
    async fn group_of(&self, described: &AutoScalingGroup) -> Result<Group, PortError> {
        let mut group = read(described)?;
        if described.warm_pool_configuration().is_some() {
            for id in self.warm_pool(&group.name).await? {
                if !group.waiting.contains(&id) {
                    group.waiting.push(id);
                }
            }
        }
        Ok(group)
    }

    /// The instances of a warm pool that wait. A group that has gone meanwhile has none.
    async fn warm_pool(&self, group: &GroupName) -> Result<Vec<InstanceId>, PortError> {
        let request = self.client.describe_warm_pool().auto_scaling_group_name(group.as_str());
        let (request, mut found, mut page) = (request.max_records(WARM_POOL_PAGE), Vec::new(), None);
        loop {
            let answer = match request.clone().set_next_token(page.clone()).send().await {
                Ok(answer) => answer,
                Err(error) if is_gone(&error) => return Ok(Vec::new()),
                Err(error) => return Err(fault::port_error(&error, WARM_POOL, group)),
            };
            let ids = waiting(answer.instances());
            found.extend(ids.map_err(|fault| malformed(WARM_POOL, group.as_str(), fault.to_string()))?);
            page = pages::next(WARM_POOL, group, page.as_deref(), answer.next_token)?;
            if page.is_none() {
                return Ok(found);
            }
        }
    }
}

impl Waits for AutoScaling {
    async fn member(&self, id: &InstanceId) -> Result<Option<Member>, PortError> {
        let found = self.members.ask(id).await?.transpose();
        found.map_err(|why| PortError::new(PortErrorKind::Malformed, MEMBERS, id).because(why))
    }

    async fn heartbeat(&self, wait: &Wait) -> Result<Answer, PortError> {
        let request = self.client.record_lifecycle_action_heartbeat().auto_scaling_group_name(wait.group.as_str());
        let request = request.lifecycle_hook_name(wait.hook.as_str()).instance_id(wait.instance.as_str());
        let token = wait.token.as_ref().map(ToString::to_string);
        answer(request.set_lifecycle_action_token(token).send().await, HEARTBEAT, wait)
    }

    async fn complete(&self, wait: &Wait, completion: Completion) -> Result<Answer, PortError> {
        let request = self.once.complete_lifecycle_action().auto_scaling_group_name(wait.group.as_str());
        let request = request.lifecycle_hook_name(wait.hook.as_str()).instance_id(wait.instance.as_str());
        let token = wait.token.as_ref().map(ToString::to_string);
        let request = request.set_lifecycle_action_token(token).lifecycle_action_result(word(completion));
        answer(request.send().await, COMPLETE, wait)
    }
}

impl Groups for AutoScaling {
    async fn group(&self, name: &GroupName) -> Result<Option<Group>, PortError> {
        match self.described(Some(name)).await?.as_slice() {
            [] => Ok(None),
            [found] if found.auto_scaling_group_name() == Some(name.as_str()) => self.group_of(found).await.map(Some),
            _ => Err(malformed(GROUPS, name.as_str(), "an answer about another group".to_owned())),
        }
    }

    async fn groups(&self, only: Option<&Guarded>) -> Result<Vec<Group>, PortError> {
        let named = |group: &AutoScalingGroup| group.auto_scaling_group_name()?.parse().ok();
        let mut groups = Vec::new();
        for described in self.described(None).await? {
            // A name that cannot be read is none that is guarded.
            if only.is_none_or(|guarded| named(&described).is_some_and(|name| guarded.group(&name))) {
                groups.push(self.group_of(&described).await?);
            }
        }
        Ok(groups)
    }

    async fn hooks(&self, group: &GroupName) -> Result<Vec<Hook>, PortError> {
        let request = self.client.describe_lifecycle_hooks().auto_scaling_group_name(group.as_str());
        self.pace.wait(HOOKS).await;
        let answer = request.send().await.map_err(|error| about_group(&error, HOOKS, group))?;
        let hooks = answer.lifecycle_hooks().iter().map(hook).collect::<Result<_, _>>();
        hooks.map_err(|why| malformed(HOOKS, group.as_str(), why))
    }

    async fn suspend_launch(&self, group: &GroupName, suspend: bool) -> Result<(), PortError> {
        if suspend {
            let request = self.client.suspend_processes().auto_scaling_group_name(group.as_str());
            let answer = request.scaling_processes(LAUNCH).send().await;
            answer.map(drop).map_err(|error| about_group(&error, SUSPEND, group))
        } else {
            let request = self.client.resume_processes().auto_scaling_group_name(group.as_str());
            let answer = request.scaling_processes(LAUNCH).send().await;
            answer.map(drop).map_err(|error| about_group(&error, RESUME, group))
        }
    }
}

async fn members(
    client: Client,
    ids: Vec<InstanceId>,
) -> Result<BTreeMap<InstanceId, Result<Member, String>>, PortError> {
    let resource = format!("{} instances", ids.len());
    let ids = ids.iter().map(ToString::to_string).collect();
    let request = client.describe_auto_scaling_instances().set_instance_ids(Some(ids));
    let (mut found, mut page) = (BTreeMap::new(), None);
    loop {
        let answer = request.clone().set_next_token(page.clone()).send().await;
        let answer = answer.map_err(|error| fault::port_error(&error, MEMBERS, &resource))?;
        for details in answer.auto_scaling_instances() {
            let id = details.instance_id().unwrap_or_default().parse();
            let id = id.map_err(|fault: NotAnId| malformed(MEMBERS, &resource, format!("InstanceId: {fault}")))?;
            found.insert(id, member(details));
        }
        page = pages::next(MEMBERS, &resource, page.as_deref(), answer.next_token)?;
        if page.is_none() {
            return Ok(found);
        }
    }
}

/// A member that cannot be read is nobody's failure but its own.
fn member(details: &AutoScalingInstanceDetails) -> Result<Member, String> {
    let group = details.auto_scaling_group_name().unwrap_or_default().parse();
    let image = details.image_id().map(|id| id.parse().map_err(|fault| format!("ImageId: {fault}")));
    Ok(Member {
        group: group.map_err(|fault| format!("AutoScalingGroupName: {fault}"))?,
        state: details.lifecycle_state().ok_or("no LifecycleState")?.to_owned(),
        image: image.transpose()?,
    })
}

fn read(described: &AutoScalingGroup) -> Result<Group, PortError> {
    let resource = described.auto_scaling_group_name().unwrap_or("a group");
    group(described).map_err(|why| malformed(GROUPS, resource, why))
}

fn group(described: &AutoScalingGroup) -> Result<Group, String> {
    let name = described.auto_scaling_group_name().unwrap_or_default().parse();
    let arn = described.auto_scaling_group_arn().unwrap_or_default().parse();
    let suspended = described.suspended_processes().iter();
    Ok(Group {
        name: name.map_err(|fault| format!("AutoScalingGroupName: {fault}"))?,
        arn: arn.map_err(|fault| format!("AutoScalingGroupARN: {fault}"))?,
        waiting: waiting(described.instances())?,
        attached: attached(described.instances()),
        launch_suspended: suspended.filter_map(|one| one.process_name()).any(|name| name == LAUNCH),
    })
}

fn waiting(instances: &[Instance]) -> Result<Vec<InstanceId>, String> {
    let waits =
        |one: &&Instance| one.lifecycle_state().is_some_and(|state| Standing::of(state.as_str()) == Standing::Waiting);
    let ids = instances.iter().filter(waits).map(|one| one.instance_id().unwrap_or_default().parse());
    ids.collect::<Result<_, _>>().map_err(|fault: NotAnId| format!("InstanceId: {fault}"))
}

/// What a group launched, it launched from something. No launch waits for an id that cannot be read, so it fails nothing:
/// an audit finds it where it lists instances.
fn attached(instances: &[Instance]) -> Vec<InstanceId> {
    let given = |one: &&Instance| one.launch_template().is_none() && one.launch_configuration_name().is_none();
    instances.iter().filter(given).filter_map(|one| one.instance_id()?.parse().ok()).collect()
}

fn hook(described: &LifecycleHook) -> Result<Hook, String> {
    let name = described.lifecycle_hook_name().unwrap_or_default().parse();
    let seconds = |value: Option<i32>, field: &str| {
        let value = value.filter(|seconds| *seconds > 0).ok_or_else(|| format!("no {field}"))?;
        Ok::<_, String>(SignedDuration::from_secs(value.into()))
    };
    Ok(Hook {
        name: name.map_err(|fault| format!("LifecycleHookName: {fault}"))?,
        launching: described.lifecycle_transition() == Some(LAUNCHING),
        timeout: seconds(described.heartbeat_timeout(), "HeartbeatTimeout")?,
        longest: seconds(described.global_timeout(), "GlobalTimeout")?,
        default_result: [Completion::Continue, Completion::Abandon]
            .into_iter()
            .find(|one| described.default_result() == Some(word(*one))),
        target: described.notification_target_arn().map(str::to_owned),
        role: described.role_arn().map(str::to_owned),
    })
}

/// The names of the API are in capitals.
pub(super) fn word(completion: Completion) -> &'static str {
    match completion {
        Completion::Continue => "CONTINUE",
        Completion::Abandon => "ABANDON",
    }
}

fn answer<T, E>(
    answer: Result<T, SdkError<E, HttpResponse>>,
    operation: &'static str,
    wait: &Wait,
) -> Result<Answer, PortError>
where
    E: std::error::Error + ProvideErrorMetadata + 'static,
{
    match answer {
        Ok(_) => Ok(Answer::Accepted),
        Err(error) if is_over(&error) || is_gone(&error) => Ok(Answer::NoSuchWait),
        Err(error) => {
            let Wait { group, hook, instance, token: _ } = wait;
            Err(fault::port_error(&error, operation, format!("{instance} on {hook} of {group}")))
        }
    }
}

fn is_over<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> bool {
    says(error, |message| message.contains("No active Lifecycle Action found"))
}

fn is_gone<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> bool {
    says(error, |message| {
        message.starts_with("AutoScalingGroup name not found")
            || (message.starts_with("Group ") && message.contains(" not found"))
    })
}

fn says<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>, told: impl Fn(&str) -> bool) -> bool {
    fault::code(error) == Some("ValidationError") && fault::message(error).is_some_and(told)
}

pub(super) fn about_group<E>(error: &SdkError<E, HttpResponse>, operation: &'static str, group: &GroupName) -> PortError
where
    E: std::error::Error + ProvideErrorMetadata + 'static,
{
    let told = fault::port_error(error, operation, group);
    if is_gone(error) { PortError { kind: PortErrorKind::NotFound, ..told } } else { told }
}

fn malformed(operation: &'static str, resource: &str, why: String) -> PortError {
    PortError::new(PortErrorKind::Malformed, operation, resource).because(why)
}

#[cfg(test)]
mod tests;
