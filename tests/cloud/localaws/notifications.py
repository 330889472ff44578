"""What Auto Scaling tells the world: EventBridge events, and messages to a hook's own target."""
import datetime
import json
import sys
import uuid

from moto.core.exceptions import ServiceException

from .lifecycle import Action, Hook

# How many colons the ARN of a target has.
COLONS = {"sqs": 5, "sns": 5, "lambda": 6}

def announce(group, action: Action) -> None:
    """An instance waits: to EventBridge, and to the hook's target."""
    detail = {"LifecycleActionToken": action.token, "AutoScalingGroupName": group.name,
              "LifecycleHookName": action.hook.name, "EC2InstanceId": action.instance,
              "LifecycleTransition": action.hook.lifecycle_transition}
    if action.hook.notification_metadata:
        detail["NotificationMetadata"] = action.hook.notification_metadata
    detail |= {"Origin": action.origin, "Destination": action.destination}
    if action.special:
        detail["Action"] = action.special
    event(group, "EC2 Instance-launch Lifecycle Action", detail)
    common = _common(group)
    common.pop("AutoScalingGroupARN")
    tell(group, action.hook, common | detail)


def test(group, hook: Hook) -> bool:
    """Sent when a hook gets a target, which must take it."""
    return tell(group, hook, _common(group) | {"Event": "autoscaling:TEST_NOTIFICATION"})


def outcome(group, instance, origin: str, destination: str, problem: str | None = None) -> dict:
    """The end of a launch, as an event; the answer is what the group remembers of it."""
    now = _time()
    doing = f"Launching a new EC2 instance{f': {instance.id}' if instance else ''}"
    detail = {
        "StatusCode": "Failed" if problem else "InProgress", "Description": doing, "StatusMessage": problem or "",
        "AutoScalingGroupName": group.name, "ActivityId": str(uuid.uuid4()), "RequestId": str(uuid.uuid4()),
        "Details": {"Availability Zone": instance.placement.zone} if instance else {}, "StartTime": now, "EndTime": now,
        "EC2InstanceId": instance.id if instance else "", "Origin": origin, "Destination": destination,
        "Cause": f"At {now} an instance was started in response to a difference between desired and actual capacity."}
    event(group, f"EC2 Instance Launch {'Unsuccessful' if problem else 'Successful'}", detail,
          f"arn:aws:ec2:{group.region}:{group.account_id}:instance/{instance.id}" if instance else None)
    return {
        "ActivityId": detail["ActivityId"], "AutoScalingGroupName": group.name, "AutoScalingGroupARN": group.arn,
        "Description": doing, "Cause": detail["Cause"], "StartTime": now, "EndTime": now, "Progress": 100,
        "StatusCode": "Failed" if problem else "Successful", "StatusMessage": problem,
        "Details": json.dumps(detail["Details"])}


def event(group, kind: str, detail: dict, *resources: str | None) -> None:
    from moto.events.models import events_backends

    entry = {"Source": "aws.autoscaling", "DetailType": kind, "Detail": json.dumps(detail),
             "Resources": [group.arn, *(one for one in resources if one)]}
    _try(lambda: events_backends[group.account_id][group.region].put_events([entry]), kind)


def tell(group, hook: Hook, message: dict) -> bool:
    target, body = hook.notification_target_arn, json.dumps(message)
    if target is None:
        return True
    _, _, service, region, account, name = target.split(":", 5)
    if service == "sqs":
        from moto.sqs.models import sqs_backends

        return _try(lambda: sqs_backends[account][region].send_message(name, body), target)
    if service == "lambda":
        return _callable(target, account, region)
    from moto.sns.models import sns_backends

    subject = f'Auto Scaling: Lifecycle action for group "{group.name}"'
    return _try(lambda: sns_backends[account][region].publish(body, arn=target, subject=subject), target)


def _callable(target: str, account: str, region: str) -> bool:
    """Whether Auto Scaling may call a function. None is run here."""
    from moto.awslambda.models import lambda_backends

    function = lambda_backends[account][region].get_function_by_arn(target)
    caller = f"arn:aws:iam::{account}:role/aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling"
    return function is not None and any(one["Principal"] == caller for one in function.policy.statements)


def _try(send, where: str) -> bool:
    # AWS only tries, too: a queue that is gone must not stop a launch.
    try:
        send()
        return True
    except (ServiceException, NotImplementedError) as e:
        print(f"localaws: {where}: {e}", file=sys.stderr, flush=True)
        return False


def _common(group) -> dict:
    return {"AccountId": group.account_id, "RequestId": str(uuid.uuid4()), "AutoScalingGroupARN": group.arn,
            "AutoScalingGroupName": group.name, "Service": "AWS Auto Scaling", "Time": _time()}


def _time() -> str:
    now = datetime.datetime.now(datetime.timezone.utc)
    return now.strftime("%Y-%m-%dT%H:%M:%S.") + f"{now.microsecond // 1000:03d}Z"
