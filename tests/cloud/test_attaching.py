"""Instances that a group has without having launched them, or that rest in it."""
from fleet import Fleet
from harness import tags


class Attaching(Fleet):
    def instance(self, **more) -> str:
        given = {"ImageId": self.image, "MinCount": 1, "MaxCount": 1, "InstanceType": "t3.micro"}
        return self.ec2.run_instances(**given | more)["Instances"][0]["InstanceId"]

    def call(self, name: str, *instances: str, group: str = "web", **more) -> dict:
        return getattr(self.autoscaling, name)(AutoScalingGroupName=group, InstanceIds=list(instances), **more)

    def tags_of(self, instance: str) -> dict[str, str]:
        return tags(self.ec2.describe_instances(InstanceIds=[instance])["Reservations"][0]["Instances"][0])

    def desired(self) -> int:
        return self.autoscaling.describe_auto_scaling_groups()["AutoScalingGroups"][0]["DesiredCapacity"]

    def test_attached_instances_pass_no_hook_and_have_no_template(self):
        self.group()
        instance = self.instance()
        self.call("attach_instances", instance)
        member, = self.autoscaling.describe_auto_scaling_instances()["AutoScalingInstances"]
        self.assertEqual((member["InstanceId"], member["LifecycleState"], "LaunchTemplate" in member),
                         (instance, "InService", False))
        self.assertEqual((self.ledger(), self.desired()), ([], 1))
        self.assertEqual(self.tags_of(instance), {"aws:autoscaling:groupName": "web"})

    def test_what_cannot_be_attached_is_refused(self):
        self.group(most=1)
        self.group(name="other")
        stopped, far = self.instance(), self.instance(Placement={"AvailabilityZone": "us-east-1b"})
        self.ec2.stop_instances(InstanceIds=[stopped])
        good = [self.instance() for _ in range(3)]
        self.call("attach_instances", good[0], group="other")
        for wrong in (["i-0123456789abcdef0"], [stopped], [far], [good[0]], good[1:], ["i-0123456789abcdef0"] * 21):
            self.refused("ValidationError", self.autoscaling.attach_instances, 400, AutoScalingGroupName="web",
                         InstanceIds=wrong)
        self.assertEqual(self.states(), {good[0]: "InService"})

    def test_detached_instances_run_on_without_the_group(self):
        self.group(2, hooks=[])
        one, two = self.in_service(2)
        self.call("detach_instances", one, ShouldDecrementDesiredCapacity=True)
        self.assertEqual((self.states(), self.desired()), ({two: "InService"}, 1))
        state = self.ec2.describe_instances(InstanceIds=[one])["Reservations"][0]["Instances"][0]["State"]["Name"]
        self.assertEqual((state, "aws:autoscaling:groupName" in self.tags_of(one)), ("running", False))
        self.group(name="other")
        self.call("attach_instances", one, group="other")
        members = self.autoscaling.describe_auto_scaling_instances(InstanceIds=[one])["AutoScalingInstances"]
        self.assertEqual([member["AutoScalingGroupName"] for member in members], ["other"])
        self.call("detach_instances", two, ShouldDecrementDesiredCapacity=False)
        self.until(lambda: len(self.states()) == 2 and two not in self.states())

    def test_standby_is_left_without_a_hook(self):
        self.group(2, hooks=[])
        one, two = self.in_service(2)
        self.autoscaling.put_lifecycle_hook(AutoScalingGroupName="web", LifecycleHookName="verify",
                                            LifecycleTransition="autoscaling:EC2_INSTANCE_LAUNCHING")
        self.call("enter_standby", one, ShouldDecrementDesiredCapacity=True)
        self.assertEqual((self.states(), self.desired()), ({one: "Standby", two: "InService"}, 1))
        self.autoscaling.set_desired_capacity(AutoScalingGroupName="web", DesiredCapacity=0)
        self.assertEqual(self.states(), {one: "Standby"})
        self.call("exit_standby", one)
        self.assertEqual((self.states(), self.desired(), self.ledger()), ({one: "InService"}, 1, []))

    def test_standby_that_is_not_subtracted_is_replaced(self):
        self.group(1, hooks=[])
        one, = self.in_service(1)
        self.call("enter_standby", one, ShouldDecrementDesiredCapacity=False)
        self.until(lambda: sorted(self.states().values()) == ["InService", "Standby"])

    def test_wrong_moves_are_refused(self):
        self.group(1, hooks=[])
        one, = self.in_service(1)
        web = {"AutoScalingGroupName": "web"}
        self.refused("ValidationError", self.autoscaling.exit_standby, 400, InstanceIds=[one], **web)
        self.refused("ValidationError", self.autoscaling.detach_instances, 400, InstanceIds=["i-0123456789abcdef0"],
                     ShouldDecrementDesiredCapacity=True, **web)
        self.autoscaling.update_auto_scaling_group(MinSize=1, **web)
        for name in ("enter_standby", "detach_instances"):
            self.refused("ValidationError", getattr(self.autoscaling, name), 400, InstanceIds=[one],
                         ShouldDecrementDesiredCapacity=True, **web)
        self.assertEqual(self.states(), {one: "InService"})
