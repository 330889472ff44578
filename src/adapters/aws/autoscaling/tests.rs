use aws_sdk_autoscaling::types::{LifecycleState, SuspendedProcess, WarmPoolState};
use futures::future::join_all;

use super::*;
use crate::adapters::{aws::fleet::Fleet, cloud::cloud};

fn wait(group: &GroupName, instance: &InstanceId) -> Wait {
    Wait { group: group.clone(), hook: "verify".parse().unwrap(), instance: instance.clone(), token: None }
}

/// The token of the wait that an instance is in, as its notice would tell it.
fn token(instance: &InstanceId) -> String {
    let (_, ledger) = cloud().send("GET", "/localaws/lifecycle", "");
    let ledger: serde_json::Value = serde_json::from_str(&ledger).unwrap();
    let actions = ledger["actions"].as_array().unwrap().iter();
    let mut waits = actions.filter(|one| one["instance"] == instance.as_str() && one["state"] == "waiting");
    waits.next().expect("it waits")["token"].as_str().unwrap().to_owned()
}

async fn state(autoscaling: &AutoScaling, id: &InstanceId, state: &str) -> bool {
    for _ in 0..200 {
        let member = autoscaling.member(id).await.unwrap();
        if member.as_ref().map_or("gone", |member| member.state.as_str()) == state {
            return true;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    false
}

#[tokio::test]
async fn a_wait_is_kept_alive_and_ended_once() {
    let fleet = Fleet::new("640000000001").await;
    let group = fleet.group("web", 2).await;
    let autoscaling = AutoScaling::new(&fleet.aws, &fleet.region);
    let ids = fleet.waiting(&group, 2).await;
    let member = autoscaling.member(&ids[0]).await.unwrap().unwrap();
    assert_eq!(member, Member { group: group.clone(), state: "Pending:Wait".to_owned(), image: None });

    // By token, as from a notice.
    let named = Wait { token: Some(token(&ids[0]).parse().unwrap()), ..wait(&group, &ids[0]) };
    for _ in 0..2 {
        assert_eq!(autoscaling.heartbeat(&named).await.unwrap(), Answer::Accepted);
    }
    let other = Wait { token: Some("00000000-0000-0000-0000-000000000000".parse().unwrap()), ..named.clone() };
    assert_eq!(autoscaling.heartbeat(&other).await.unwrap(), Answer::NoSuchWait);
    assert_eq!(autoscaling.complete(&other, Completion::Continue).await.unwrap(), Answer::NoSuchWait);
    assert_eq!(autoscaling.complete(&named, Completion::Continue).await.unwrap(), Answer::Accepted);
    assert_eq!(autoscaling.complete(&named, Completion::Abandon).await.unwrap(), Answer::NoSuchWait);
    assert_eq!(autoscaling.heartbeat(&named).await.unwrap(), Answer::NoSuchWait);
    assert!(state(&autoscaling, &ids[0], "InService").await);

    // By instance, as found by looking.
    let found = wait(&group, &ids[1]);
    assert_eq!(autoscaling.heartbeat(&found).await.unwrap(), Answer::Accepted);
    assert_eq!(autoscaling.complete(&found, Completion::Abandon).await.unwrap(), Answer::Accepted);
    assert!(state(&autoscaling, &ids[1], "gone").await);
    assert_eq!(autoscaling.complete(&found, Completion::Continue).await.unwrap(), Answer::NoSuchWait);
}

#[tokio::test]
async fn what_is_gone_does_not_wait() {
    let fleet = Fleet::new("640000000002").await;
    let autoscaling = AutoScaling::new(&fleet.aws, &fleet.region);
    let (group, nobody) = ("nowhere".parse().unwrap(), "i-00000000000000001".parse().unwrap());
    assert_eq!(autoscaling.heartbeat(&wait(&group, &nobody)).await.unwrap(), Answer::NoSuchWait);
    assert_eq!(autoscaling.complete(&wait(&group, &nobody), Completion::Continue).await.unwrap(), Answer::NoSuchWait);
    assert_eq!(autoscaling.member(&nobody).await.unwrap(), None);
    assert_eq!(autoscaling.group(&group).await.unwrap(), None);
    assert_eq!(autoscaling.groups(None).await.unwrap(), []);
    assert_eq!(autoscaling.hooks(&group).await.unwrap_err().kind, PortErrorKind::NotFound);
    for suspend in [true, false] {
        let error = autoscaling.suspend_launch(&group, suspend).await.unwrap_err();
        assert_eq!(error.kind, PortErrorKind::NotFound, "{}", error.chain());
    }
}

#[tokio::test]
async fn only_words_of_an_end_are_an_end() {
    let fleet = Fleet::new("640000000003").await;
    let autoscaling = AutoScaling::new(&fleet.aws, &fleet.region);
    let wait = wait(&"web".parse().unwrap(), &"i-00000000000000001".parse().unwrap());
    for (message, over) in [
        ("No active Lifecycle Action found with token 0a1b", true),
        ("No active Lifecycle Action found with instance ID i-1", true),
        ("AutoScalingGroup name not found - null", true),
        ("AutoScalingGroup name not found - AutoScalingGroup web not found", true),
        ("Group web not found", true),
        ("1 validation error detected: Value 'x' at 'lifecycleActionToken' failed", false),
        ("Launch template not found for the AutoScalingGroup", false),
    ] {
        let fault = format!(r#""status":400,"code":"ValidationError","message":"{message}""#);
        for action in ["CompleteLifecycleAction", "RecordLifecycleActionHeartbeat"] {
            fleet.order("autoscaling", action, &fault);
        }
        for answer in [autoscaling.complete(&wait, Completion::Continue).await, autoscaling.heartbeat(&wait).await] {
            match answer {
                Ok(answer) => assert_eq!((answer, over), (Answer::NoSuchWait, true), "{message}"),
                Err(error) => assert_eq!((error.kind, over), (PortErrorKind::Refused, false), "{message}"),
            }
        }
    }
    // The same words with another code are somebody else's.
    let fault = r#""status":400,"code":"InvalidAction","message":"No active Lifecycle Action found""#;
    fleet.order("autoscaling", "CompleteLifecycleAction", fault);
    assert!(autoscaling.complete(&wait, Completion::Continue).await.is_err());
}

#[tokio::test]
async fn failures_are_told_with_what_they_were_about() {
    let fleet = Fleet::new("640000000004").await;
    let autoscaling = AutoScaling::new(&fleet.aws, &fleet.region);
    let group: GroupName = "web".parse().unwrap();
    let wait = wait(&group, &"i-00000000000000001".parse().unwrap());
    let calls = [
        "CompleteLifecycleAction",
        "RecordLifecycleActionHeartbeat",
        "DescribeAutoScalingInstances",
        "DescribeAutoScalingGroups",
        "DescribeLifecycleHooks",
        "SuspendProcesses",
        "ResumeProcesses",
    ];
    for (status, code, kind) in [
        (403, "AccessDenied", PortErrorKind::Denied),
        (400, "Throttling", PortErrorKind::Throttled),
        (500, "ResourceContention", PortErrorKind::Unavailable),
    ] {
        for call in calls {
            // A completion is asked for once: its caller must know what came of it.
            let times = if status == 403 || call == "CompleteLifecycleAction" { 1 } else { 3 };
            fleet.order("autoscaling", call, &format!(r#""status":{status},"code":"{code}","times":{times}"#));
        }
        let errors = futures::join!(
            async { autoscaling.complete(&wait, Completion::Abandon).await.unwrap_err() },
            async { autoscaling.heartbeat(&wait).await.unwrap_err() },
            async { autoscaling.member(&wait.instance).await.unwrap_err() },
            async { autoscaling.groups(None).await.unwrap_err() },
            async { autoscaling.hooks(&group).await.unwrap_err() },
            async { autoscaling.suspend_launch(&group, true).await.unwrap_err() },
            async { autoscaling.suspend_launch(&group, false).await.unwrap_err() },
        );
        let (a, b, c, d, e, f, g) = &errors;
        for (error, call) in [a, b, c, d, e, f, g].into_iter().zip(calls) {
            assert_eq!(error.kind, kind, "{}", error.chain());
            assert_eq!(error.operation, format!("autoscaling:{call}"));
            assert!(error.chain().contains(code), "{}", error.chain());
        }
        assert_eq!(errors.0.resource, "i-00000000000000001 on verify of web");
    }
}

#[tokio::test]
async fn members_are_asked_for_in_batches_of_fifty() {
    let fleet = Fleet::new("640000000005").await;
    let group = fleet.group("web", 3).await;
    let ids = fleet.waiting(&group, 3).await;
    let autoscaling = AutoScaling::new(&fleet.aws, &fleet.region);
    let before = fleet.calls("autoscaling", "DescribeAutoScalingInstances");
    let asked = ids.iter().cloned().chain((0..197).map(|number| format!("i-{number:017x}").parse().unwrap()));
    let found = join_all(asked.map(|id| {
        let autoscaling = autoscaling.clone();
        async move { autoscaling.member(&id).await.unwrap() }
    }));
    let found = found.await;
    assert!(found.iter().take(3).all(|found| found.as_ref().is_some_and(|member| member.group == group)));
    assert!(found.iter().skip(3).all(Option::is_none));
    assert_eq!(fleet.calls("autoscaling", "DescribeAutoScalingInstances") - before, 4);
}

#[tokio::test]
async fn groups_come_with_the_instances_that_wait_in_them() {
    let fleet = Fleet::new("640000000006").await;
    let autoscaling = AutoScaling::new(&fleet.aws, &fleet.region);
    let (web, pool) = (fleet.group("web", 2).await, fleet.group("pool", 0).await);
    let warm = fleet.aws.autoscaling(&fleet.region).put_warm_pool().auto_scaling_group_name("pool");
    warm.max_group_prepared_capacity(2).pool_state(WarmPoolState::Stopped).send().await.unwrap();
    let mut ids = fleet.waiting(&web, 2).await;
    ids.sort();

    let mut found = autoscaling.group(&web).await.unwrap().unwrap();
    found.waiting.sort();
    assert_eq!((&found.name, &found.waiting, found.launch_suspended), (&web, &ids, false));
    assert!(found.arn.as_str().ends_with(":autoScalingGroupName/web"), "{}", found.arn);

    autoscaling.suspend_launch(&web, true).await.unwrap();
    let mut groups = autoscaling.groups(None).await.unwrap();
    groups.sort_by(|a, b| a.name.cmp(&b.name));
    let names: Vec<&str> = groups.iter().map(|group| group.name.as_str()).collect();
    assert_eq!(names, ["pool", "web"]);
    let guarded = Guarded::new(&["we*"], &["goldseal"]).unwrap();
    let before = fleet.calls("autoscaling", "DescribeWarmPool");
    let chosen = autoscaling.groups(Some(&guarded)).await.unwrap();
    assert_eq!(chosen.iter().map(|group| group.name.as_str()).collect::<Vec<_>>(), ["web"]);
    assert_eq!(fleet.calls("autoscaling", "DescribeWarmPool"), before, "the pool of another group is not asked for");
    assert_eq!(groups.iter().map(|group| group.launch_suspended).collect::<Vec<_>>(), [false, true]);
    autoscaling.suspend_launch(&web, false).await.unwrap();
    assert!(!autoscaling.group(&web).await.unwrap().unwrap().launch_suspended);

    // Those of the warm pool stand in another answer, and wait there for the same.
    let mut warm = Vec::new();
    for _ in 0..500 {
        warm = autoscaling.group(&pool).await.unwrap().unwrap().waiting;
        if warm.len() == 2 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    assert_eq!(warm.len(), 2, "{warm:?}");
    let member = autoscaling.member(&warm[0]).await.unwrap().unwrap();
    assert_eq!((member.group, member.state.as_str()), (pool.clone(), "Warmed:Pending:Wait"));
    assert_eq!(autoscaling.complete(&wait(&pool, &warm[0]), Completion::Continue).await.unwrap(), Answer::Accepted);
}

#[tokio::test]
async fn more_groups_than_a_page_are_read() {
    let fleet = Fleet::new("640000000007").await;
    let autoscaling = AutoScaling::new(&fleet.aws, &fleet.region);
    join_all((0..103).map(async |number| fleet.group(&format!("g{number}"), 0).await)).await;
    assert_eq!(autoscaling.groups(None).await.unwrap().len(), 103);
    assert_eq!(fleet.calls("autoscaling", "DescribeAutoScalingGroups"), 2);
}

#[tokio::test]
async fn hooks_are_read_with_their_timeouts() {
    let fleet = Fleet::new("640000000008").await;
    let group = fleet.group("web", 0).await;
    let request = fleet.aws.autoscaling(&fleet.region).put_lifecycle_hook().auto_scaling_group_name("web");
    let request = request.lifecycle_hook_name("drain").lifecycle_transition("autoscaling:EC2_INSTANCE_TERMINATING");
    request.heartbeat_timeout(7200).default_result("CONTINUE").send().await.unwrap();
    let mut hooks = AutoScaling::new(&fleet.aws, &fleet.region).hooks(&group).await.unwrap();
    hooks.sort_by(|a, b| a.name.cmp(&b.name));
    let expected = |name: &str, launching, timeout, longest, result| Hook {
        name: name.parse().unwrap(),
        launching,
        timeout: SignedDuration::from_secs(timeout),
        longest: SignedDuration::from_secs(longest),
        default_result: Some(result),
        target: None,
        role: None,
    };
    let drain = expected("drain", false, 7200, 172_800, Completion::Continue);
    assert_eq!(hooks, [drain, expected("verify", true, 600, 60_000, Completion::Abandon)]);
}

#[test]
fn what_cannot_be_read_is_named_by_its_field() {
    let details = || AutoScalingInstanceDetails::builder().auto_scaling_group_name("web").lifecycle_state("InService");
    assert_eq!(member(&details().image_id("ami-0123abcd").build()).unwrap().image, "ami-0123abcd".parse().ok());
    for (broken, field) in [
        (details().set_auto_scaling_group_name(None), "AutoScalingGroupName"),
        (details().set_lifecycle_state(None), "no LifecycleState"),
        (details().image_id("ami-1"), "ImageId"),
    ] {
        let why = member(&broken.build()).unwrap_err();
        assert!(why.starts_with(field), "{why}");
    }

    let arn = "arn:aws:autoscaling:us-east-1:123456789012:autoScalingGroup:00000000-0000-0000-0000-000000000000:\
               autoScalingGroupName/web";
    let odd = Instance::builder().instance_id("i-1").lifecycle_state(LifecycleState::PendingWait).build();
    let passed = Instance::builder().instance_id("i-1").lifecycle_state(LifecycleState::InService).build();
    let process = SuspendedProcess::builder().process_name("AZRebalance").build();
    let whole = || AutoScalingGroup::builder().auto_scaling_group_name("web").auto_scaling_group_arn(arn);
    let read = group(&whole().instances(passed).suspended_processes(process).build()).unwrap();
    assert_eq!((read.waiting, read.launch_suspended), (Vec::new(), false));
    for (broken, field) in [
        (whole().auto_scaling_group_name("a:b"), "AutoScalingGroupName"),
        (whole().auto_scaling_group_arn("web"), "AutoScalingGroupARN"),
        (whole().instances(odd), "InstanceId"),
    ] {
        let why = group(&broken.build()).unwrap_err();
        assert!(why.starts_with(field), "{why}");
    }

    let whole = || LifecycleHook::builder().lifecycle_hook_name("verify").heartbeat_timeout(30).global_timeout(3000);
    let read = hook(&whole().default_result("RETRY").notification_target_arn("arn").build()).unwrap();
    assert_eq!((read.launching, read.default_result, read.target.as_deref()), (false, None, Some("arn")));
    for (broken, field) in [
        (whole().lifecycle_hook_name("a b"), "LifecycleHookName"),
        (whole().set_heartbeat_timeout(None), "no HeartbeatTimeout"),
        (whole().global_timeout(0), "no GlobalTimeout"),
    ] {
        let why = hook(&broken.build()).unwrap_err();
        assert!(why.starts_with(field), "{why}");
    }
}
