"""What tests of Auto Scaling have in common: an image, a template, groups, a queue, and waiting."""
import json
import time

from harness import OWNER, Case, client, http, register, snapshot

LAUNCHING = "autoscaling:EC2_INSTANCE_LAUNCHING"
ROLE = f"arn:aws:iam::{OWNER}:role/notify"


class Fleet(Case):
    def setUp(self) -> None:
        super().setUp()
        self.autoscaling, self.sqs, self.events = client("autoscaling"), client("sqs"), client("events")
        self.image = register(snapshot({0: b"good"}), name="good")

    # --- making -------------------------------------------------------------

    def template(self, image: str | None = None, name: str = "web") -> dict:
        made = self.ec2.create_launch_template(LaunchTemplateName=name, LaunchTemplateData={
            "ImageId": image or self.image, "InstanceType": "t3.micro"})["LaunchTemplate"]
        return {"LaunchTemplateId": made["LaunchTemplateId"], "Version": "1"}

    def group(self, size: int = 0, name: str = "web", hooks: list[dict] | None = None, most: int = 2000, **more) -> None:
        if not {"LaunchTemplate", "MixedInstancesPolicy"} & set(more):
            more["LaunchTemplate"] = self.template(name=name)
        self.autoscaling.create_auto_scaling_group(
            AutoScalingGroupName=name, MinSize=0, MaxSize=most, DesiredCapacity=size, AvailabilityZones=["us-east-1a"],
            LifecycleHookSpecificationList=[hook("verify")] if hooks is None else hooks, **more)

    def queue(self, name: str = "launches") -> str:
        """Makes a queue and gives its ARN."""
        self.url = self.sqs.create_queue(QueueName=name)["QueueUrl"]
        return f"arn:aws:sqs:us-east-1:{OWNER}:{name}"

    def rule(self, arn: str, **pattern) -> None:
        """Sends Auto Scaling's events to a queue."""
        self.events.put_rule(Name="launches", EventPattern=json.dumps({"source": ["aws.autoscaling"], **pattern}))
        self.events.put_targets(Rule="launches", Targets=[{"Id": "queue", "Arn": arn}])

    # --- looking ------------------------------------------------------------

    def messages(self, count: int, seconds: float = 5) -> list[dict]:
        """The next messages of the queue, as many as expected or those that came in time."""
        found, end = [], time.monotonic() + seconds
        while len(found) < count and time.monotonic() < end:
            found += self.received(wait=1)
        return found

    def received(self, wait: int = 0) -> list[dict]:
        """Up to ten messages of the queue, taken out of it."""
        got = self.sqs.receive_message(QueueUrl=self.url, MaxNumberOfMessages=10, WaitTimeSeconds=wait).get("Messages", [])
        for one in got:
            self.sqs.delete_message(QueueUrl=self.url, ReceiptHandle=one["ReceiptHandle"])
        return [json.loads(one["Body"]) for one in got]

    def states(self) -> dict[str, str]:
        pages = self.autoscaling.get_paginator("describe_auto_scaling_instances").paginate()
        return {one["InstanceId"]: one["LifecycleState"] for page in pages for one in page["AutoScalingInstances"]}

    def ledger(self) -> list[dict]:
        return http("GET", "/localaws/lifecycle")["actions"]

    def waiting(self) -> list[dict]:
        return [one for one in self.ledger() if one["state"] == "waiting"]

    # --- deciding -----------------------------------------------------------

    def decide(self, action: dict, result: str = "CONTINUE") -> None:
        self.autoscaling.complete_lifecycle_action(
            AutoScalingGroupName=action["group"], LifecycleHookName=action["hook"], InstanceId=action["instance"],
            LifecycleActionToken=action["token"], LifecycleActionResult=result)

    def in_service(self, count: int) -> list[str]:
        """Waits until there are so many instances and all are in service."""
        def settled():
            states = self.states()
            return len(states) == count and set(states.values()) <= {"InService"}

        self.until(settled)
        return list(self.states())


def hook(name: str, **more) -> dict:
    return {"LifecycleHookName": name, "LifecycleTransition": LAUNCHING, **more}


def order(**orders) -> dict:
    return http("POST", "/localaws/lifecycle", orders)
