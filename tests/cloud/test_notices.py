"""What Auto Scaling says of its launches: events, queues, topics, and their mischief."""
import json
import time
from collections import Counter
from urllib.error import HTTPError

from fleet import LAUNCHING, ROLE, Fleet, hook, order
from harness import OWNER, client

LAUNCH = "EC2 Instance-launch Lifecycle Action"
UUID = r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"


class Events(Fleet):
    def test_launch_event(self):
        self.rule(self.queue(), **{"detail-type": [LAUNCH]})
        self.group(1, hooks=[hook("verify", NotificationMetadata="stage=\"prod\"")])
        action, event = self.waiting()[0], self.messages(1)[0]
        arn = self.autoscaling.describe_auto_scaling_groups()["AutoScalingGroups"][0]["AutoScalingGroupARN"]
        self.assertEqual({name: event[name] for name in event if name not in ("id", "time")}, {
            "version": "0", "detail-type": LAUNCH, "source": "aws.autoscaling", "account": OWNER, "region": "us-east-1",
            "resources": [arn], "detail": {
                "LifecycleActionToken": action["token"], "AutoScalingGroupName": "web", "LifecycleHookName": "verify",
                "EC2InstanceId": action["instance"], "LifecycleTransition": LAUNCHING,
                "NotificationMetadata": "stage=\"prod\"", "Origin": "EC2", "Destination": "AutoScalingGroup"}})
        self.assertRegex(event["id"], UUID)
        self.assertRegex(event["time"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")

    def test_event_without_metadata_has_no_such_field(self):
        self.rule(self.queue(), **{"detail-type": [LAUNCH]})
        self.group(1)
        self.assertNotIn("NotificationMetadata", self.messages(1)[0]["detail"])

    def test_outcomes_are_events(self):
        self.rule(self.queue(), **{"detail-type": [{"prefix": "EC2 Instance Launch "}]})
        self.group(1)
        bad = self.waiting()[0]
        self.decide(bad, "ABANDON")
        good = self.until(self.waiting)[0]
        self.decide(good)
        failed, made = self.messages(2)
        self.assertEqual((failed["detail-type"], made["detail-type"]),
                         ("EC2 Instance Launch Unsuccessful", "EC2 Instance Launch Successful"))
        self.assertEqual((failed["detail"]["EC2InstanceId"], failed["detail"]["StatusCode"]), (bad["instance"], "Failed"))
        self.assertEqual(made["detail"]["EC2InstanceId"], good["instance"])
        self.assertTrue(made["resources"][1].endswith(f":instance/{good['instance']}"))
        activities = self.autoscaling.describe_scaling_activities(AutoScalingGroupName="web")["Activities"]
        self.assertEqual([one["StatusCode"] for one in activities], ["Successful", "Failed"])


class Targets(Fleet):
    def test_queue_gets_flat_messages_and_a_test(self):
        arn = self.queue()
        self.group(1, hooks=[hook("verify", NotificationTargetARN=arn, RoleARN=ROLE, NotificationMetadata="m")])
        trial, message = self.messages(2)
        self.assertEqual(set(trial), {"AccountId", "RequestId", "AutoScalingGroupARN", "AutoScalingGroupName", "Service",
                                      "Event", "Time"})
        self.assertEqual((trial["Event"], trial["AutoScalingGroupName"]), ("autoscaling:TEST_NOTIFICATION", "web"))
        self.assertIn(":autoScalingGroupName/web", trial["AutoScalingGroupARN"])
        action = self.waiting()[0]
        self.assertRegex(message.pop("RequestId"), UUID)
        self.assertRegex(message.pop("Time"), r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")
        self.assertEqual(message, {
            "AccountId": OWNER, "AutoScalingGroupName": "web", "Service": "AWS Auto Scaling", "LifecycleHookName": "verify",
            "EC2InstanceId": action["instance"], "LifecycleActionToken": action["token"], "LifecycleTransition": LAUNCHING,
            "NotificationMetadata": "m", "Origin": "EC2", "Destination": "AutoScalingGroup"})

    def test_topic_delivers_its_envelope(self):
        sns, arn = client("sns"), self.queue()
        topic = sns.create_topic(Name="launches")["TopicArn"]
        sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
        self.group(1, hooks=[hook("verify", NotificationTargetARN=topic, RoleARN=ROLE)])
        trial, envelope = self.messages(2)
        self.assertEqual(json.loads(trial["Message"])["Event"], "autoscaling:TEST_NOTIFICATION")
        self.assertEqual((envelope["Type"], envelope["TopicArn"]), ("Notification", topic))
        self.assertEqual(json.loads(envelope["Message"])["LifecycleActionToken"], self.waiting()[0]["token"])

    def test_target_must_be_there_for_the_hook_but_not_for_the_launch(self):
        put, gone = self.autoscaling.put_lifecycle_hook, f"arn:aws:sqs:us-east-1:{OWNER}:none"
        self.group(hooks=[])
        for target in (gone, gone.replace("sqs", "sns"), gone.replace("sqs", "s3"), gone + ".fifo"):
            self.refused("ValidationError", put, 400, AutoScalingGroupName="web",
                         **hook("verify", NotificationTargetARN=target, RoleARN=ROLE))
        put(AutoScalingGroupName="web", **hook("verify", NotificationTargetARN=self.queue(), RoleARN=ROLE))
        self.sqs.delete_queue(QueueUrl=self.url)
        self.autoscaling.set_desired_capacity(AutoScalingGroupName="web", DesiredCapacity=1)
        self.decide(self.waiting()[0])
        self.in_service(1)

    def test_function_must_be_there_and_let_auto_scaling_call_it(self):
        function, calling = client("lambda"), "role/aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling"
        arn, put = f"arn:aws:lambda:us-east-1:{OWNER}:function:goldseal", self.autoscaling.put_lifecycle_hook
        self.group(hooks=[])
        given = {"AutoScalingGroupName": "web", **hook("verify", NotificationTargetARN=arn)}
        self.refused("ValidationError", put, 400, **given)
        client("iam").create_role(RoleName="notify", AssumeRolePolicyDocument="{}")
        function.create_function(FunctionName="goldseal", Runtime="provided.al2023", Role=ROLE, Handler="bootstrap",
                                 Code={"ZipFile": b"PK\5\6" + bytes(18)})
        self.refused("ValidationError", put, 400, **given)
        function.add_permission(FunctionName="goldseal", StatementId="autoscaling", Action="lambda:InvokeFunction",
                                Principal=f"arn:aws:iam::{OWNER}:{calling}")
        put(**given)

    def test_hooks_of_one_request_share_their_target(self):
        arn = self.queue()
        self.refused("ValidationError", self.group, 400,
                     hooks=[hook("one", NotificationTargetARN=arn, RoleARN=ROLE), hook("two")])

    def test_queue_attributes_are_kept(self):
        dead, arn = self.queue("dead"), self.queue()
        policy = json.dumps({"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Principal": "*", "Action": "sqs:SendMessage", "Resource": arn}]})
        redrive = json.dumps({"deadLetterTargetArn": dead, "maxReceiveCount": 4})
        self.sqs.set_queue_attributes(QueueUrl=self.url, Attributes={"Policy": policy, "RedrivePolicy": redrive})
        kept = self.sqs.get_queue_attributes(QueueUrl=self.url, AttributeNames=["All"])["Attributes"]
        self.assertEqual((json.loads(kept["Policy"]), json.loads(kept["RedrivePolicy"]), kept["QueueArn"]),
                         (json.loads(policy), json.loads(redrive), arn))


class Mischief(Fleet):
    def notices(self, **orders) -> Counter:
        """How often each instance of a new group was announced."""
        order(**orders)
        arn = self.queue()
        self.group(hooks=[hook("verify", NotificationTargetARN=arn, RoleARN=ROLE)])
        self.messages(1)
        self.autoscaling.set_desired_capacity(AutoScalingGroupName="web", DesiredCapacity=20)
        # Without a delay all is sent before the call answers.
        return Counter(one["EC2InstanceId"] for part in iter(self.received, []) for one in part)

    def test_notices_are_lost(self):
        self.assertEqual(self.notices(lose=1), Counter())
        self.assertEqual({one["notices"] for one in self.ledger()}, {0})

    def test_notices_are_doubled(self):
        self.assertEqual(set(self.notices(duplicate=1).values()), {2})

    def test_a_share_is_lost_and_doubled_as_the_seed_says(self):
        seen = self.notices(seed=7, lose=0.3, duplicate=0.5)
        told = [one["notices"] for one in self.ledger()]
        self.assertEqual({one["instance"]: one["notices"] for one in self.ledger() if one["notices"]}, dict(seen))
        self.assertEqual(set(told), {0, 1, 2})
        Fleet.setUp(self)
        self.notices(seed=7, lose=0.3, duplicate=0.5)
        self.assertEqual([one["notices"] for one in self.ledger()], told)

    def test_notices_come_late_and_out_of_order(self):
        arn = self.queue()
        self.group(hooks=[hook("verify", NotificationTargetARN=arn, RoleARN=ROLE)])
        self.messages(1)
        order(delay=1.0, seed=1)
        self.autoscaling.set_desired_capacity(AutoScalingGroupName="web", DesiredCapacity=15)
        came = [one["EC2InstanceId"] for one in self.messages(15)]
        launched = [one["instance"] for one in self.ledger()]
        self.assertEqual(sorted(came), sorted(launched))
        self.assertNotEqual(came, launched)

    def test_new_instances_can_be_invisible(self):
        order(invisible_for=0.5)
        self.group(1)
        instance = self.waiting()[0]["instance"]
        by_filter = {"Filters": [{"Name": "instance-id", "Values": [instance]}]}
        self.refused("InvalidInstanceID.NotFound", self.ec2.describe_instances, 400, InstanceIds=[instance])
        self.assertEqual(self.ec2.describe_instances(**by_filter)["Reservations"], [])
        self.assertEqual(list(self.states()), [instance])
        time.sleep(0.6)
        self.assertEqual(len(self.ec2.describe_instances(**by_filter)["Reservations"]), 1)
        self.ec2.describe_instances(InstanceIds=[instance])

    def test_nonsense_is_refused(self):
        for wrong in ({"looose": 1}, {"lose": 2}, {"delay": -1}, {"delay": "1"}, {"seed": 1.5}, {"lose": True}, [], None):
            with self.assertRaises(HTTPError) as caught:
                order(**wrong) if isinstance(wrong, dict) else self.post(wrong)
            self.assertEqual(caught.exception.code, 400)
            caught.exception.close()

    def post(self, body: object) -> None:
        from harness import http

        http("POST", "/localaws/lifecycle", body)
