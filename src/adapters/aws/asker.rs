//! Who asks, and when it is there: what STS answers, and the date of its answer.

use std::sync::{Arc, Mutex, PoisonError};

use aws_sdk_sts::{
    config::{ConfigBag, Intercept, RuntimeComponents},
    error::BoxError,
};
use aws_smithy_runtime_api::client::interceptors::{OverriddenHooks, context::FinalizerInterceptorContextRef};
use goldseal_core::{
    doctor::Caller,
    ids::{GroupName, NotAnId},
    ports::{Asker, PortError, PortErrorKind},
};
use jiff::{SignedDuration, Timestamp};

use super::{fault, surroundings::Surroundings};

const IDENTITY: &str = "sts:GetCallerIdentity";
const SUSPEND: &str = "autoscaling:SuspendProcesses";
/// A process that no group has.
const NO_PROCESS: &str = "GoldsealDoctor";

impl Asker for Surroundings {
    async fn caller(&self) -> Result<Caller, PortError> {
        let answer = self.sts.get_caller_identity().send().await;
        let answer = answer.map_err(|error| fault::port_error(&error, IDENTITY, "the caller"))?;
        let malformed = |why: String| PortError::new(PortErrorKind::Malformed, IDENTITY, "the caller").because(why);
        let account = answer.account.unwrap_or_default();
        Ok(Caller {
            account: account.parse().map_err(|fault: NotAnId| malformed(format!("Account: {fault}")))?,
            arn: Some(answer.arn.ok_or_else(|| malformed("an answer without Arn".to_owned()))?),
        })
    }

    async fn ahead(&self) -> Result<SignedDuration, PortError> {
        let ahead = Arc::new(Mutex::new(None));
        let request = self.sts.get_caller_identity().customize().interceptor(Dated(Arc::clone(&ahead)));
        let answer = request.send().await;
        let ahead = *ahead.lock().unwrap_or_else(PoisonError::into_inner);
        // A call that is refused for its time has a date all the same.
        match (ahead, answer) {
            (Some(ahead), _) => Ok(ahead),
            (None, Err(error)) => Err(fault::port_error(&error, IDENTITY, "the clock")),
            (None, Ok(_)) => {
                let why = "an answer without a date";
                Err(PortError::new(PortErrorKind::Malformed, IDENTITY, "the clock").because(why))
            }
        }
    }

    async fn try_suspend(&self, group: &GroupName) -> Result<(), PortError> {
        let request = self.autoscaling.suspend_processes().auto_scaling_group_name(group.as_str());
        let answer = request.scaling_processes(NO_PROCESS).send().await;
        answer.map(drop).map_err(|error| fault::port_error(&error, SUSPEND, group))
    }
}

/// Compares the date of an answer with this clock.
#[derive(Debug)]
struct Dated(Arc<Mutex<Option<SignedDuration>>>);

impl Intercept for Dated {
    fn name(&self) -> &'static str {
        "Dated"
    }

    fn overridden_hooks(&self) -> OverriddenHooks {
        OverriddenHooks::READ_AFTER_ATTEMPT
    }

    fn read_after_attempt(
        &self,
        context: &FinalizerInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let date = context.response().and_then(|answer| answer.headers().get("date"));
        let theirs = date.and_then(|date| jiff::fmt::rfc2822::parse(date).ok());
        if let Some(theirs) = theirs {
            let ahead = Timestamp::now().duration_since(theirs.timestamp());
            *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(ahead);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::adapters::{aws::AwsConfig, cloud::cloud};

    async fn surroundings(account: &str) -> Surroundings {
        let aws = AwsConfig::local(&cloud().endpoint, account).await;
        Surroundings::new(&aws, &"us-east-1".parse().unwrap())
    }

    #[tokio::test]
    async fn the_clock_of_this_machine_is_that_of_the_local_aws_even_when_it_refuses() {
        let account = "620000000031";
        let asker = surroundings(account).await;
        assert_eq!(asker.caller().await.unwrap().account.as_str(), account);
        assert!(asker.ahead().await.unwrap().abs() < SignedDuration::from_secs(5));
        let refusal = format!(r#"{{"service":"sts","account":"{account}","status":403,"code":"RequestExpired"}}"#);
        cloud().order_fault(&refusal);
        assert!(asker.ahead().await.unwrap().abs() < SignedDuration::from_secs(5));
        cloud().order_fault(&refusal);
        assert_eq!(asker.caller().await.unwrap_err().kind, PortErrorKind::Denied);
    }

    #[tokio::test]
    async fn trying_to_suspend_suspends_nothing() {
        let account = "620000000032";
        let asker = surroundings(account).await;
        let error = asker.try_suspend(&"web".parse().unwrap()).await.unwrap_err();
        assert_eq!(error.kind, PortErrorKind::Refused, "{}", error.chain());
        cloud().order_fault(&format!(
            r#"{{"service":"autoscaling","account":"{account}","status":403,"code":"AccessDenied"}}"#
        ));
        let error = asker.try_suspend(&"web".parse().unwrap()).await.unwrap_err();
        assert_eq!((error.kind, error.operation), (PortErrorKind::Denied, SUSPEND));
    }
}
