"""Root volumes that are no longer those an instance was launched with."""
from harness import OTHER, Case, client, register, share, snapshot


class Roots(Case):
    def setUp(self) -> None:
        super().setUp()
        self.disk, self.new_disk = snapshot({0: b"old"}), snapshot({0: b"new"})
        self.image, self.new = register(self.disk, name="old"), register(self.new_disk, name="new")
        self.instance = self.launch()

    def launch(self) -> str:
        return self.ec2.run_instances(ImageId=self.image, MinCount=1, MaxCount=1)["Instances"][0]["InstanceId"]

    def described(self, instance: str | None = None) -> dict:
        found = self.ec2.describe_instances(InstanceIds=[instance or self.instance])
        return found["Reservations"][0]["Instances"][0]

    def root(self) -> dict:
        """The volume behind the root device, as both calls must agree."""
        mapped = self.described()["BlockDeviceMappings"][0]
        volume, = self.ec2.describe_volumes(Filters=[{"Name": "attachment.instance-id", "Values": [self.instance]}])["Volumes"]
        self.assertEqual((mapped["DeviceName"], mapped["Ebs"]["VolumeId"]), ("/dev/xvda", volume["VolumeId"]))
        return volume

    def start(self, **more) -> dict:
        return self.ec2.create_replace_root_volume_task(InstanceId=self.instance, **more)["ReplaceRootVolumeTask"]

    def task(self, task: dict) -> dict:
        return self.ec2.describe_replace_root_volume_tasks(
            ReplaceRootVolumeTaskIds=[task["ReplaceRootVolumeTaskId"]])["ReplaceRootVolumeTasks"][0]

    def ended(self, task: dict, state: str = "succeeded") -> dict:
        passed = []

        def over():
            passed.append(self.task(task)["TaskState"])
            return passed[-1] not in ("pending", "in-progress")

        self.until(over)
        self.assertEqual(passed[-1], state)
        return self.task(task)


class Replacing(Roots):
    def test_an_image_brings_its_id_and_its_snapshot(self):
        before = self.root()
        task = self.start(ImageId=self.new, TagSpecifications=[
            {"ResourceType": "replace-root-volume-task", "Tags": [{"Key": "a", "Value": "b"}]}])
        self.assertEqual((task["TaskState"], self.described()["ImageId"]), ("pending", self.image))
        after = self.ended(task)
        self.assertEqual((after["ImageId"], after["Tags"], after["InstanceId"]),
                         (self.new, [{"Key": "a", "Value": "b"}], self.instance))
        self.assertLessEqual(after["StartTime"], after["CompleteTime"])
        self.assertEqual((self.described()["ImageId"], self.root()["SnapshotId"]), (self.new, self.new_disk))
        kept = self.ec2.describe_volumes(VolumeIds=[before["VolumeId"]])["Volumes"][0]
        self.assertEqual((kept["State"], kept["SnapshotId"]), ("available", self.disk))

    def test_replaced_volume_can_be_deleted(self):
        before = self.root()["VolumeId"]
        self.ended(self.start(ImageId=self.new, DeleteReplacedRootVolume=True))
        self.refused("InvalidVolume.NotFound", self.ec2.describe_volumes, VolumeIds=[before])

    def test_a_snapshot_of_the_root_leaves_the_image_as_it_was(self):
        taken = self.ec2.create_snapshot(VolumeId=self.root()["VolumeId"])["SnapshotId"]
        done = self.ended(self.start(SnapshotId=taken))
        self.assertEqual((done["SnapshotId"], done.get("ImageId")), (taken, None))
        self.assertEqual((self.described()["ImageId"], self.root()["SnapshotId"]), (self.image, taken))

    def test_the_launch_state_is_the_launched_images_even_without_the_image(self):
        taken = self.ec2.create_snapshot(VolumeId=self.root()["VolumeId"])["SnapshotId"]
        self.ended(self.start(SnapshotId=taken))
        self.ec2.deregister_image(ImageId=self.image)
        before = self.root()["VolumeId"]
        self.ended(self.start())
        self.assertEqual((self.described()["ImageId"], self.root()["SnapshotId"]), (self.image, self.disk))
        self.assertNotEqual(self.root()["VolumeId"], before)

    def test_a_volume_can_take_the_roots_place(self):
        volume = self.ec2.create_volume(SnapshotId=self.new_disk, AvailabilityZone="us-east-1a")["VolumeId"]
        self.ended(self.start(VolumeId=volume))
        self.assertEqual((self.described()["ImageId"], self.root()["VolumeId"]), (self.image, volume))

    def test_what_cannot_replace_a_root_is_refused(self):
        elsewhere = self.ec2.create_volume(Size=1, AvailabilityZone="us-east-1b")["VolumeId"]
        for code, given in (("InvalidParameterCombination", {"ImageId": self.new, "SnapshotId": self.disk}),
                            ("InvalidParameterValue", {"SnapshotId": self.new_disk}),
                            ("InvalidSnapshot.NotFound", {"SnapshotId": "snap-0123456789abcdef0"}),
                            ("InvalidAMIID.NotFound", {"ImageId": "ami-0123456789abcdef0"}),
                            ("InvalidParameterValue", {"ImageId": register(self.disk, name="arm", Architecture="arm64")}),
                            ("InvalidVolume.ZoneMismatch", {"VolumeId": elsewhere}),
                            ("VolumeInUse", {"VolumeId": self.root()["VolumeId"]}),
                            ("InvalidInstanceID.NotFound", {"InstanceId": "i-0123456789abcdef0"})):
            with self.subTest(code, **given):
                self.refused(code, self.ec2.create_replace_root_volume_task, **{"InstanceId": self.instance} | given)
        self.assertEqual(self.root()["SnapshotId"], self.disk)
        self.ec2.stop_instances(InstanceIds=[self.instance])
        self.refused("IncorrectInstanceState", self.ec2.create_replace_root_volume_task, InstanceId=self.instance)

    def test_one_at_a_time_and_one_for_each_token(self):
        task = self.start(ClientToken="one")
        self.assertEqual(self.start(ClientToken="one")["ReplaceRootVolumeTaskId"], task["ReplaceRootVolumeTaskId"])
        self.refused("IncorrectState", self.ec2.create_replace_root_volume_task, InstanceId=self.instance)
        self.ended(task)

    def test_instance_that_stops_meanwhile_keeps_its_root(self):
        before = self.root()["VolumeId"]
        task = self.start(ImageId=self.new)
        self.ec2.stop_instances(InstanceIds=[self.instance])
        self.ended(task, "failed")
        self.assertEqual((self.described()["ImageId"], self.root()["VolumeId"]), (self.image, before))

    def test_tasks_have_pages_and_a_filter(self):
        others = [self.launch() for _ in range(51)]
        for one in others:
            self.ec2.create_replace_root_volume_task(InstanceId=one)
        task = self.start()
        describe = self.ec2.describe_replace_root_volume_tasks
        pages = self.ec2.get_paginator("describe_replace_root_volume_tasks").paginate()
        self.assertEqual([len(page["ReplaceRootVolumeTasks"]) for page in pages], [50, 2])
        mine = describe(Filters=[{"Name": "instance-id", "Values": [self.instance]}])["ReplaceRootVolumeTasks"]
        self.assertEqual([one["ReplaceRootVolumeTaskId"] for one in mine], [task["ReplaceRootVolumeTaskId"]])
        self.refused("InvalidParameterValue", describe, MaxResults=51)
        self.refused("InvalidParameterValue", describe, Filters=[{"Name": "image-id", "Values": ["x"]}])
        self.refused("InvalidReplaceRootVolumeTaskId.NotFound", describe, ReplaceRootVolumeTaskIds=["replacevol-1"])
        self.assertEqual(client("ec2", account=OTHER).describe_replace_root_volume_tasks()["ReplaceRootVolumeTasks"], [])

    def test_a_shared_image_replaces_a_root(self):
        other = client("ec2", account=OTHER)
        share(self.image)
        share(self.new)
        instance = other.run_instances(ImageId=self.image, MinCount=1, MaxCount=1)["Instances"][0]["InstanceId"]
        other.create_replace_root_volume_task(InstanceId=instance, ImageId=self.new)
        self.until(lambda: other.describe_instances()["Reservations"][0]["Instances"][0]["ImageId"] == self.new)
        self.assertIn(self.new_disk, [one["SnapshotId"] for one in other.describe_volumes()["Volumes"]])


class Exchanging(Roots):
    def test_another_root_on_a_stopped_instance(self):
        before = self.root()["VolumeId"]
        self.refused("OperationNotPermitted", self.ec2.detach_volume, VolumeId=before)
        self.ec2.stop_instances(InstanceIds=[self.instance])
        self.ec2.detach_volume(VolumeId=before)
        self.refused("IncorrectState", self.ec2.start_instances, InstanceIds=[self.instance])
        other = self.ec2.create_volume(SnapshotId=self.new_disk, AvailabilityZone="us-east-1a")["VolumeId"]
        self.ec2.attach_volume(VolumeId=other, InstanceId=self.instance, Device="/dev/xvda")
        self.ec2.start_instances(InstanceIds=[self.instance])
        seen = self.described()
        self.assertEqual((seen["ImageId"], seen["State"]["Name"]), (self.image, "running"))
        self.assertEqual((self.root()["VolumeId"], self.root()["SnapshotId"]), (other, self.new_disk))
        self.assertEqual(self.ec2.describe_replace_root_volume_tasks()["ReplaceRootVolumeTasks"], [])

    def test_attaching_needs_a_free_volume_a_free_device_and_the_same_zone(self):
        attach, root = self.ec2.attach_volume, self.root()["VolumeId"]
        free, far = (self.ec2.create_volume(Size=1, AvailabilityZone=f"us-east-1{zone}")["VolumeId"] for zone in "ab")
        where = {"InstanceId": self.instance, "Device": "/dev/sdf"}
        self.refused("VolumeInUse", attach, VolumeId=root, **where)
        self.refused("InvalidVolume.ZoneMismatch", attach, VolumeId=far, **where)
        self.refused("InvalidParameterValue", attach, VolumeId=free, **where | {"Device": "/dev/xvda"})
        attach(VolumeId=free, **where)
        self.ec2.detach_volume(VolumeId=free)  # not the root, and so also from a running instance
        self.assertEqual(len(self.described()["BlockDeviceMappings"]), 1)
        self.refused("IncorrectState", self.ec2.detach_volume, VolumeId=free)
