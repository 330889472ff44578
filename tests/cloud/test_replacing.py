"""Launch hooks that meet an instance again: warm pools and replaced root volumes."""
from fleet import ROLE, Fleet, hook
from harness import register, snapshot


class WarmPools(Fleet):
    def pool(self, state: str = "Stopped", hooks: list[dict] | None = None) -> None:
        self.group(hooks=hooks, most=2)
        self.autoscaling.put_warm_pool(AutoScalingGroupName="web", PoolState=state, MinSize=1, MaxGroupPreparedCapacity=1)

    def warm(self) -> list[tuple[str, str]]:
        pool = self.autoscaling.describe_warm_pool(AutoScalingGroupName="web")
        return [(one["InstanceId"], one["LifecycleState"]) for one in pool["Instances"]]

    def machine(self, instance: str) -> str:
        return self.ec2.describe_instances(InstanceIds=[instance])["Reservations"][0]["Instances"][0]["State"]["Name"]

    def test_instance_waits_twice_with_two_tokens(self):
        arn = self.queue()
        self.pool(hooks=[hook("verify", NotificationTargetARN=arn, RoleARN=ROLE)])
        first = self.waiting()[0]
        instance = first["instance"]
        self.assertEqual(self.warm(), [(instance, "Warmed:Pending:Wait")])
        self.assertEqual(self.states(), {instance: "Warmed:Pending:Wait"})
        self.decide(first)
        self.until(lambda: self.warm() == [(instance, "Warmed:Stopped")])
        self.assertEqual(self.machine(instance), "stopped")
        group = self.autoscaling.describe_auto_scaling_groups()["AutoScalingGroups"][0]
        self.assertEqual((group["Instances"], group["WarmPoolSize"], group["WarmPoolConfiguration"]["PoolState"]),
                         ([], 1, "Stopped"))

        self.autoscaling.set_desired_capacity(AutoScalingGroupName="web", DesiredCapacity=1)
        second = next(one for one in self.waiting() if one["instance"] == instance)
        self.assertEqual((self.states()[instance], self.machine(instance)), ("Pending:Wait", "running"))
        self.assertNotEqual(first["token"], second["token"])
        seen = [one for one in self.messages(4, 1) if one.get("EC2InstanceId") == instance]
        self.assertEqual([(one["Origin"], one["Destination"], one["LifecycleActionToken"]) for one in seen], [
            ("EC2", "WarmPool", first["token"]), ("WarmPool", "AutoScalingGroup", second["token"])])
        self.decide(second)
        self.until(lambda: self.states()[instance] == "InService")

    def test_instances_can_stay_running(self):
        self.pool("Running")
        self.decide(self.waiting()[0])
        (instance, _), = self.until(lambda: [one for one in self.warm() if one[1] == "Warmed:Running"])
        self.assertEqual(self.machine(instance), "running")

    def test_unready_instance_stays_in_the_pool(self):
        self.pool()
        cold = self.waiting()[0]["instance"]
        self.autoscaling.set_desired_capacity(AutoScalingGroupName="web", DesiredCapacity=1)
        states = self.states()
        self.assertEqual(states.pop(cold), "Warmed:Pending:Wait")
        self.assertEqual(list(states.values()), ["Pending:Wait"])

    def test_abandoned_instance_is_replaced_in_the_pool(self):
        self.pool()
        bad = self.waiting()[0]
        self.decide(bad, "ABANDON")
        new = self.until(self.waiting)[0]
        self.assertEqual((new["destination"], self.machine(bad["instance"])), ("WarmPool", "terminated"))
        self.assertNotEqual(new["instance"], bad["instance"])

    def test_deleted_pool_ends_its_instances(self):
        self.pool()
        instance = self.waiting()[0]["instance"]
        self.autoscaling.delete_warm_pool(AutoScalingGroupName="web", ForceDelete=True)
        self.assertEqual((self.states(), self.machine(instance), self.ledger()[0]["state"]), ({}, "terminated", "gone"))
        self.assertNotIn("WarmPoolConfiguration", self.autoscaling.describe_warm_pool(AutoScalingGroupName="web"))


class RootVolumes(Fleet):
    def setUp(self) -> None:
        super().setUp()
        self.new_disk = snapshot({0: b"new"})
        self.new = register(self.new_disk, name="new")

    def desired(self, template: dict, image: str | None = None) -> dict:
        return {"MixedInstancesPolicy": {"LaunchTemplate": {
            "LaunchTemplateSpecification": template,
            "Overrides": [{"InstanceType": "t3.micro", "ImageId": image or self.new}]}}}

    def refresh(self, template: dict) -> str:
        return self.autoscaling.start_instance_refresh(
            AutoScalingGroupName="web", Strategy="ReplaceRootVolume",
            DesiredConfiguration=self.desired(template))["InstanceRefreshId"]

    def described(self, refresh: str) -> dict:
        return self.autoscaling.describe_instance_refreshes(
            AutoScalingGroupName="web", InstanceRefreshIds=[refresh])["InstanceRefreshes"][0]

    def test_the_same_instance_waits_again_with_a_new_image(self):
        template = self.template()
        self.rule(self.queue(), **{"detail-type": ["EC2 Instance-launch Lifecycle Action"]})
        self.group(1, LaunchTemplate=template)
        first = self.waiting()[0]
        instance = first["instance"]
        self.decide(first)
        self.in_service(1)
        refresh, passed = self.refresh(template), []

        def waits() -> list[dict]:
            passed.append(self.states()[instance])
            return self.waiting()

        second = self.until(waits)[0]
        self.assertEqual((second["instance"], second["image"], second["action"]), (instance, self.new, "ReplaceRootVolume"))
        self.assertNotEqual(second["token"], first["token"])
        self.assertLessEqual({"ReplacingRootVolume", "RootVolumeReplaced"}, set(passed))
        event = self.messages(2)[1]["detail"]
        self.assertEqual((event["EC2InstanceId"], event["LifecycleActionToken"], event["Action"]),
                         (instance, second["token"], "ReplaceRootVolume"))
        self.assertEqual((event["Origin"], event["Destination"]), ("AutoScalingGroup", "AutoScalingGroup"))
        seen = self.ec2.describe_instances(InstanceIds=[instance])["Reservations"][0]["Instances"][0]
        volumes = self.ec2.describe_volumes(Filters=[{"Name": "attachment.instance-id", "Values": [instance]}])["Volumes"]
        self.assertEqual(seen["ImageId"], self.new)
        self.assertEqual([one["SnapshotId"] for one in volumes], [self.new_disk])
        self.assertEqual(seen["BlockDeviceMappings"][0]["Ebs"]["VolumeId"], volumes[0]["VolumeId"])
        member = self.autoscaling.describe_auto_scaling_instances(InstanceIds=[instance])["AutoScalingInstances"][0]
        self.assertEqual((member["ImageId"], member["LifecycleState"]), (self.new, "Pending:Wait"))
        self.assertEqual(self.described(refresh)["Status"], "InProgress")
        self.decide(second)
        self.assertEqual(self.in_service(1), [instance])
        self.until(lambda: self.described(refresh)["Status"] == "Successful")

    def test_abandoned_replacement_ends_the_instance(self):
        template = self.template()
        self.group(1, LaunchTemplate=template, hooks=[])
        self.autoscaling.put_lifecycle_hook(AutoScalingGroupName="web", **hook("verify"))
        refresh = self.refresh(template)
        again = self.until(self.waiting)[0]
        self.decide(again, "ABANDON")
        new = self.until(self.waiting)[0]
        self.assertEqual((new["image"], new["action"], new["origin"]), (self.new, None, "EC2"))
        self.assertNotEqual(new["instance"], again["instance"])
        self.until(lambda: self.described(refresh)["Status"] == "Successful")

    def test_other_refreshes_are_refused(self):
        template = self.template()
        self.group(1, LaunchTemplate=template, hooks=[])
        start, web = self.autoscaling.start_instance_refresh, {"AutoScalingGroupName": "web"}
        wrong = [{}, {"Strategy": "Rolling"}, {"Strategy": "ReplaceRootVolume"},
                 {"Strategy": "ReplaceRootVolume", "DesiredConfiguration": {"LaunchTemplate": template}},
                 {"Strategy": "ReplaceRootVolume", "DesiredConfiguration": self.desired(template | {"Version": "$Latest"})},
                 {"Strategy": "ReplaceRootVolume", "DesiredConfiguration": self.desired(template, "ami-0123456789abcdef0")}]
        for given in wrong:
            self.refused("ValidationError", start, 400, **web, **given)
        self.assertEqual(list(self.states().values()), ["InService"])
        self.refresh(template)
        self.refused("InstanceRefreshInProgress", start, 400, **web, Strategy="ReplaceRootVolume",
                     DesiredConfiguration=self.desired(template))
