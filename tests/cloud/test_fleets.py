"""Many instances, what only AWS may say of them, and the images behind them."""
import time
import urllib.error

from harness import OTHER, OWNER, Case, client, http, image, register, share, snapshot, tags


def fleet(image_id: str, count: int = 1, **more) -> list[str]:
    return http("POST", "/localaws/fleet", {"image": image_id, "count": count} | more)["instances"][0]


def instances(ec2, **more) -> dict[str, dict]:
    pages = ec2.get_paginator("describe_instances").paginate(**more)
    return {one["InstanceId"]: one for page in pages for part in page["Reservations"] for one in part["Instances"]}


def metadata(ec2, **more) -> dict[str, dict]:
    pages = ec2.get_paginator("describe_instance_image_metadata").paginate(**more)
    return {one["InstanceId"]: one for page in pages for one in page["InstanceImageMetadata"]}


def filters(**wanted) -> dict:
    return {"Filters": [{"Name": name.replace("_", "-"), "Values": [value]} for name, value in wanted.items()]}


class Launching(Case):
    def test_thousands_are_there_at_once_and_each_is_whole(self):
        disk = snapshot({0: b"a"})
        image_id = register(disk)
        started = time.monotonic()
        made = fleet(image_id, 2500, tags={"Name": "web", "aws:autoscaling:groupName": "web"}, type="m5.large")
        self.assertLess(time.monotonic() - started, 10)
        seen = instances(self.ec2, PaginationConfig={"PageSize": 1000})
        self.assertEqual((set(seen), len(set(made))), (set(made), 2500))
        for what in (lambda one: one["BlockDeviceMappings"][0]["Ebs"]["VolumeId"], lambda one: one["PrivateIpAddress"],
                     lambda one: one["NetworkInterfaces"][0]["NetworkInterfaceId"]):
            self.assertEqual(len({what(one) for one in seen.values()}), 2500)
        last = seen[made[-1]]
        self.assertEqual((last["ImageId"], last["State"]["Name"], last["InstanceType"], last["Operator"]),
                         (image_id, "running", "m5.large", {"Managed": False}))
        self.assertEqual(tags(last), {"Name": "web", "aws:autoscaling:groupName": "web"})
        volumes = self.ec2.describe_volumes(Filters=[{"Name": "attachment.instance-id", "Values": made[-200:]}])["Volumes"]
        self.assertEqual({one["Attachments"][0]["InstanceId"] for one in volumes}, set(made[-200:]))
        self.assertEqual({one["SnapshotId"] for one in volumes}, {disk})
        calls = http("GET", "/localaws/calls?action=DescribeInstances")
        self.assertEqual(len(calls), 3)

    def test_volumes_are_found_by_their_ids_and_those_of_their_instances(self):
        ids = fleet(register(), 3)
        seen = instances(self.ec2)
        volumes = [seen[one]["BlockDeviceMappings"][0]["Ebs"]["VolumeId"] for one in ids]
        attached = {"Name": "attachment.instance-id", "Values": ids[1:]}

        def found(*values: str, **more) -> list[str]:
            named = [{"Name": "volume-id", "Values": [*values]}, *more.pop("and_by", ())]
            return sorted(one["VolumeId"] for one in self.ec2.describe_volumes(Filters=named, **more)["Volumes"])

        self.assertEqual(found(*volumes[:2], "vol-00000000000000000"), sorted(volumes[:2]))
        self.assertEqual(found("vol-00000000000000000"), [])
        self.assertEqual(found(f"{volumes[0][:-1]}?"), [volumes[0]])
        self.assertEqual(found(*volumes[:2], and_by=[attached]), [volumes[1]])
        self.assertEqual(found(*volumes[:2], and_by=[{"Name": "status", "Values": ["available"]}]), [])
        self.assertEqual(found(*volumes[:2], VolumeIds=volumes[1:]), [volumes[1]])

    def test_one_shows_what_run_instances_shows(self):
        image_id = register()
        made, = self.ec2.run_instances(ImageId=image_id, MinCount=1, MaxCount=1, InstanceType="t3.micro")["Instances"]
        _, copy = fleet(image_id, 2)
        copied = instances(self.ec2)[copy]
        self.assertEqual(set(made) - set(copied), {"ClientToken", "HibernationOptions", "PublicIpAddress", "PublicDnsName"})
        self.assertEqual(copied["Architecture"], made["Architecture"])

    def test_each_account_and_region_has_its_own(self):
        elsewhere = client("ec2", "eu-west-1", OTHER)
        there = register(snapshot({0: b"b"}, ebs=client("ebs", "eu-west-1", OTHER)), ec2=elsewhere)
        answer = http("POST", "/localaws/fleet", [
            {"image": register(), "count": 3}, {"image": there, "count": 2, "account": OTHER, "region": "eu-west-1"}])
        self.assertEqual([len(one) for one in answer["instances"]], [3, 2])
        self.assertEqual(set(instances(self.ec2)), set(answer["instances"][0]))
        self.assertEqual(set(instances(elsewhere)), set(answer["instances"][1]))
        self.assertEqual(instances(client("ec2", "eu-west-1")), {})

    def test_copies_live_their_own_lives(self):
        one, two, three = fleet(register(), 3)
        self.ec2.stop_instances(InstanceIds=[two])
        self.ec2.terminate_instances(InstanceIds=[three])
        self.ec2.create_tags(Resources=[one], Tags=[{"Key": "a", "Value": "b"}])
        seen = instances(self.ec2)
        self.assertEqual([seen[i]["State"]["Name"] for i in (one, two, three)], ["running", "stopped", "terminated"])
        self.assertEqual([tags(seen[i]) for i in (one, two)], [{"a": "b"}, {}])
        self.assertEqual(len(self.ec2.describe_volumes()["Volumes"]), 2)
        new = self.ec2.create_image(InstanceId=one, Name="taken")["ImageId"]
        self.assertEqual(image(new)["SourceInstanceId"], one)

    def test_states_and_ages(self):
        old, = fleet(register(), state="stopped", age=86400)
        seen = instances(self.ec2, **filters(instance_state_name="stopped"))[old]
        self.assertAlmostEqual(time.time() - seen["LaunchTime"].timestamp(), 86400, delta=60)
        self.assertEqual(instances(self.ec2, **filters(instance_state_name="running")), {})

    def test_wrong_orders_are_refused(self):
        image_id = register()
        for wrong in ({}, {"image": image_id}, {"image": image_id, "count": 0}, {"image": image_id, "count": True},
                      {"image": "ami-0123456789abcdef0", "count": 1}, {"image": image_id, "count": 1, "region": "x"},
                      {"image": image_id, "count": 1, "account": "1"}, {"image": image_id, "count": 1, "state": "x"},
                      {"image": image_id, "count": 1, "tags": {"a": 1}}):
            with self.assertRaises(urllib.error.HTTPError, msg=wrong) as caught:
                http("POST", "/localaws/fleet", wrong)
            self.assertEqual(caught.exception.code, 400)
            caught.exception.close()
        self.assertEqual(instances(self.ec2), {})

    def test_tags_of_aws_are_for_the_control_alone(self):
        one, = fleet(register())
        said = {"Name": '<one> & "two" \u00e9', "aws:ec2:fleet-id": "fleet-1", "aws:ec2spot:fleet-request-id": "sfr-1",
                "karpenter.sh/nodepool": "default"}
        http("POST", "/localaws/instances", {"instances": [one], "tags": said})
        self.assertEqual(tags(instances(self.ec2, **filters(**{"tag:karpenter.sh/nodepool": "def*"}))[one]), said)
        for call in (self.ec2.create_tags, self.ec2.delete_tags):
            self.refused("InvalidParameterValue", call, Resources=[one], Tags=[{"Key": "aws:ec2:fleet-id", "Value": "x"}])

    def test_instances_of_a_fleet_say_so(self):
        self.ec2.create_launch_template(LaunchTemplateName="web", LaunchTemplateData={
            "ImageId": register(), "InstanceType": "t3.micro"})
        made = self.ec2.create_fleet(
            Type="instant", TargetCapacitySpecification={"TotalTargetCapacity": 2, "DefaultTargetCapacityType": "on-demand"},
            LaunchTemplateConfigs=[{"LaunchTemplateSpecification": {"LaunchTemplateName": "web", "Version": "1"}}])
        seen = instances(self.ec2)
        self.assertEqual({i for part in made["Instances"] for i in part["InstanceIds"]}, set(seen))
        self.assertEqual([tags(one)["aws:ec2:fleet-id"] for one in seen.values()], [made["FleetId"]] * 2)

    def test_instances_of_a_spot_fleet_say_so(self):
        made = self.ec2.request_spot_fleet(SpotFleetRequestConfig={
            "IamFleetRole": f"arn:aws:iam::{OWNER}:role/fleet", "TargetCapacity": 1, "AllocationStrategy": "lowestPrice",
            "LaunchSpecifications": [{"ImageId": register(), "InstanceType": "t3.micro"}]})["SpotFleetRequestId"]
        one, = instances(self.ec2, **filters(instance_lifecycle="spot")).values()
        self.assertEqual(tags(one)["aws:ec2spot:fleet-request-id"], made)


class Managed(Case):
    def setUp(self) -> None:
        super().setUp()
        self.image = register()
        self.plain, = fleet(self.image)
        self.managed, = fleet(self.image, operator="eks.amazonaws.com")

    def hide(self) -> None:
        self.ec2.modify_managed_resource_visibility(DefaultVisibility="hidden")

    def test_operator_is_shown(self):
        wanted = {"Managed": True, "Principal": "eks.amazonaws.com", "HiddenByDefault": False}
        for seen in (instances(self.ec2), metadata(self.ec2)):
            self.assertEqual((seen[self.plain]["Operator"], seen[self.managed]["Operator"]), ({"Managed": False}, wanted))
        for name, value in (("operator.managed", "true"), ("operator.principal", "eks.*")):
            self.assertEqual(set(instances(self.ec2, **filters(**{name: value}))), {self.managed})

    def test_hidden_instances_are_seen_when_asked_for(self):
        self.hide()
        self.assertEqual(self.ec2.get_managed_resource_visibility()["Visibility"], {"DefaultVisibility": "hidden"})
        self.assertEqual(set(instances(self.ec2)), {self.plain})
        every = instances(self.ec2, IncludeManagedResources=True)
        self.assertTrue(every[self.managed]["Operator"]["HiddenByDefault"])
        self.assertEqual(set(every), {self.plain, self.managed})
        self.assertEqual(len(self.ec2.describe_volumes()["Volumes"]), 1)
        self.assertEqual(len(self.ec2.describe_volumes(IncludeManagedResources=True)["Volumes"]), 2)

    def test_metadata_knows_hidden_instances(self):
        self.hide()
        self.assertEqual(set(metadata(self.ec2)), {self.plain, self.managed})


class Metadata(Case):
    def setUp(self) -> None:
        super().setUp()
        self.other = client("ec2", account=OTHER)

    def shared(self, name: str) -> str:
        image_id = register(name=name)
        share(image_id)
        return image_id

    def test_pages_hold_a_thousand_at_most(self):
        made = fleet(register(), 1001)
        pages = [len(page["InstanceImageMetadata"])
                 for page in self.ec2.get_paginator("describe_instance_image_metadata").paginate()]
        self.assertEqual(pages, [1000, 1])
        self.assertEqual(set(metadata(self.ec2, PaginationConfig={"PageSize": 400})), set(made))
        for wrong in (1001, 0):
            raw = client("ec2", parameter_validation=False)
            self.refused("InvalidParameterValue", raw.describe_instance_image_metadata, MaxResults=wrong)
        for wrong in (1001, 4):
            self.refused("InvalidParameterValue", self.ec2.describe_instances, MaxResults=wrong)

    def test_images_that_the_account_cannot_see(self):
        names = ("deregistered", "unshared", "disabled", "disallowed", "good")
        images = {name: self.shared(name) for name in names}
        made = {name: fleet(image_id, account=OTHER)[0] for name, image_id in images.items()}
        self.ec2.deregister_image(ImageId=images["deregistered"])
        self.ec2.reset_image_attribute(ImageId=images["unshared"], Attribute="launchPermission")
        self.ec2.disable_image(ImageId=images["disabled"])
        self.other.replace_image_criteria_in_allowed_images_settings(ImageCriteria=[{"ImageNames": ["good", "unshared"]}])
        self.other.enable_allowed_images_settings(AllowedImagesSettingsState="enabled")
        self.assertEqual([one["Name"] for one in self.other.describe_images()["Images"]], ["good"])
        seen = metadata(self.other)
        self.assertEqual({name: (seen[made[name]]["ImageMetadata"]["State"], seen[made[name]]["ImageMetadata"]["ImageAllowed"])
                          for name in names}, {
            "deregistered": ("deregistered", False), "unshared": ("available", True), "disabled": ("disabled", False),
            "disallowed": ("available", False), "good": ("available", True)})
        for name in names:
            about = seen[made[name]]["ImageMetadata"]
            self.assertEqual((about["ImageId"], about["Name"], about["OwnerId"]), (images[name], name, OWNER))
        self.assertEqual(set(metadata(self.other, **filters(image_allowed="true"))), {made["good"], made["unshared"]})

    def test_filters(self):
        image_id = self.shared("good")
        here, = fleet(image_id, account=OTHER, type="m5.large", zone="us-east-1b", tags={"a": "b"})
        stopped, = fleet(image_id, account=OTHER, state="stopped")
        row = metadata(self.other)[here]
        self.assertEqual((row["OwnerId"], row["AvailabilityZone"], row["State"]), (
            OTHER, "us-east-1b", {"Code": 16, "Name": "running"}))
        launched = row["LaunchTime"].strftime("%Y-%m-%dT*")
        for name, value, wanted in (
                ("instance-id", here, {here}), ("instance-type", "m5.large", {here}), ("zone-id", row["ZoneId"], {here}),
                ("availability-zone", "us-east-1b", {here}), ("instance-state-name", "stopped", {stopped}),
                ("owner-id", OWNER, {here, stopped}), ("launch-time", launched, {here, stopped}), ("tag:a", "b", {here}),
                ("tag-key", "a", {here}), ("owner-alias", "amazon", set())):
            with self.subTest(name):
                self.assertEqual(set(metadata(self.other, **filters(**{name: value}))), wanted)
        self.refused("InvalidParameterValue", self.other.describe_instance_image_metadata, **filters(image_id=image_id))
        self.refused("InvalidInstanceID.NotFound", self.other.describe_instance_image_metadata,
                     InstanceIds=["i-0123456789abcdef0"])


class Policies(Case):
    def declare(self, **more) -> dict:
        return http("POST", "/localaws/allowed-images", {"account": OWNER, "region": "us-east-1", "state": "enabled"} | more)

    def test_settings_are_of_one_account_and_region(self):
        self.ec2.enable_allowed_images_settings(AllowedImagesSettingsState="audit-mode")
        for account, region, state in ((OWNER, "us-east-1", "audit-mode"), (OWNER, "eu-west-1", "disabled"),
                                       (OTHER, "us-east-1", "disabled")):
            seen = client("ec2", region, account).get_allowed_images_settings()
            self.assertEqual((seen["State"], seen["ManagedBy"]), (state, "account"))

    def test_declarative_policy_takes_the_settings_from_the_account(self):
        self.declare(criteria=[{"ImageProviders": [OTHER]}])
        seen = self.ec2.get_allowed_images_settings()
        self.assertEqual((seen["State"], seen["ManagedBy"], seen["ImageCriteria"]),
                         ("enabled", "declarative-policy", [{"ImageProviders": [OTHER]}]))
        for call, given in ((self.ec2.disable_allowed_images_settings, {}),
                            (self.ec2.enable_allowed_images_settings, {"AllowedImagesSettingsState": "enabled"}),
                            (self.ec2.replace_image_criteria_in_allowed_images_settings, {"ImageCriteria": []})):
            self.refused("DeclarativePolicyViolation", call, **given)
        self.declare(state="disabled", managed_by="account")
        self.ec2.enable_allowed_images_settings(AllowedImagesSettingsState="enabled")
