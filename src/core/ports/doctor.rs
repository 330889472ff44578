//! What `doctor` asks of the world beside what the launch hook asks. Nothing of it changes anything.

use std::future::Future;

use jiff::SignedDuration;

use super::{PortError, PortErrorKind};
use crate::{
    doctor::{Caller, Launchable, QueueSettings, Unasked, Why},
    ids::GroupName,
};

/// Where it is told what groups launch: Auto Scaling, EC2 and Parameter Store.
pub trait Templates {
    /// Returns the images that a group names for its launches, each once; none when there is no such group.
    fn launches(&self, group: &GroupName) -> impl Future<Output = Result<Vec<Launchable>, PortError>> + Send;
}

/// Who asks, and what he may do.
pub trait Asker {
    /// Returns who asks.
    fn caller(&self) -> impl Future<Output = Result<Caller, PortError>> + Send;

    /// Returns how far this clock is ahead of that of AWS.
    fn ahead(&self) -> impl Future<Output = Result<SignedDuration, PortError>> + Send;

    /// Asks to suspend a process of a group that there is not, which fails in one way or another.
    fn try_suspend(&self, group: &GroupName) -> impl Future<Output = Result<(), PortError>> + Send;
}

/// The queue of launches, seen from outside: no message is taken.
pub trait LaunchQueue {
    /// Returns its URL.
    fn url(&self) -> &str;

    /// Returns what it is set to, and what its dead-letter queue holds.
    fn settings(&self) -> impl Future<Output = Result<QueueSettings, PortError>> + Send;

    /// Asks to delete a message that there is not, and to hold another one, which fails in one way or another: each
    /// action with what came of it.
    fn try_messages(&self) -> impl Future<Output = [(&'static str, Result<(), PortError>); 2]> + Send;
}

impl From<&PortError> for Unasked {
    fn from(error: &PortError) -> Self {
        let why = match error.kind {
            PortErrorKind::Denied => Why::Denied,
            PortErrorKind::NotFound => Why::Absent,
            PortErrorKind::Throttled | PortErrorKind::Unavailable => Why::Passing,
            PortErrorKind::Malformed | PortErrorKind::Refused => Why::Lasting,
        };
        Self { operation: error.operation, resource: error.resource.clone(), why, problem: error.chain() }
    }
}
