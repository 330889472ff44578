//! Our lifecycle hook → Auto Scaling: put, or changed where it is there.

use goldseal_core::{
    ids::GroupName,
    lifecycle::{Enrolment, Sender},
    ports::{Enrols, PortError, PortErrorKind},
};

use super::autoscaling::{AutoScaling, LAUNCHING, about_group, word};

const PUT: &str = "autoscaling:PutLifecycleHook";

impl Enrols for AutoScaling {
    /// All of it is said each time, for what is left out of the call stays as it is. An empty target takes one away.
    async fn enrol(&self, group: &GroupName, hook: &Enrolment) -> Result<(), PortError> {
        let Enrolment { name, timeout, default_result, sender } = hook;
        let too_long =
            |_range| PortError::new(PortErrorKind::Refused, PUT, group).because("HeartbeatTimeout is too long");
        let request = self.client.put_lifecycle_hook().auto_scaling_group_name(group.as_str());
        let request = request.lifecycle_hook_name(name.as_str()).lifecycle_transition(LAUNCHING);
        let request = request.heartbeat_timeout(i32::try_from(timeout.as_secs()).map_err(too_long)?);
        let request = request.default_result(word(*default_result));
        let request = match sender {
            Some(Sender { target, role }) => request.notification_target_arn(target).role_arn(role),
            None => request.notification_target_arn(""),
        };
        request.send().await.map(drop).map_err(|error| about_group(&error, PUT, group))
    }
}
