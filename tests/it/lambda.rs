//! The launch hook as a Lambda function, called by a local Runtime API.

use std::{
    collections::VecDeque,
    net::TcpListener,
    sync::{Arc, Mutex},
    thread,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use axum::{
    Router,
    extract::{Path, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse as _, Response},
    routing::{get, post},
};
use serde_json::{Value, json};

use crate::{
    aws::wait,
    fleet::{Fleet, HOOK, until},
};

/// The Runtime API: events wait to be fetched, answers come back.
#[derive(Clone, Default)]
pub struct Runtime {
    events: Arc<Mutex<VecDeque<(String, String)>>>,
    answers: Arc<Mutex<Vec<(String, bool, Value)>>>,
}

impl Runtime {
    /// Starts it, and returns its address.
    pub fn start() -> (Self, String) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let (runtime, address) = (Self::default(), listener.local_addr().unwrap().to_string());
        let app = Router::new()
            .route("/2018-06-01/runtime/invocation/next", get(next))
            .route("/2018-06-01/runtime/invocation/{id}/response", post(answered))
            .route("/2018-06-01/runtime/invocation/{id}/error", post(failed))
            .with_state(runtime.clone());
        thread::spawn(move || {
            tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
                axum::serve(tokio::net::TcpListener::from_std(listener).unwrap(), app).await.unwrap();
            });
        });
        (runtime, address)
    }

    /// Calls the function; returns whether it went well, and its answer.
    pub fn call(&self, event: &Value) -> (bool, Value) {
        let id = format!("call-{}", self.answers.lock().unwrap().len());
        self.events.lock().unwrap().push_back((id.clone(), event.to_string()));
        let mut found = None;
        until("an answer of the function", || {
            let answers = self.answers.lock().unwrap();
            found = answers.iter().find(|(answered, ..)| *answered == id).map(|(_, good, body)| (*good, body.clone()));
            found.is_some()
        });
        found.unwrap()
    }
}

async fn next(State(runtime): State<Runtime>) -> Response {
    loop {
        let event = runtime.events.lock().unwrap().pop_front();
        if let Some((id, event)) = event {
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
            let mut headers = HeaderMap::new();
            headers.insert("lambda-runtime-aws-request-id", id.parse().unwrap());
            headers.insert("lambda-runtime-deadline-ms", (now.as_millis() + 25_000).to_string().parse().unwrap());
            let arn = "arn:aws:lambda:eu-west-1:123456789012:function:goldseal";
            headers.insert("lambda-runtime-invoked-function-arn", arn.parse().unwrap());
            return (headers, event).into_response();
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn answered(State(runtime): State<Runtime>, Path(id): Path<String>, body: String) -> StatusCode {
    runtime.answers.lock().unwrap().push((id, true, serde_json::from_str(&body).unwrap()));
    StatusCode::ACCEPTED
}

async fn failed(State(runtime): State<Runtime>, Path(id): Path<String>, body: String) -> StatusCode {
    runtime.answers.lock().unwrap().push((id, false, serde_json::from_str(&body).unwrap()));
    StatusCode::ACCEPTED
}

/// What the queue hands to the function.
pub fn record(id: &str, body: &Value) -> Value {
    let body = body.as_str().map_or_else(|| body.to_string(), str::to_owned);
    json!({"messageId": id, "receiptHandle": "r", "body": body, "eventSource": "aws:sqs", "awsRegion": "eu-west-1",
        "attributes": {"ApproximateFirstReceiveTimestamp": "1700000000000", "SentTimestamp": "1700000000000"},
        "eventSourceARN": "arn:aws:sqs:eu-west-1:123456789012:launches", "messageAttributes": {}})
}

/// What is in the environment of every function.
pub fn environment(address: &str) -> [(&str, &str); 6] {
    [
        ("AWS_LAMBDA_RUNTIME_API", address),
        ("AWS_LAMBDA_FUNCTION_NAME", "goldseal"),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256"),
        ("AWS_LAMBDA_FUNCTION_VERSION", "1"),
        ("AWS_LAMBDA_LOG_STREAM_NAME", "s"),
        ("AWS_LAMBDA_LOG_GROUP_NAME", "g"),
    ]
}

/// A notice of Auto Scaling itself about a launch that waits.
pub fn flat(group: &str, action: &Value) -> Value {
    json!({"AutoScalingGroupName": group, "LifecycleHookName": HOOK, "EC2InstanceId": action["instance"],
        "LifecycleActionToken": action["token"], "LifecycleTransition": "autoscaling:EC2_INSTANCE_LAUNCHING"})
}

#[test]
fn messages_events_and_schedules_are_decided_as_the_daemon_does() {
    let fleet = Fleet::new();
    let (good, bad) = (fleet.scene.sealed("golden"), fleet.scene.account.image("unsealed"));
    fleet.group_with("good", &good, None, 300);
    fleet.group_with("bad", &bad, None, 300);
    fleet.scale("good", 3);
    fleet.scale("bad", 1);
    until("four wait", || fleet.actions("good").len() == 3 && fleet.actions("bad").len() == 1);
    let (runtime, address) = Runtime::start();
    let bucket = format!("s3://state-{}", fleet.scene.account.id);
    let place = aws_sdk_s3::types::CreateBucketConfiguration::builder().location_constraint("eu-west-1".into()).build();
    let call = fleet.scene.account.s3().create_bucket().bucket(bucket.trim_start_matches("s3://"));
    wait(call.create_bucket_configuration(place).send()).unwrap();
    let own =
        [("GOLDSEAL_HOOK_GROUPS", "good,bad"), ("GOLDSEAL_HOOK_HOOKS", HOOK), ("GOLDSEAL_STATE", bucket.as_str())];
    let environment = [&environment(&address)[..], &own].concat();
    let log = std::fs::File::create(fleet.scene.goldseal.path("lambda.log")).unwrap();
    let mut function = fleet.scene.goldseal.start_logging("lambda", &environment, log);

    // A queue: what was decided is done, what cannot be read comes again.
    let (first, refused) = (fleet.actions("good").remove(0), fleet.actions("bad").remove(0));
    let records = [
        record("m-good", &flat("good", &first)),
        record("m-bad", &flat("bad", &refused)),
        record("m-test", &json!({"Event": "autoscaling:TEST_NOTIFICATION"})),
        record("m-poison", &"not JSON".into()),
        json!({"messageId": "m-foreign", "body": "x", "eventSource": "aws:kinesis"}),
        json!({"messageId": "m-torn", "body": 3, "eventSource": "aws:sqs"}),
    ];
    let (good_call, answer) = runtime.call(&json!({"Records": records}));
    assert!(good_call, "{answer:#}");
    assert_eq!(answer, json!({"batchItemFailures": [{"itemIdentifier": "m-poison"}, {"itemIdentifier": "m-torn"}]}));
    assert_eq!((fleet.results("good")[0].as_str(), fleet.results("bad")[0].as_str()), ("CONTINUE", "ABANDON"));

    // EventBridge, and Auto Scaling itself.
    let second = fleet.actions("good").remove(1);
    let event = json!({"source": "aws.autoscaling", "detail-type": "EC2 Instance-launch Lifecycle Action",
        "account": fleet.scene.account.id, "region": crate::aws::REGION, "detail": flat("good", &second)});
    assert!(runtime.call(&event).0);
    assert_eq!(fleet.results("good")[1], "CONTINUE");
    let (good_call, error) = runtime.call(&json!({"LifecycleTransition": "autoscaling:EC2_INSTANCE_LAUNCHING"}));
    assert!(!good_call && error["errorMessage"].as_str().unwrap().contains("cannot be read"), "{error:#}");

    // A schedule finds what no event told of, once its message would have come.
    let schedule = json!({"source": "aws.events", "detail-type": "Scheduled Event", "detail": {}});
    until("the third in service", || {
        assert!(runtime.call(&schedule).0);
        fleet.results("good")[2] == "CONTINUE"
    });
    assert_eq!(fleet.actions("good")[2]["heartbeats"], 0, "a function that forgets prolongs nothing");
    fleet.scale("bad", 0);

    let listed =
        wait(fleet.scene.account.s3().list_objects_v2().bucket(bucket.trim_start_matches("s3://")).send()).unwrap();
    let names: Vec<&str> = listed.contents().iter().filter_map(|object| object.key()).collect();
    assert!(names.iter().any(|name| name.starts_with("v1/decisions/")), "{names:?}");
    assert!(names.contains(&"v1/breakers/eu-west-1.json"), "{names:?}");
    function.kill().unwrap();
    function.wait().unwrap();
}
