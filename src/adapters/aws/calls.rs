//! Every attempt of every AWS call → whoever counts them.

use std::{fmt, sync::Arc, time::Instant};

use aws_sdk_ec2::{
    config::{ConfigBag, Intercept, RuntimeComponents},
    error::{BoxError, ErrorMetadata},
};
use aws_smithy_runtime_api::client::{
    interceptors::{
        OverriddenHooks, SharedInterceptor,
        context::{BeforeTransmitInterceptorContextRef, FinalizerInterceptorContextRef},
    },
    orchestrator::Metadata,
    retries::classifiers::{ClassifyRetry as _, RetryAction},
};
use aws_smithy_types::config_bag::{Storable, StoreReplace};
use goldseal_core::ports::PortErrorKind;

use super::fault;

/// Is told of an attempt: the service as AWS names it (`Auto Scaling`), the operation (`CompleteLifecycleAction`), the
/// outcome (`ok`, `throttled`, `denied` or `error`), and how many seconds it took.
pub type Observer = Arc<dyn Fn(&str, &str, &'static str, f64) + Send + Sync>;

/// Returns what goes into each client.
pub(super) fn interceptor(observer: Observer) -> SharedInterceptor {
    SharedInterceptor::permanent(Calls(observer))
}

struct Calls(Observer);

impl fmt::Debug for Calls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Calls")
    }
}

/// When an attempt began; the SDK keeps it with the call.
#[derive(Debug)]
struct Began(Instant);

impl Storable for Began {
    type Storer = StoreReplace<Self>;
}

impl Intercept for Calls {
    fn name(&self) -> &'static str {
        "Calls"
    }

    fn overridden_hooks(&self) -> OverriddenHooks {
        OverriddenHooks::READ_BEFORE_ATTEMPT | OverriddenHooks::READ_AFTER_ATTEMPT
    }

    fn read_before_attempt(
        &self,
        _: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        bag: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        bag.interceptor_state().store_put(Began(Instant::now()));
        Ok(())
    }

    fn read_after_attempt(
        &self,
        context: &FinalizerInterceptorContextRef<'_>,
        components: &RuntimeComponents,
        bag: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if let (Some(metadata), Some(Began(began))) = (bag.load::<Metadata>(), bag.load::<Began>()) {
            let seconds = began.elapsed().as_secs_f64();
            (self.0)(metadata.service(), metadata.name(), outcome(context, components), seconds);
        }
        Ok(())
    }
}

fn outcome(context: &FinalizerInterceptorContextRef<'_>, components: &RuntimeComponents) -> &'static str {
    let error = match context.output_or_error() {
        Some(Ok(_)) => return "ok",
        Some(Err(error)) => error.as_operation_error(),
        None => None,
    };
    // What throttles, the SDK knows best: it must wait longer then.
    let throttling = RetryAction::throttling_error();
    if components.retry_classifiers().any(|one| one.classify_retry(context.inner()) == throttling) {
        return "throttled";
    }
    let code =
        error.and_then(|error| fault::chain(error).find_map(|cause| cause.downcast_ref::<ErrorMetadata>()?.code()));
    match fault::kind(code, context.response().map(|answer| answer.status().as_u16())) {
        Some(PortErrorKind::Throttled) => "throttled",
        Some(PortErrorKind::Denied) => "denied",
        Some(
            PortErrorKind::NotFound | PortErrorKind::Unavailable | PortErrorKind::Malformed | PortErrorKind::Refused,
        )
        | None => "error",
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::adapters::{aws::AwsConfig, cloud::cloud};

    #[tokio::test]
    async fn every_attempt_is_told() {
        let account = "620000000001";
        let seen: Arc<Mutex<Vec<String>>> = Arc::default();
        let told = Arc::clone(&seen);
        let observer: Observer = Arc::new(move |service, operation, outcome, seconds| {
            assert!((0.0..60.0).contains(&seconds), "{seconds}");
            told.lock().unwrap().push(format!("{service} {operation} {outcome}"));
        });
        let aws = AwsConfig::local_observed(&cloud().endpoint, account, Some(observer)).await;
        let region = "us-east-1".parse().unwrap();
        let order = |service: &str, status: u16, code: &str| {
            cloud().order_fault(&format!(
                r#"{{"service":"{service}","account":"{account}","status":{status},"code":"{code}"}}"#
            ));
        };
        let check = async |expected: &[&str]| assert_eq!(std::mem::take(&mut *seen.lock().unwrap()), expected);

        order("ec2", 503, "RequestLimitExceeded");
        aws.ec2(&region).describe_images().owners("self").send().await.unwrap();
        check(&["EC2 DescribeImages throttled", "EC2 DescribeImages ok"]).await;

        order("ec2", 403, "UnauthorizedOperation");
        aws.ec2(&region).describe_images().owners("self").send().await.unwrap_err();
        check(&["EC2 DescribeImages denied"]).await;

        // Denied with a status that says nothing.
        order("kms", 400, "AccessDeniedException");
        aws.kms(&region, None).list_keys().send().await.unwrap_err();
        check(&["KMS ListKeys denied"]).await;

        order("sts", 400, "ValidationError");
        aws.sts(&region).get_caller_identity().send().await.unwrap_err();
        check(&["STS GetCallerIdentity error"]).await;

        aws.s3(&region).get_object().bucket("nowhere-620000000001").key("x").send().await.unwrap_err();
        check(&["S3 GetObject error"]).await;
    }

    #[tokio::test]
    async fn no_answer_is_an_error_each_time() {
        let seen: Arc<Mutex<Vec<&'static str>>> = Arc::default();
        let told = Arc::clone(&seen);
        let observer: Observer = Arc::new(move |_, _, outcome, _| told.lock().unwrap().push(outcome));
        let aws = AwsConfig::local_observed("http://127.0.0.1:9", "620000000002", Some(observer)).await;
        aws.sts(&"us-east-1".parse().unwrap()).get_caller_identity().send().await.unwrap_err();
        assert_eq!(*seen.lock().unwrap(), ["error"; 3]);
    }
}
