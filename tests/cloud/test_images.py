"""EC2 images in one account."""
import harness
from harness import BLOCK, Case, block, client, content, image, register, snapshot, tags


class Images(Case):
    def test_register_image_keeps_what_it_was_given(self):
        root, data = snapshot({0: b"root"}), snapshot({1: b"data"}, size=2)
        image_id = self.ec2.register_image(
            Name="goldseal-test", Description="a test", Architecture="arm64", RootDeviceName="/dev/xvda",
            VirtualizationType="hvm", BootMode="uefi", TpmSupport="v2.0", ImdsSupport="v2.0", EnaSupport=True,
            SriovNetSupport="simple",
            BlockDeviceMappings=[
                {"DeviceName": "/dev/xvda", "Ebs": {"SnapshotId": root, "VolumeSize": 10, "VolumeType": "io2",
                                                    "Iops": 500, "DeleteOnTermination": False}},
                {"DeviceName": "/dev/sdb", "Ebs": {"SnapshotId": data, "VolumeType": "gp3", "Throughput": 250}},
                {"DeviceName": "/dev/sdc", "Ebs": {"VolumeSize": 4, "Encrypted": True}},
                {"DeviceName": "/dev/sdd", "VirtualName": "ephemeral0"}],
            TagSpecifications=[{"ResourceType": "image", "Tags": [{"Key": "k", "Value": "v"}]}])["ImageId"]
        seen = image(image_id)
        for name, value in {"Name": "goldseal-test", "Description": "a test", "Architecture": "arm64",
                            "RootDeviceName": "/dev/xvda", "RootDeviceType": "ebs", "VirtualizationType": "hvm",
                            "BootMode": "uefi", "TpmSupport": "v2.0", "ImdsSupport": "v2.0", "EnaSupport": True,
                            "SriovNetSupport": "simple", "OwnerId": harness.OWNER, "State": "available",
                            "Public": False, "ImageType": "machine",
                            "ImageLocation": f"{harness.OWNER}/goldseal-test"}.items():
            self.assertEqual(seen[name], value, name)
        self.assertNotIn("ImageOwnerAlias", seen)
        self.assertNotIn("SourceImageId", seen)
        self.assertRegex(seen["CreationDate"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.000Z$")
        self.assertEqual(tags(seen), {"k": "v"})
        disks = {one["DeviceName"]: one for one in seen["BlockDeviceMappings"]}
        self.assertEqual(disks["/dev/xvda"]["Ebs"], {
            "SnapshotId": root, "VolumeSize": 10, "VolumeType": "io2", "Iops": 500, "DeleteOnTermination": False,
            "Encrypted": False})
        self.assertEqual((disks["/dev/sdb"]["Ebs"]["VolumeSize"], disks["/dev/sdb"]["Ebs"]["Throughput"]), (2, 250))
        self.assertEqual((disks["/dev/sdc"]["Ebs"]["Encrypted"], disks["/dev/sdc"]["Ebs"].get("SnapshotId")), (True, None))
        self.assertEqual(disks["/dev/sdd"], {"DeviceName": "/dev/sdd", "VirtualName": "ephemeral0"})

    def test_optional_facts_are_absent_when_not_given(self):
        seen = image(register())
        for name in ("BootMode", "TpmSupport", "ImdsSupport", "EnaSupport", "SriovNetSupport", "ImageAllowed"):
            self.assertNotIn(name, seen)

    def test_snapshots_of_an_image_must_exist_and_cannot_be_deleted(self):
        self.refused("InvalidSnapshot.NotFound", register, snapshot_id="snap-0123456789abcdef0")
        used = snapshot({0: b"x"})
        register(used)
        self.assertEqual(self.ec2.describe_snapshots(SnapshotIds=[used])["Snapshots"][0]["State"], "completed")
        self.refused("InvalidSnapshot.InUse", self.ec2.delete_snapshot, SnapshotId=used)

    def test_pending_snapshot_cannot_be_registered(self):
        pending = self.ebs.start_snapshot(VolumeSize=1)["SnapshotId"]
        self.assertEqual(self.ec2.describe_snapshots(SnapshotIds=[pending])["Snapshots"][0]["State"], "pending")
        self.refused("IncorrectState", register, snapshot_id=pending)

    def test_describe_images_by_id(self):
        image_id = register()
        self.refused("InvalidAMIID.NotFound", self.ec2.describe_images, ImageIds=["ami-0123456789abcdef0"])
        self.refused("InvalidAMIID.NotFound", self.ec2.describe_images, ImageIds=[image_id, "ami-0123456789abcdef0"])
        for malformed in ("ami-xyz", "ami-0123", "i-0123456789abcdef0"):
            self.refused("InvalidAMIID.Malformed", self.ec2.describe_images, ImageIds=[malformed])

    def test_own_deregistered_image_is_an_empty_list(self):
        image_id = register()
        self.ec2.deregister_image(ImageId=image_id)
        self.assertEqual(self.ec2.describe_images(ImageIds=[image_id])["Images"], [])

    def test_describe_images_pages(self):
        used = snapshot({0: b"x"})
        ids = {register(used, name=f"image-{n}") for n in range(7)}
        pages = list(self.ec2.get_paginator("describe_images").paginate(Owners=["self"], PaginationConfig={"PageSize": 3}))
        self.assertEqual([len(page["Images"]) for page in pages], [3, 3, 1])
        self.assertEqual({one["ImageId"] for page in pages for one in page["Images"]}, ids)
        self.refused("InvalidNextToken", self.ec2.describe_images, NextToken="bogus")

    def test_filters(self):
        first, second = snapshot({0: b"x"}), snapshot({0: b"y"})
        one, two = register(first, name="alpha-1"), register(second, name="beta-1")
        self.ec2.create_tags(Resources=[two], Tags=[{"Key": "stage", "Value": "gold"}])

        def found(name, *values, **more):
            answer = self.ec2.describe_images(Filters=[{"Name": name, "Values": list(values)}], **more)
            return [seen["ImageId"] for seen in answer["Images"]]

        self.assertEqual(found("block-device-mapping.snapshot-id", first), [one])
        self.assertEqual(found("name", "alpha-*"), [one])
        self.assertEqual(found("tag:stage", "gold"), [two])
        self.assertEqual(found("source-image-id", one), [])
        self.assertEqual(found("name", "beta-*", ImageIds=[one]), [])
        self.refused("InvalidParameterValue", self.ec2.describe_images, Filters=[{"Name": "nonsense", "Values": ["x"]}])

    def test_copy_image_to_another_region(self):
        source = register(snapshot({0: b"a", 7: b"b"}), BootMode="uefi", EnaSupport=True)
        self.ec2.create_tags(Resources=[source], Tags=[{"Key": "k", "Value": "v"}])
        west, west_ebs = client("ec2", "us-west-2"), client("ebs", "us-west-2")
        plain = west.copy_image(Name="copy-1", SourceImageId=source, SourceRegion="us-east-1")["ImageId"]
        tagged = west.copy_image(Name="copy-2", SourceImageId=source, SourceRegion="us-east-1", CopyImageTags=True)["ImageId"]
        seen = image(plain, west)
        self.assertEqual((seen["SourceImageId"], seen["SourceImageRegion"]), (source, "us-east-1"))
        self.assertEqual((seen["Architecture"], seen["BootMode"], seen["EnaSupport"]), ("x86_64", "uefi", True))
        self.assertEqual((tags(seen), tags(image(tagged, west))), ({}, {"k": "v"}))
        copied = seen["BlockDeviceMappings"][0]["Ebs"]["SnapshotId"]
        self.assertNotEqual(copied, image(source)["BlockDeviceMappings"][0]["Ebs"]["SnapshotId"])
        self.assertEqual(content(copied, west_ebs), {0: block(b"a"), 7: block(b"b")})
        self.refused("InvalidAMIID.NotFound", self.ec2.describe_images, ImageIds=[plain])

    def test_image_ancestry(self):
        first = register()
        second = self.ec2.copy_image(Name="copy", SourceImageId=first, SourceRegion="us-east-1")["ImageId"]
        entries = self.ec2.get_image_ancestry(ImageId=second)["ImageAncestryEntries"]
        self.assertEqual([one["ImageId"] for one in entries], [second, first])

    def test_create_tags_limits(self):
        image_id = register()
        longest = {"Key": "k" * 128, "Value": "v" * 256}
        self.ec2.create_tags(Resources=[image_id], Tags=[longest])
        self.assertEqual(tags(image(image_id)), {longest["Key"]: longest["Value"]})
        for key, value in (("k", "v" * 257), ("k" * 129, "v"), ("aws:k", "v"), ("AWS:k", "v")):
            self.refused("InvalidParameterValue", self.ec2.create_tags, Resources=[image_id], Tags=[{"Key": key, "Value": value}])
        self.refused("InvalidParameterValue", register, name="other", TagSpecifications=[
            {"ResourceType": "image", "Tags": [{"Key": "k", "Value": "v" * 257}]}])
        self.refused("TagLimitExceeded", self.ec2.create_tags, Resources=[image_id],
                     Tags=[{"Key": f"k{n}", "Value": "v"} for n in range(50)])

    def test_names_are_unique(self):
        register(name="same")
        self.refused("InvalidAMIName.Duplicate", register, name="same")

    def test_disabled_image_is_hidden_and_loses_its_permissions(self):
        image_id = register()
        harness.share(image_id)
        self.ec2.disable_image(ImageId=image_id)
        self.assertEqual(self.ec2.describe_images(Owners=["self"])["Images"], [])
        self.assertEqual(self.ec2.describe_images(Owners=["self"], IncludeDisabled=True)["Images"][0]["State"], "disabled")
        self.refused("InvalidAMIID.Unavailable", self.ec2.run_instances, ImageId=image_id, MinCount=1, MaxCount=1)
        self.ec2.enable_image(ImageId=image_id)
        permissions = self.ec2.describe_image_attribute(ImageId=image_id, Attribute="launchPermission")
        self.assertEqual(permissions["LaunchPermissions"], [])

    def test_image_attributes_can_be_changed_and_read(self):
        image_id = register(UefiData="AAAA", BootMode="uefi")
        self.ec2.modify_image_attribute(ImageId=image_id, Description={"Value": "new"})
        self.ec2.modify_image_attribute(ImageId=image_id, ImdsSupport={"Value": "v2.0"})
        self.assertEqual((image(image_id)["Description"], image(image_id)["ImdsSupport"]), ("new", "v2.0"))
        read = self.ec2.describe_image_attribute(ImageId=image_id, Attribute="uefiData")
        self.assertEqual(read["UefiData"]["Value"], "AAAA")

    def test_instance_disks_come_from_the_image_and_create_image_copies_them(self):
        root = snapshot({3: b"z"})
        image_id = register(root)
        instance = self.ec2.run_instances(ImageId=image_id, MinCount=1, MaxCount=1)["Instances"][0]["InstanceId"]
        volume = self.ec2.describe_volumes(Filters=[{"Name": "attachment.instance-id", "Values": [instance]}])["Volumes"]
        self.assertEqual([(one["SnapshotId"], one["Attachments"][0]["Device"]) for one in volume], [(root, "/dev/xvda")])
        made = image(self.ec2.create_image(InstanceId=instance, Name="made")["ImageId"])
        self.assertEqual((made["SourceInstanceId"], made["SourceImageId"]), (instance, image_id))
        self.assertEqual(content(made["BlockDeviceMappings"][0]["Ebs"]["SnapshotId"]), {3: block(b"z")})

    def test_unknown_image_cannot_be_launched(self):
        self.refused("InvalidAMIID.NotFound", self.ec2.run_instances, ImageId="ami-0123456789abcdef0", MinCount=1, MaxCount=1)

    def test_no_images_but_those_registered(self):
        self.assertEqual(self.ec2.describe_images()["Images"], [])
        self.assertEqual(self.ec2.describe_snapshots()["Snapshots"], [])
        self.assertEqual(BLOCK, 524288)
