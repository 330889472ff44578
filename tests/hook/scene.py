"""What every check of the launch hook plays in: an account on a local AWS of its own, groups, a queue, and replicas."""
import json
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import boto3
from botocore.config import Config
from images import BUCKET, REGION, Forge, harness
from replica import Replica

HOOK = "goldseal"
LAUNCHING = "autoscaling:EC2_INSTANCE_LAUNCHING"
STATE = "hook-state"
# What only a scene itself calls.
OURS = {"SetDesiredCapacity", "UpdateAutoScalingGroup", "CreateAutoScalingGroup", "CreateLaunchTemplate", "PutLifecycleHook"}


class Scene:
    """Starts from nothing. There is one local AWS in a process, and it ends with it: one scene at a time."""

    def __init__(self, goldseal: str, deadline: str = "10m", state: str = f"s3://{STATE}/hook", policy: str = ""):
        harness.http("POST", "/moto-api/reset", {})
        self._folder = tempfile.TemporaryDirectory(prefix="goldseal-hook-")
        self.folder = Path(self._folder.name)
        self.goldseal = str(Path(goldseal).resolve())
        self.forge = Forge(self.goldseal, self.folder)
        self.autoscaling, self.ec2, self.sqs = (patient(name) for name in ("autoscaling", "ec2", "sqs"))
        self.forge.s3.create_bucket(Bucket=STATE)
        self.state = state
        self.forge.policy(policy)
        self.dead, _ = self._queue("launches-dead")
        redrive = {"deadLetterTargetArn": arn("sqs", "launches-dead"), "maxReceiveCount": "10"}
        self.queue, self.queue_arn = self._queue("launches", RedrivePolicy=json.dumps(redrive))
        self._rule()
        self.command = [
            self.goldseal, "hook", "--queue", self.queue, "--guard-group", "*", "--guard-hook", HOOK, "--state", state,
            "--deadline", deadline, "--policy", "policy.toml"]
        self.replicas: list[Replica] = []

    def __enter__(self) -> "Scene":
        return self

    def __exit__(self, *_: object) -> None:
        for one in self.replicas:
            one.kill()
        self._folder.cleanup()

    # --- making -------------------------------------------------------------

    def group(self, name: str, image: str, *others: str, target: bool = False, heartbeat: int = 600) -> str:
        """An empty group of an image, or of several by overrides; `target` also tells the queue without a rule."""
        launch = {"LaunchTemplateName": self._template(name, image), "Version": "1"}
        how = {"LaunchTemplate": launch}
        if others:
            overrides = [{"InstanceType": "t3.micro", "LaunchTemplateSpecification": launch}]
            overrides += [{"InstanceType": "t3.small", "LaunchTemplateSpecification": {
                "LaunchTemplateName": self._template(f"{name}-{other}", other), "Version": "1"}} for other in others]
            how = {"MixedInstancesPolicy": {"LaunchTemplate": {
                "LaunchTemplateSpecification": launch, "Overrides": overrides}}}
        hook = {"LifecycleHookName": HOOK, "LifecycleTransition": LAUNCHING, "HeartbeatTimeout": heartbeat,
                "DefaultResult": "ABANDON"}
        if target:
            hook |= {"NotificationTargetARN": self.queue_arn, "RoleARN": f"arn:aws:iam::{harness.OWNER}:role/notify"}
        self.autoscaling.create_auto_scaling_group(
            AutoScalingGroupName=name, MinSize=0, MaxSize=5000, DesiredCapacity=0, AvailabilityZones=[f"{REGION}a"],
            LifecycleHookSpecificationList=[hook], **how)
        return name

    def scale(self, group: str, size: int) -> None:
        self.autoscaling.set_desired_capacity(AutoScalingGroupName=group, DesiredCapacity=size)

    def hook(self, count: int = 1) -> list[Replica]:
        """Starts so many replicas more, which guard every group."""
        new = [Replica(self.command, self.forge.env, self.folder, f"replica-{len(self.replicas) + number}")
               for number in range(count)]
        self.replicas += new
        for one in new:
            one.start()
        return [one.ready() for one in new]

    # --- orders to the local AWS --------------------------------------------

    @staticmethod
    def order(**orders: float) -> None:
        harness.http("POST", "/localaws/lifecycle", orders)

    @staticmethod
    def faults(*faults: dict) -> None:
        """These from now on, and none of those before."""
        harness.http("DELETE", "/localaws/faults")
        if faults:
            harness.http("POST", "/localaws/faults", list(faults))

    # --- looking ------------------------------------------------------------

    @staticmethod
    def ledger() -> list[dict]:
        return harness.http("GET", "/localaws/lifecycle")["actions"]

    @staticmethod
    def clock() -> float:
        """The time by the ledger."""
        return harness.http("GET", "/localaws/lifecycle")["now"]

    @staticmethod
    def forget_ended() -> list[dict]:
        """Takes those that have ended out of the ledger."""
        return harness.http("DELETE", "/localaws/lifecycle")["actions"]

    def states(self, group: str | None = None) -> Counter:
        """How many instances are in which state."""
        names = [group] if group else []
        pages = self.autoscaling.get_paginator("describe_auto_scaling_groups").paginate(AutoScalingGroupNames=names)
        return Counter(one["LifecycleState"] for page in pages for found in page["AutoScalingGroups"]
                       for one in found["Instances"])

    def suspended(self, group: str) -> bool:
        (found,) = self.autoscaling.describe_auto_scaling_groups(AutoScalingGroupNames=[group])["AutoScalingGroups"]
        return "Launch" in [one["ProcessName"] for one in found["SuspendedProcesses"]]

    def messages(self, url: str) -> int:
        """How many are in a queue, hidden ones counted."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible",
                 "ApproximateNumberOfMessagesDelayed"]
        told = self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
        return sum(int(told[name]) for name in names)

    @staticmethod
    def calls() -> Counter:
        """The calls of the replicas since forget_calls()."""
        calls = harness.http("GET", "/localaws/calls")
        return Counter(f"{one['service']}:{one['action']}" for one in calls if one["action"] not in OURS)

    @staticmethod
    def forget_calls() -> None:
        harness.http("DELETE", "/localaws/calls")

    @staticmethod
    def until(said, seconds: float, every: float = 0.25):
        """Asks until the answer is true; the last answer, be it so or not."""
        end = time.monotonic() + seconds
        while not (answer := said()) and time.monotonic() < end:
            time.sleep(every)
        return answer

    # --- how ----------------------------------------------------------------

    def _template(self, name: str, image: str) -> str:
        self.ec2.create_launch_template(LaunchTemplateName=name, LaunchTemplateData={
            "ImageId": image, "InstanceType": "t3.micro"})
        return name

    def _queue(self, name: str, **attributes: str) -> tuple[str, str]:
        return self.sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"], arn("sqs", name)

    def _rule(self) -> None:
        events = patient("events")
        pattern = {"source": ["aws.autoscaling"], "detail-type": ["EC2 Instance-launch Lifecycle Action"]}
        events.put_rule(Name="launches", EventPattern=json.dumps(pattern))
        events.put_targets(Rule="launches", Targets=[{"Id": "queue", "Arn": self.queue_arn}])


def patient(service: str):
    """A client that gets through however many calls are throttled."""
    return boto3.client(
        service, endpoint_url=harness.endpoint(), region_name=REGION, aws_access_key_id="testing",
        aws_secret_access_key="testing", config=Config(retries={"total_max_attempts": 10, "mode": "standard"}))


def arn(service: str, name: str) -> str:
    return f"arn:aws:{service}:{REGION}:{harness.OWNER}:{name}"


class Checks:
    """What is checked, said line by line, and the closing line of every suite here."""

    def __init__(self) -> None:
        self.passed = self.failed = 0

    def that(self, holds: object, what: str, problem: object = "") -> None:
        self.passed, self.failed = self.passed + bool(holds), self.failed + (not holds)
        print(f"{'ok    ' if holds else 'FAILED'}  {what}{'' if holds else f': {problem}'}", flush=True)

    def close(self, skipped: int = 0) -> None:
        print(f"{self.passed} passed, {self.failed} failed, {skipped} skipped", flush=True)
        sys.exit(bool(self.failed or not self.passed))


def percentile(figures: list[float], share: float) -> float:
    """Below or at which so many of the figures are."""
    ordered = sorted(figures)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else float("nan")


__all__ = ["BUCKET", "HOOK", "Checks", "Scene", "percentile"]
