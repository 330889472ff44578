//! The launch hook, against a real Auto Scaling life cycle of the local AWS.

mod decisions;
mod disks;
mod messages;
mod outages;
mod receipts;
mod running;
mod ways;

/// The message that Auto Scaling itself sends about an action.
fn flat(group: &str, action: &serde_json::Value) -> String {
    serde_json::json!({
        "AutoScalingGroupName": group, "LifecycleHookName": crate::fleet::HOOK, "EC2InstanceId": action["instance"],
        "LifecycleActionToken": action["token"], "LifecycleTransition": "autoscaling:EC2_INSTANCE_LAUNCHING",
    })
    .to_string()
}
