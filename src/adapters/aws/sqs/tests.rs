use futures::future::join_all;

use super::*;
use crate::adapters::cloud::cloud;

async fn queue(account: &str) -> (AwsConfig, Queue) {
    let aws = AwsConfig::local(&cloud().endpoint, account).await;
    let made = aws.sqs(&"us-east-1".parse().unwrap()).create_queue().queue_name("launches").send().await.unwrap();
    let queue = Queue::open(&aws, &made.queue_url().unwrap().parse().unwrap()).await.unwrap();
    (aws, queue)
}

async fn send(queue: &Queue, bodies: impl IntoIterator<Item = String>) {
    join_all(
        bodies.into_iter().map(async |body| {
            queue.client.send_message().queue_url(&queue.url).message_body(body).send().await.unwrap()
        }),
    )
    .await;
}

/// Receives until so many have come.
async fn receive(queue: &Queue, count: usize, visibility: u32) -> Vec<Received> {
    let mut all = Vec::new();
    for _ in 0..20 {
        all.extend(queue.receive(10, 1, visibility).await.unwrap());
        if all.len() >= count {
            break;
        }
    }
    assert_eq!(all.len(), count);
    all
}

fn order(account: &str, action: &str, more: &str) {
    cloud().order_fault(&format!(r#"{{"service":"sqs","account":"{account}","action":"{action}",{more}}}"#));
}

#[tokio::test]
async fn a_message_is_hidden_given_back_and_deleted() {
    let (_, queue) = queue("650000000001").await;
    send(&queue, ["{\"a\":\"\u{e9}\\n\"}".to_owned()]).await;
    let first = receive(&queue, 1, 600).await.remove(0);
    assert_eq!((first.body.as_str(), first.receives), ("{\"a\":\"\u{e9}\\n\"}", 1));
    let (sent, received) = (first.sent_at.unwrap(), first.first_received_at.unwrap());
    let now = Timestamp::now();
    assert!(sent <= received && received <= now && sent.as_second() > now.as_second() - 60, "{sent} {received}");
    assert_eq!(queue.receive(10, 0, 600).await.unwrap(), []);

    assert!(queue.extend(std::slice::from_ref(&first.receipt), 0).await.is_empty());
    let again = receive(&queue, 1, 600).await.remove(0);
    assert_eq!((&again.id, again.receives, again.first_received_at), (&first.id, 2, Some(received)));
    assert!(queue.delete(&[again.receipt]).await.is_empty());
    let attributes = queue.attributes().await.unwrap();
    assert_eq!((attributes.waiting, attributes.in_flight), (0, 0));
}

#[tokio::test]
async fn deletions_and_extensions_go_ten_to_a_call_and_each_failure_is_told() {
    let account = "650000000002";
    let (_, queue) = queue(account).await;
    send(&queue, (0..23).map(|number| number.to_string())).await;
    let received = receive(&queue, 23, 600).await;
    let mut receipts: Vec<String> = received.into_iter().map(|one| one.receipt).collect();
    receipts.insert(12, "nobody's".to_owned());
    assert_eq!(queue.attributes().await.unwrap().in_flight, 23);

    let failed = queue.extend(&receipts, 900).await;
    assert_eq!(failed.iter().map(|one| one.receipt.as_str()).collect::<Vec<_>>(), ["nobody's"]);
    let error = &failed[0].error;
    assert_eq!(error.kind, PortErrorKind::Refused, "{}", error.chain());
    assert!(error.chain().contains("ReceiptHandleIsInvalid"), "{}", error.chain());

    // Of three calls, the second is refused, and the other two count.
    receipts.remove(12);
    order(account, "DeleteMessageBatch", r#""status":403,"code":"AccessDenied","after":1"#);
    let failed = queue.delete(&receipts).await;
    assert_eq!(failed.iter().map(|one| &one.receipt).collect::<Vec<_>>(), receipts[10..20].iter().collect::<Vec<_>>());
    assert!(failed.iter().all(|one| one.error.kind == PortErrorKind::Denied));
    assert!(failed[0].error.chain().contains("AccessDenied"), "{}", failed[0].error.chain());
    assert_eq!(queue.attributes().await.unwrap().in_flight, 10);
    let calls = cloud().calls(&format!("service=sqs&account={account}&action=DeleteMessageBatch"));
    assert_eq!(calls.matches("\"DeleteMessageBatch\"").count(), 3, "{calls}");
}

#[tokio::test]
async fn a_failure_to_receive_is_not_tried_again_here() {
    let account = "650000000003";
    let (_, queue) = queue(account).await;
    for (status, code, kind) in [
        (403, "AccessDenied", PortErrorKind::Denied),
        (403, "RequestThrottled", PortErrorKind::Throttled),
        (400, "OverLimit", PortErrorKind::Throttled),
        (500, "InternalFailure", PortErrorKind::Unavailable),
    ] {
        order(account, "ReceiveMessage", &format!(r#""status":{status},"code":"{code}""#));
        let error = queue.receive(10, 0, 30).await.unwrap_err();
        assert_eq!((error.kind, error.operation), (kind, "sqs:ReceiveMessage"), "{}", error.chain());
        assert!(queue.receive(10, 0, 30).await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn a_long_poll_ends_with_the_message_or_with_nothing() {
    let (_, queue) = queue("650000000004").await;
    let began = std::time::Instant::now();
    assert!(queue.receive(10, 1, 30).await.unwrap().is_empty());
    assert!(began.elapsed().as_millis() >= 900, "{:?}", began.elapsed());
    let (received, ()) = futures::join!(queue.receive(1, 20, 30), async {
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
        send(&queue, ["late".to_owned()]).await;
    });
    assert_eq!(received.unwrap()[0].body, "late");
    assert!(began.elapsed().as_secs() < 15, "{:?}", began.elapsed());
}

#[tokio::test]
async fn attributes_are_those_that_were_set() {
    let (aws, queue) = queue("650000000005").await;
    let bare = queue.attributes().await.unwrap();
    assert_eq!((bare.visibility_seconds, bare.retention_seconds), (30, 345_600));
    assert_eq!((&bare.redrive_policy, bare.delayed), (&None, 0));
    assert_eq!(bare.arn, "arn:aws:sqs:us-east-1:650000000005:launches");

    let client = aws.sqs(&"us-east-1".parse().unwrap());
    client.create_queue().queue_name("dead").send().await.unwrap();
    let redrive = r#"{"deadLetterTargetArn":"arn:aws:sqs:us-east-1:650000000005:dead","maxReceiveCount":5}"#;
    let statement = r#"{"Effect":"Allow","Principal":"*","Action":"sqs:SendMessage","Resource":"*"}"#;
    let policy = format!(r#"{{"Version":"2012-10-17","Statement":[{statement}]}}"#);
    let request =
        client.set_queue_attributes().queue_url(queue.url.as_str()).attributes(Name::VisibilityTimeout, "120");
    let request = request.attributes(Name::RedrivePolicy, redrive).attributes(Name::Policy, policy);
    request.send().await.unwrap();
    let set = queue.attributes().await.unwrap();
    assert_eq!(set.visibility_seconds, 120);
    assert!(set.redrive_policy.unwrap().contains(":dead"));
    assert!(set.policy.unwrap().contains("sqs:SendMessage"));
    assert_eq!((set.waiting, set.in_flight), (0, 0));
}

#[tokio::test]
async fn a_queue_that_is_not_there_is_not_found() {
    let (aws, queue) = queue("650000000006").await;
    let url = queue.url.replace("launches", "nowhere");
    let nowhere = Queue::open(&aws, &url.parse().unwrap()).await.unwrap();
    for error in [
        nowhere.look_up().await.unwrap_err(),
        nowhere.receive(1, 0, 30).await.unwrap_err(),
        nowhere.attributes().await.unwrap_err(),
    ] {
        assert_eq!(error.kind, PortErrorKind::NotFound, "{}", error.chain());
        assert!(error.chain().contains(&url), "{}", error.chain());
    }
    let failed = nowhere.delete(&["x".to_owned()]).await;
    assert_eq!(failed[0].error.kind, PortErrorKind::NotFound, "{}", failed[0].error.chain());
}

#[tokio::test]
async fn a_queue_that_is_there_is_found_and_its_messages_are_left() {
    let account = "650000000009";
    let (_, queue) = queue(account).await;
    send(&queue, ["x".to_owned()]).await;
    queue.look_up().await.unwrap();
    assert_eq!(receive(&queue, 1, 30).await[0].receives, 1);
    order(account, "ChangeMessageVisibilityBatch", r#""status":403,"code":"AccessDenied""#);
    assert_eq!(queue.look_up().await.unwrap_err().kind, PortErrorKind::Denied);
}

#[tokio::test]
async fn the_region_is_the_one_of_the_host_or_of_the_settings() {
    let aws = AwsConfig::local("http://127.0.0.1:9", "650000000007").await;
    for (url, region) in [
        ("https://sqs.eu-west-1.amazonaws.com/123456789012/launches", "eu-west-1"),
        ("http://127.0.0.1:5566/123456789012/launches", "us-east-1"),
    ] {
        let queue = Queue::open(&aws, &url.parse().unwrap()).await.unwrap();
        assert_eq!((queue.region().as_str(), queue.url.as_str()), (region, url));
    }
}

#[tokio::test]
async fn an_entry_that_an_answer_leaves_out_was_not_done() {
    let aws = AwsConfig::local("http://127.0.0.1:9", "650000000008").await;
    let url = "https://sqs.eu-west-1.amazonaws.com/123456789012/launches".parse().unwrap();
    let queue = Queue::open(&aws, &url).await.unwrap();
    let failed = |id: &str, code: &str, fault| {
        BatchResultErrorEntry::builder().id(id).code(code).sender_fault(fault).build().unwrap()
    };
    let receipts = ["a", "b", "c", "d", "e"].map(str::to_owned);
    let entries = vec![failed("1", "Odd", true), failed("2", "Odd", false), failed("3", "RequestThrottled", true)];
    let not_done = queue.not_done(DELETE, &receipts, Ok(Outcome { done: vec!["0".to_owned()], failed: entries }));
    let told: Vec<_> = not_done.iter().map(|one| (one.receipt.as_str(), one.error.kind)).collect();
    let kinds =
        [PortErrorKind::Refused, PortErrorKind::Unavailable, PortErrorKind::Throttled, PortErrorKind::Malformed];
    assert_eq!(told, ["b", "c", "d", "e"].into_iter().zip(kinds).collect::<Vec<_>>());
}
