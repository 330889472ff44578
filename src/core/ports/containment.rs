//! What is asked of EC2 to keep instances from doing harm.

use std::future::Future;

use super::PortError;
use crate::{
    fleet::{
        Place,
        quarantine::{Action, Means, Shown},
    },
    ids::InstanceId,
};

/// Where instances are isolated or ended: EC2.
pub trait Containment {
    /// Returns what is there of instances now, and the security groups that are meant. What is not in the answer is not
    /// there.
    fn shown(
        &self,
        place: &Place,
        instances: &[InstanceId],
        means: &Means,
    ) -> impl Future<Output = Result<Shown, PortError>> + Send;

    /// Does something to one instance. What it was before is written down first, where there is a way back.
    fn act(&self, action: &Action) -> impl Future<Output = Result<(), PortError>> + Send;
}
