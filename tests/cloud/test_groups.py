"""Auto Scaling groups: their size, what they launch, how they are described."""
import json
import time

import harness
from fleet import Fleet, hook, order
from harness import client, register, snapshot


class Size(Fleet):
    def test_a_thousand_instances(self):
        self.group()
        started = time.monotonic()
        self.autoscaling.set_desired_capacity(AutoScalingGroupName="web", DesiredCapacity=1000)
        answered = time.monotonic()
        self.until(lambda: len(self.waiting()) == 1000, 60)
        self.assertLess(answered - started, 3)  # the call does not wait for them all
        self.assertEqual(len(self.states()), 1000)
        ids = [one["instance"] for one in self.ledger()]
        self.assertEqual(len(set(ids)), 1000)
        found = self.ec2.describe_instances(Filters=[{"Name": "instance-id", "Values": [*ids[:199], "i-0123456789abcdef0"]}])
        self.assertEqual({one["InstanceId"] for part in found["Reservations"] for one in part["Instances"]}, set(ids[:199]))
        volumes = self.ec2.describe_volumes(Filters=[{"Name": "attachment.instance-id", "Values": ids[:200]}])["Volumes"]
        self.assertEqual({one["Attachments"][0]["InstanceId"] for one in volumes}, set(ids[:200]))
        self.autoscaling.set_desired_capacity(AutoScalingGroupName="web", DesiredCapacity=0)
        self.assertEqual(self.states(), {})
        self.assertEqual(self.ec2.describe_volumes()["Volumes"], [])

    def test_size_has_limits(self):
        self.group(most=5)
        size = self.autoscaling.set_desired_capacity
        self.refused("ValidationError", size, 400, AutoScalingGroupName="none", DesiredCapacity=1)
        self.refused("ValidationError", size, 400, AutoScalingGroupName="web", DesiredCapacity=6)
        self.autoscaling.update_auto_scaling_group(AutoScalingGroupName="web", MinSize=2)
        self.assertEqual(len(self.states()), 2)
        self.refused("ValidationError", size, 400, AutoScalingGroupName="web", DesiredCapacity=1)
        update = self.autoscaling.update_auto_scaling_group
        self.refused("ValidationError", update, 400, AutoScalingGroupName="web", DesiredCapacity=6)
        self.refused("ValidationError", update, 400, AutoScalingGroupName="web", MaxSize=1)
        self.refused("ValidationError", self.group, 400, size=3, name="small", most=2)
        self.autoscaling.update_auto_scaling_group(AutoScalingGroupName="web", MinSize=0, MaxSize=1)
        self.assertEqual(len(self.states()), 1)

    def test_missing_groups_and_instances_are_client_errors(self):
        for call, given in ((self.autoscaling.suspend_processes, {"ScalingProcesses": ["Launch"]}),
                            (self.autoscaling.resume_processes, {"ScalingProcesses": ["Launch"]}),
                            (self.autoscaling.attach_instances, {"InstanceIds": []}),
                            (self.autoscaling.describe_lifecycle_hooks, {}), (self.autoscaling.describe_warm_pool, {}),
                            (self.autoscaling.put_warm_pool, {}), (self.autoscaling.start_instance_refresh, {}),
                            (self.autoscaling.update_auto_scaling_group, {}),
                            (self.autoscaling.delete_auto_scaling_group, {})):
            self.refused("ValidationError", call, 400, AutoScalingGroupName="none", **given)
        self.refused("ValidationError", self.autoscaling.terminate_instance_in_auto_scaling_group, 400,
                     InstanceId="i-0123456789abcdef0", ShouldDecrementDesiredCapacity=True)

    def test_suspended_launch(self):
        self.group(2)
        web = {"AutoScalingGroupName": "web"}
        self.refused("ValidationError", self.autoscaling.suspend_processes, 400, **web, ScalingProcesses=["Lunch"])
        self.autoscaling.suspend_processes(**web, ScalingProcesses=["Launch", "ReplaceUnhealthy"])
        seen = self.autoscaling.describe_auto_scaling_groups()["AutoScalingGroups"][0]["SuspendedProcesses"]
        self.assertEqual([one["ProcessName"] for one in seen], ["Launch", "ReplaceUnhealthy"])
        for action in self.waiting():
            self.decide(action, "ABANDON")
        self.autoscaling.set_desired_capacity(**web, DesiredCapacity=3)
        time.sleep(0.2)
        self.assertEqual(self.states(), {})
        self.autoscaling.resume_processes(**web, ScalingProcesses=["Launch"])
        self.assertEqual(len(self.waiting()), 3)
        self.autoscaling.resume_processes(**web)
        self.assertEqual(self.autoscaling.describe_auto_scaling_groups()["AutoScalingGroups"][0]["SuspendedProcesses"], [])

    def test_deleted_group_leaves_nothing(self):
        self.group(2)
        self.autoscaling.delete_auto_scaling_group(AutoScalingGroupName="web", ForceDelete=True)
        self.assertEqual((self.states(), self.waiting()), ({}, []))
        self.group(LaunchTemplate={"LaunchTemplateName": "web"}, hooks=[])
        self.assertEqual(self.autoscaling.describe_lifecycle_hooks(AutoScalingGroupName="web")["LifecycleHooks"], [])

    def test_name_is_taken_once(self):
        self.group()
        self.refused("AlreadyExists", self.group, 400, LaunchTemplate={"LaunchTemplateName": "web"})


class Launched(Fleet):
    def images(self) -> dict[str, str]:
        return {one["InstanceId"]: one["ImageId"] for page in self.ec2.describe_instances()["Reservations"]
                for one in page["Instances"] if one["State"]["Name"] == "running"}

    def test_overrides_are_taken_in_turn(self):
        other, third = register(snapshot({0: b"o"}), name="other"), register(snapshot({0: b"3"}), name="third")
        base, special = self.template(), self.template(third, "special")
        self.group(6, MixedInstancesPolicy={"LaunchTemplate": {"LaunchTemplateSpecification": base, "Overrides": [
            {"InstanceType": "t3.small"}, {"InstanceType": "m6g.large", "ImageId": other},
            {"InstanceType": "c5.large", "LaunchTemplateSpecification": special}]}})
        seen = self.autoscaling.describe_auto_scaling_instances()["AutoScalingInstances"]
        facts = [(self.images()[one["InstanceId"]], one.get("ImageId"), one["InstanceType"],
                  one["LaunchTemplate"]["LaunchTemplateName"]) for one in seen]
        self.assertEqual(facts, 2 * [(self.image, None, "t3.small", "web"), (other, other, "m6g.large", "web"),
                                     (third, None, "c5.large", "special")])
        policy = self.autoscaling.describe_auto_scaling_groups()["AutoScalingGroups"][0]["MixedInstancesPolicy"]
        self.assertEqual(policy["LaunchTemplate"]["Overrides"][1], {"InstanceType": "m6g.large", "ImageId": other})

    def test_an_update_of_the_size_keeps_the_policy(self):
        self.group(MixedInstancesPolicy={"LaunchTemplate": {
            "LaunchTemplateSpecification": self.template(), "Overrides": [{"InstanceType": "c5.large"}]}})
        self.autoscaling.update_auto_scaling_group(AutoScalingGroupName="web", DesiredCapacity=1)
        seen = self.autoscaling.describe_auto_scaling_instances()["AutoScalingInstances"]
        self.assertEqual([one["InstanceType"] for one in seen], ["c5.large"])

    def test_next_template_version_is_for_the_next_instances(self):
        self.group(1, LaunchTemplate={**self.template(), "Version": "$Latest"})
        other = register(snapshot({0: b"o"}), name="other")
        self.ec2.create_launch_template_version(LaunchTemplateName="web", LaunchTemplateData={
            "ImageId": other, "InstanceType": "t3.micro"})
        self.autoscaling.set_desired_capacity(AutoScalingGroupName="web", DesiredCapacity=2)
        self.assertEqual([one["image"] for one in self.ledger()], [self.image, other])
        seen = self.autoscaling.describe_auto_scaling_instances()["AutoScalingInstances"]
        self.assertEqual([one["LaunchTemplate"]["Version"] for one in seen], ["1", "2"])

    def test_image_of_a_parameter_is_found_at_launch(self):
        ssm, other = client("ssm"), register(snapshot({0: b"o"}), name="other")
        ssm.put_parameter(Name="/images/web", Value=self.image, Type="String")
        self.group(1, LaunchTemplate=self.template("resolve:ssm:/images/web"))
        ssm.put_parameter(Name="/images/web", Value=other, Type="String", Overwrite=True)
        self.autoscaling.set_desired_capacity(AutoScalingGroupName="web", DesiredCapacity=2)
        self.assertEqual([one["image"] for one in self.ledger()], [self.image, other])
        self.assertEqual(set(self.images().values()), {self.image, other})
        data = self.ec2.describe_launch_template_versions(LaunchTemplateName="web")["LaunchTemplateVersions"][0]
        self.assertEqual(data["LaunchTemplateData"]["ImageId"], "resolve:ssm:/images/web")
        resolved = self.ec2.describe_launch_template_versions(LaunchTemplateName="web", ResolveAlias=True)
        self.assertEqual(resolved["LaunchTemplateVersions"][0]["LaunchTemplateData"]["ImageId"], other)
        run = self.ec2.run_instances(MinCount=1, MaxCount=1, LaunchTemplate={"LaunchTemplateName": "web"})
        self.assertEqual(run["Instances"][0]["ImageId"], other)

    def test_group_of_an_unknown_image_is_refused(self):
        for number, image in enumerate(("ami-0123456789abcdef0", "resolve:ssm:/none")):
            template = self.template(image, f"bad-{number}")
            self.refused("ValidationError", self.group, 400, size=1, LaunchTemplate=template)
        self.assertEqual(self.autoscaling.describe_auto_scaling_groups()["AutoScalingGroups"], [])

    def test_launch_that_fails_is_an_activity_and_an_event(self):
        self.rule(self.queue())
        self.group()
        self.ec2.deregister_image(ImageId=self.image)
        self.autoscaling.set_desired_capacity(AutoScalingGroupName="web", DesiredCapacity=1)
        event = self.messages(1)[0]
        self.assertEqual((event["detail-type"], event["detail"]["StatusCode"]), ("EC2 Instance Launch Unsuccessful", "Failed"))
        activity = self.autoscaling.describe_scaling_activities(AutoScalingGroupName="web")["Activities"][0]
        self.assertEqual(activity["StatusCode"], "Failed")
        self.assertIn(self.image, activity["StatusMessage"])
        self.assertEqual(self.states(), {})

    def test_template_options_and_tags_reach_the_instance(self):
        self.ec2.create_launch_template(LaunchTemplateName="full", LaunchTemplateData={
            "ImageId": self.image, "InstanceType": "t3.micro", "MetadataOptions": {"HttpTokens": "required"},
            "TagSpecifications": [{"ResourceType": "instance", "Tags": [{"Key": "from", "Value": "template"}]}]})
        self.group(1, LaunchTemplate={"LaunchTemplateName": "full"}, Tags=[
            {"Key": "stage", "Value": "test", "PropagateAtLaunch": True}, {"Key": "own", "Value": "x"}])
        seen = self.ec2.describe_instances()["Reservations"][0]["Instances"][0]
        self.assertEqual(seen["MetadataOptions"]["HttpTokens"], "required")
        found = harness.tags(seen)
        self.assertEqual((found["from"], found["stage"], found["aws:autoscaling:groupName"]), ("template", "test", "web"))
        self.assertNotIn("own", found)

    def test_stack_with_hooks_and_a_queue_policy(self):
        template = {"Resources": {
            "Queue": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "launches"}},
            "Policy": {"Type": "AWS::SQS::QueuePolicy", "Properties": {"Queues": [{"Ref": "Queue"}], "PolicyDocument": {
                "Version": "2012-10-17", "Statement": [
                    {"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sqs:SendMessage"}]}}},
            "Template": {"Type": "AWS::EC2::LaunchTemplate", "Properties": {"LaunchTemplateData": {
                "ImageId": self.image, "InstanceType": "t3.micro"}}},
            "Group": {"Type": "AWS::AutoScaling::AutoScalingGroup", "Properties": {
                "MinSize": "1", "MaxSize": "2", "AvailabilityZones": ["us-east-1a"],
                "LaunchTemplate": {"LaunchTemplateId": {"Ref": "Template"},
                                   "Version": {"Fn::GetAtt": ["Template", "LatestVersionNumber"]}},
                "LifecycleHookSpecificationList": [hook("inline", HeartbeatTimeout=60)]}},
            "Hook": {"Type": "AWS::AutoScaling::LifecycleHook", "Properties": {
                "AutoScalingGroupName": {"Ref": "Group"}, "LifecycleTransition": "autoscaling:EC2_INSTANCE_LAUNCHING",
                "LifecycleHookName": "separate", "HeartbeatTimeout": 90,
                "NotificationTargetARN": {"Fn::GetAtt": ["Queue", "Arn"]}, "RoleARN": "arn:aws:iam::1:role/notify"}}}}
        stacks = client("cloudformation")
        stacks.create_stack(StackName="stack", TemplateBody=json.dumps(template))
        group = self.autoscaling.describe_auto_scaling_groups()["AutoScalingGroups"][0]["AutoScalingGroupName"]
        hooks = self.autoscaling.describe_lifecycle_hooks(AutoScalingGroupName=group)["LifecycleHooks"]
        self.assertEqual([(one["LifecycleHookName"], one["HeartbeatTimeout"]) for one in hooks],
                         [("inline", 60), ("separate", 90)])
        self.assertEqual([one["hook"] for one in self.waiting()], ["inline"])
        url = self.sqs.get_queue_url(QueueName="launches")["QueueUrl"]
        kept = self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["Policy"])["Attributes"]
        self.assertIn("events.amazonaws.com", kept["Policy"])
        stacks.delete_stack(StackName="stack")
        self.assertEqual(self.autoscaling.describe_auto_scaling_groups()["AutoScalingGroups"], [])


class Described(Fleet):
    def test_instances_by_id(self):
        self.group(3)
        ids = list(self.states())
        describe = self.autoscaling.describe_auto_scaling_instances
        seen = describe(InstanceIds=[ids[0], "i-0123456789abcdef0"])["AutoScalingInstances"]
        self.assertEqual([one["InstanceId"] for one in seen], ids[:1])
        self.assertEqual((seen[0]["AutoScalingGroupName"], seen[0]["LifecycleState"], seen[0]["HealthStatus"],
                          "ImageId" in seen[0]), ("web", "Pending:Wait", "Healthy", False))
        self.refused("ValidationError", describe, 400, InstanceIds=[f"i-{n:017x}" for n in range(51)])
        self.refused("ValidationError", describe, 400, MaxRecords=51)
        pages = list(self.autoscaling.get_paginator("describe_auto_scaling_instances").paginate(
            PaginationConfig={"PageSize": 2}))
        self.assertEqual([one["InstanceId"] for page in pages for one in page["AutoScalingInstances"]], ids)
        self.assertEqual(len(pages), 2)

    def test_groups(self):
        template = self.template()
        for number in range(3):
            self.group(1, f"group-{number}", LaunchTemplate=template, Tags=[
                {"Key": "team", "Value": f"team-{number}", "PropagateAtLaunch": False}])
        describe = self.autoscaling.describe_auto_scaling_groups
        pages = list(self.autoscaling.get_paginator("describe_auto_scaling_groups").paginate(
            PaginationConfig={"PageSize": 2}))
        self.assertEqual([len(page["AutoScalingGroups"]) for page in pages], [2, 1])
        self.refused("InvalidNextToken", describe, 400, NextToken="bogus")
        group = describe(Filters=[{"Name": "tag:team", "Values": ["team-1"]}])["AutoScalingGroups"]
        self.assertEqual([one["AutoScalingGroupName"] for one in group], ["group-1"])
        self.assertEqual(group[0]["LaunchTemplate"], {**template, "LaunchTemplateName": "web"})
        self.assertEqual(group[0]["Tags"][0]["Value"], "team-1")
        self.assertEqual(group[0]["Instances"][0]["LifecycleState"], "Pending:Wait")
        bare = describe(AutoScalingGroupNames=["group-1"], IncludeInstances=False)["AutoScalingGroups"][0]
        self.assertEqual(bare.get("Instances", []), [])
        self.assertEqual(bare | {"Instances": 0}, group[0] | {"Instances": 0})

    def test_launch_templates_have_pages(self):
        for number in range(16):
            self.template(name=f"template-{number}")
            self.ec2.create_launch_template_version(LaunchTemplateName="template-0", LaunchTemplateData={
                "ImageId": self.image})
        for what, given, count in (("launch_templates", {}, 16),
                                   ("launch_template_versions", {"LaunchTemplateName": "template-0"}, 17)):
            name = "".join(word.title() for word in what.split("_"))
            self.assertEqual(len(getattr(self.ec2, f"describe_{what}")(**given)[name]), count)
            pages = self.ec2.get_paginator(f"describe_{what}").paginate(**given, PaginationConfig={"PageSize": 9})
            self.assertEqual([len(page[name]) for page in pages], [9, count - 9])

    def test_pages_of_instances_count_instances(self):
        self.ec2.run_instances(ImageId=self.image, MinCount=7, MaxCount=7)
        self.ec2.run_instances(ImageId=self.image, MinCount=2, MaxCount=2)
        pages = list(self.ec2.get_paginator("describe_instances").paginate(PaginationConfig={"PageSize": 5}))
        sizes = [[len(one["Instances"]) for one in page["Reservations"]] for page in pages]
        self.assertEqual(sizes, [[5], [2, 2]])
        self.refused("InvalidNextToken", self.ec2.describe_instances, 400, NextToken="bogus")
        order(invisible_for=30)
        self.ec2.run_instances(ImageId=self.image, MinCount=1, MaxCount=1)
        self.assertEqual(sum(len(one["Instances"]) for one in self.ec2.describe_instances()["Reservations"]), 9)
