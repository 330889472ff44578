//! Groups and their hooks, asked for once in a few minutes however many of their instances launch.

use std::{sync::Arc, time::Duration};

use goldseal_core::{
    ids::{GroupArn, GroupName, HookName},
    lifecycle::{Hook, Terms, Wait},
    ports::{Groups, PortError, PortErrorKind},
};
use jiff::SignedDuration;
use moka::future::Cache;

const FRESH: Duration = Duration::from_mins(5);
const MOST: u64 = 2_000;

/// The shortest timeout that Auto Scaling allows: what is assumed of a hook that cannot be asked for.
const SHORTEST: SignedDuration = SignedDuration::from_secs(30);

/// What is known of the groups.
#[derive(Debug)]
pub struct KnownGroups<G> {
    groups: G,
    arns: Cache<GroupName, GroupArn>,
    hooks: Cache<GroupName, Arc<Vec<Hook>>>,
}

impl<G: Groups + Send + Sync> KnownGroups<G> {
    /// Starts knowing nothing.
    pub fn new(groups: G) -> Self {
        let (arns, hooks) = (Cache::builder(), Cache::builder());
        Self {
            groups,
            arns: arns.max_capacity(MOST).time_to_live(FRESH).build(),
            hooks: hooks.max_capacity(MOST).time_to_live(FRESH).build(),
        }
    }

    /// Returns the port behind.
    pub fn port(&self) -> &G {
        &self.groups
    }

    /// Returns the ARN of a group; none while it cannot be asked for, which no `warn` scope of groups matches.
    pub async fn arn(&self, name: &GroupName) -> Option<GroupArn> {
        let asked = async {
            let group = self.groups.group(name).await?;
            // It has an instance, so it is there and will be seen.
            let absent = || PortError::new(PortErrorKind::NotFound, "autoscaling:DescribeAutoScalingGroups", name);
            group.map(|group| group.arn).ok_or_else(absent)
        };
        heard(self.arns.try_get_with_by_ref(name, asked).await, name)
    }

    /// Returns the hooks of a group.
    ///
    /// # Errors
    /// Those of the port, shared by all who asked.
    pub async fn hooks(&self, name: &GroupName) -> Result<Arc<Vec<Hook>>, Arc<PortError>> {
        self.hooks.try_get_with_by_ref(name, async { self.groups.hooks(name).await.map(Arc::new) }).await
    }

    /// Returns the names of those hooks of a group that are about launches and that `ours` accepts.
    pub async fn launching(&self, name: &GroupName, ours: impl Fn(&HookName) -> bool) -> Vec<HookName> {
        let hooks = heard(self.hooks(name).await, name).unwrap_or_default();
        let ours = hooks.iter().filter(|hook| hook.launching && ours(&hook.name));
        ours.map(|hook| hook.name.clone()).collect()
    }

    /// Returns how long a lease of a wait may take; of a hook that cannot be asked for, the shortest is assumed.
    pub async fn terms(&self, wait: &Wait, patience: SignedDuration, heartbeats: bool) -> Terms {
        let hooks = heard(self.hooks(&wait.group).await, &wait.group);
        let hook = hooks.iter().flat_map(|hooks| hooks.iter()).find(|hook| hook.name == wait.hook);
        let timeout = hook.map_or(SHORTEST, |hook| hook.timeout.max(SignedDuration::from_secs(3)));
        let longest = hook.map_or(SHORTEST * 100, |hook| hook.longest);
        Terms { patience, timeout, longest, heartbeats }
    }
}

fn heard<T>(answer: Result<T, Arc<PortError>>, group: &GroupName) -> Option<T> {
    answer
        .inspect_err(|error| {
            tracing::warn!(event = "call-failed", %group, error = error.chain(), "asking for a group failed");
        })
        .ok()
}
