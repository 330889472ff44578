"""Launch hooks of Auto Scaling: waiting, deciding, timing out."""
import json
import time

import boto3
import harness
from fleet import LAUNCHING, ROLE, Fleet, hook, order
from harness import OTHER, client, http
from localaws.lifecycle import Hook, Ledger, NoAction


class Waiting(Fleet):
    def test_instance_waits_and_continues_into_service(self):
        self.group(1)
        action = self.waiting()[0]
        self.assertEqual(self.states(), {action["instance"]: "Pending:Wait"})
        self.assertEqual((action["group"], action["hook"], action["image"]), ("web", "verify", self.image))
        self.decide(action)
        self.assertEqual(self.in_service(1), [action["instance"]])
        ended = self.ledger()[0]
        self.assertEqual((ended["state"], ended["result"], ended["completions"]), ("completed", "CONTINUE", 1))
        self.assertGreaterEqual(ended["ended"], ended["started"])

    def test_instance_proceeds_before_it_is_in_service(self):
        self.group(1)
        self.decide(self.waiting()[0])
        self.assertIn([*self.states().values()][0], ("Pending:Proceed", "InService"))
        self.in_service(1)

    def test_without_hooks_instances_are_in_service_at_once(self):
        self.group(2, hooks=[])
        self.assertEqual(list(self.states().values()), ["InService"] * 2)
        self.assertEqual(self.ledger(), [])

    def test_every_hook_must_continue(self):
        self.group(1, hooks=[hook("one"), hook("two")])
        first, second = self.waiting()
        self.assertNotEqual(first["token"], second["token"])
        self.decide(first)
        time.sleep(0.2)
        self.assertEqual(list(self.states().values()), ["Pending:Wait"])
        self.decide(second)
        self.in_service(1)

    def test_abandon_terminates_and_replaces(self):
        self.group(1, hooks=[hook("one"), hook("two")])
        first, second = self.waiting()
        self.decide(first, "ABANDON")
        states = {one["token"]: one["state"] for one in self.ledger()}
        self.assertEqual((states[first["token"]], states[second["token"]]), ("completed", "gone"))
        replaced = self.until(self.waiting)
        self.assertNotIn(first["instance"], [one["instance"] for one in replaced])
        self.assertEqual(self.ec2_state(first["instance"]), "terminated")

    def ec2_state(self, instance: str) -> str:
        return self.ec2.describe_instances(InstanceIds=[instance])["Reservations"][0]["Instances"][0]["State"]["Name"]

    def test_token_or_instance_is_enough_but_both_must_agree(self):
        self.group(2)
        one, two = self.waiting()
        key = {"AutoScalingGroupName": "web", "LifecycleHookName": "verify", "LifecycleActionResult": "CONTINUE"}
        complete = self.autoscaling.complete_lifecycle_action
        self.refused("ValidationError", complete, 400, **key, LifecycleActionToken=one["token"], InstanceId=two["instance"])
        complete(**key, LifecycleActionToken=one["token"])
        complete(**key, InstanceId=two["instance"])
        self.in_service(2)

    def test_second_decision_is_refused(self):
        self.group(1)
        action = self.waiting()[0]
        self.decide(action)
        key = {"AutoScalingGroupName": "web", "LifecycleHookName": "verify", "LifecycleActionResult": "ABANDON"}
        complete = self.autoscaling.complete_lifecycle_action
        for given, text in (({"LifecycleActionToken": action["token"]}, f"with token {action['token']}"),
                            ({"InstanceId": action["instance"]}, f"with instance ID {action['instance']}")):
            answer = self.refused("ValidationError", complete, 400, **key, **given)
            self.assertEqual(answer["Error"]["Message"], f"No active Lifecycle Action found {text}")
        self.refused("ValidationError", complete, 400, **key, InstanceId="i-0123456789abcdef0")
        self.refused("ValidationError", self.decide, action=action)
        self.refused("ValidationError", self.autoscaling.record_lifecycle_action_heartbeat, AutoScalingGroupName="web",
                     LifecycleHookName="verify", InstanceId=action["instance"])
        self.assertEqual([self.ledger()[0][name] for name in ("refused", "contradicted")], [4, 2])
        self.assertEqual(http("GET", "/localaws/lifecycle")["refused_unknown"], 1)
        self.in_service(1)

    def test_nonsense_is_refused(self):
        self.group(1)
        action = self.waiting()[0]
        good = {"AutoScalingGroupName": "web", "LifecycleHookName": "verify", "LifecycleActionResult": "CONTINUE",
                "LifecycleActionToken": action["token"]}
        complete = self.autoscaling.complete_lifecycle_action
        for wrong in ({"AutoScalingGroupName": "none"}, {"LifecycleActionResult": "MAYBE"}, {"LifecycleHookName": "other"},
                      {"LifecycleActionToken": "0" * 36}):
            self.refused("ValidationError", complete, 400, **good | wrong)
        foreign = client("autoscaling", account=OTHER)
        self.refused("ValidationError", foreign.complete_lifecycle_action, 400, **good)
        self.assertEqual(list(self.states().values()), ["Pending:Wait"])

    def test_instance_that_leaves_takes_its_action_along(self):
        self.group(3)
        scaled, ended, shot = self.waiting()
        self.autoscaling.set_desired_capacity(AutoScalingGroupName="web", DesiredCapacity=2)
        self.autoscaling.suspend_processes(AutoScalingGroupName="web", ScalingProcesses=["Launch"])
        self.autoscaling.terminate_instance_in_auto_scaling_group(
            InstanceId=ended["instance"], ShouldDecrementDesiredCapacity=True)
        self.ec2.terminate_instances(InstanceIds=[shot["instance"]])
        self.assertEqual([one["state"] for one in self.ledger()], ["gone"] * 3)
        self.refused("ValidationError", self.autoscaling.complete_lifecycle_action, AutoScalingGroupName="web",
                     LifecycleHookName="verify", InstanceId=scaled["instance"], LifecycleActionResult="CONTINUE")
        self.assertEqual(self.states(), {})

    def test_attached_instances_do_not_wait(self):
        self.group()
        instance = self.ec2.run_instances(ImageId=self.image, MinCount=1, MaxCount=1)["Instances"][0]["InstanceId"]
        self.autoscaling.attach_instances(AutoScalingGroupName="web", InstanceIds=[instance])
        self.assertEqual((self.states(), self.ledger()), ({instance: "InService"}, []))

    def test_ledger_forgets_what_has_ended(self):
        self.group(2)
        one, two = self.waiting()
        self.decide(one)
        forgotten = http("DELETE", "/localaws/lifecycle")["actions"]
        self.assertEqual([(gone["token"], gone["result"]) for gone in forgotten], [(one["token"], "CONTINUE")])
        self.assertEqual([left["token"] for left in self.ledger()], [two["token"]])
        http("POST", "/moto-api/reset", {})
        self.assertEqual(self.ledger(), [])


class Timeouts(Fleet):
    def setUp(self) -> None:
        super().setUp()
        order(shortest_heartbeat=1)

    def test_timeout_gives_the_default_result(self):
        self.group(1, "stays", hooks=[hook("verify", HeartbeatTimeout=1, DefaultResult="CONTINUE")])
        self.group(1, "goes", hooks=[hook("verify", HeartbeatTimeout=1)])
        first = {one["group"]: one["instance"] for one in self.waiting()}
        self.until(lambda: {one["state"] for one in self.ledger() if one["instance"] in first.values()} == {"expired"})
        self.until(lambda: self.states().get(first["stays"]) == "InService")
        self.assertNotIn(first["goes"], self.states())

    def test_heartbeat_starts_the_timeout_again(self):
        self.group(1, hooks=[hook("verify", HeartbeatTimeout=1, DefaultResult="CONTINUE")])
        action = self.waiting()[0]
        time.sleep(0.7)
        key = {"AutoScalingGroupName": "web", "LifecycleHookName": "verify"}
        self.autoscaling.record_lifecycle_action_heartbeat(**key, LifecycleActionToken=action["token"])
        time.sleep(0.6)
        self.assertEqual(list(self.states().values()), ["Pending:Wait"])
        self.until(lambda: self.ledger()[0]["state"] == "expired")
        ended = self.ledger()[0]
        self.assertEqual((ended["heartbeats"], ended["completions"]), (1, 0))
        self.assertGreater(ended["ended"] - ended["started"], 1.6)
        self.refused("ValidationError", self.autoscaling.record_lifecycle_action_heartbeat, 400, **key,
                     InstanceId=action["instance"])

    def test_heartbeats_are_bounded_by_the_global_timeout(self):
        now = [0.0]
        ledger = Ledger(lambda: now[0])
        given = {"LifecycleHookName": "verify", "LifecycleTransition": LAUNCHING, "HeartbeatTimeout": 7200}
        action = ledger.open(Hook.read("web", given, 30), object(), account="1", instance="i-1", image="ami-1",
                             origin="EC2", destination="AutoScalingGroup", special=None)
        for _ in range(24):
            now[0] += 7199
            ledger.heartbeat("1", "web", "verify", None, action.token)
        self.assertEqual(ledger.expire(action), 172800 - now[0])
        now[0] = 172800
        ledger.expire(action)
        self.assertEqual((action.state, action.result), ("expired", "ABANDON"))
        with self.assertRaises(NoAction):
            ledger.heartbeat("1", "web", "verify", None, action.token)


class Hooks(Fleet):
    def test_hooks_are_described_as_given(self):
        arn = self.queue()
        self.group(hooks=[hook("all", NotificationTargetARN=arn, RoleARN=ROLE, HeartbeatTimeout=60,
                               DefaultResult="CONTINUE", NotificationMetadata="m")])
        self.autoscaling.put_lifecycle_hook(AutoScalingGroupName="web", **hook("bare"))
        full, bare = self.autoscaling.describe_lifecycle_hooks(AutoScalingGroupName="web")["LifecycleHooks"]
        self.assertEqual(full, {
            "LifecycleHookName": "all", "AutoScalingGroupName": "web", "LifecycleTransition": LAUNCHING,
            "NotificationTargetARN": arn, "RoleARN": ROLE, "HeartbeatTimeout": 60, "GlobalTimeout": 6000,
            "DefaultResult": "CONTINUE", "NotificationMetadata": "m"})
        self.assertEqual(bare, {
            "LifecycleHookName": "bare", "AutoScalingGroupName": "web", "LifecycleTransition": LAUNCHING,
            "HeartbeatTimeout": 3600, "GlobalTimeout": 172800, "DefaultResult": "ABANDON"})

    def test_changed_hook_keeps_what_is_not_given(self):
        self.group(hooks=[hook("verify", HeartbeatTimeout=60, NotificationMetadata="m")])
        self.autoscaling.put_lifecycle_hook(AutoScalingGroupName="web", LifecycleHookName="verify",
                                            DefaultResult="CONTINUE")
        seen = self.autoscaling.describe_lifecycle_hooks(AutoScalingGroupName="web")["LifecycleHooks"][0]
        self.assertEqual((seen["HeartbeatTimeout"], seen["NotificationMetadata"], seen["DefaultResult"]),
                         (60, "m", "CONTINUE"))

    def test_deleted_hook_holds_nothing_back(self):
        self.group()
        self.autoscaling.delete_lifecycle_hook(AutoScalingGroupName="web", LifecycleHookName="verify")
        self.autoscaling.set_desired_capacity(AutoScalingGroupName="web", DesiredCapacity=1)
        self.assertEqual(list(self.states().values()), ["InService"])

    def test_deleted_hook_abandons_what_waits_on_it(self):
        self.group(1)
        bad = self.waiting()[0]["instance"]
        self.autoscaling.delete_lifecycle_hook(AutoScalingGroupName="web", LifecycleHookName="verify")
        self.assertNotIn(bad, self.in_service(1))
        self.assertEqual([(one["state"], one["result"]) for one in self.ledger()], [("completed", "ABANDON")])

    def test_wrong_hooks_are_refused(self):
        self.group(hooks=[])
        put = self.autoscaling.put_lifecycle_hook
        for wrong in ({"HeartbeatTimeout": 29}, {"HeartbeatTimeout": 7201}, {"DefaultResult": "MAYBE"},
                      {"LifecycleTransition": "launching"}, {"NotificationTargetARN": "queue"}):
            self.refused("ValidationError", put, 400, AutoScalingGroupName="web", **hook("verify") | wrong)
        self.refused("ValidationError", put, 400, AutoScalingGroupName="none", **hook("verify"))
        self.refused("ValidationError", put, 400, AutoScalingGroupName="web", LifecycleHookName="verify")
        self.assertEqual(self.autoscaling.describe_lifecycle_hooks(AutoScalingGroupName="web")["LifecycleHooks"], [])
        self.refused("ValidationError", self.group, 400, name="bad", hooks=[hook("verify", HeartbeatTimeout=5)])
        self.assertEqual(len(self.autoscaling.describe_auto_scaling_groups()["AutoScalingGroups"]), 1)

    def test_iam_knows_the_new_actions(self):
        self.group(1)
        token = self.waiting()[0]["token"]
        iam = client("iam")
        iam.create_user(UserName="gate")
        iam.put_user_policy(UserName="gate", PolicyName="p", PolicyDocument=json.dumps({
            "Version": "2012-10-17",
            "Statement": [{"Effect": "Allow", "Action": "autoscaling:CompleteLifecycleAction", "Resource": "*"}]}))
        key = iam.create_access_key(UserName="gate")["AccessKey"]
        gate = boto3.client("autoscaling", endpoint_url=harness.endpoint(), region_name="us-east-1",
                            aws_access_key_id=key["AccessKeyId"], aws_secret_access_key=key["SecretAccessKey"])
        mine = {"AutoScalingGroupName": "web", "LifecycleHookName": "verify", "LifecycleActionToken": token}
        harness.enforce_iam("0")
        try:
            self.refused("AccessDenied", gate.record_lifecycle_action_heartbeat, 403, **mine)
            self.refused("AccessDenied", gate.start_instance_refresh, 403, AutoScalingGroupName="web")
            gate.complete_lifecycle_action(**mine, LifecycleActionResult="CONTINUE")
        finally:
            harness.enforce_iam("inf")
        self.in_service(1)
