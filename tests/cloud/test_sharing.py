"""Images across accounts, and Allowed AMIs."""
from harness import OTHER, OWNER, Case, block, client, content, image, register, share, snapshot, tags


class Sharing(Case):
    def setUp(self):
        super().setUp()
        self.other = client("ec2", account=OTHER)

    def test_image_is_seen_once_shared_and_launched(self):
        image_id = register()
        self.refused("InvalidAMIID.NotFound", self.other.describe_images, ImageIds=[image_id])
        self.refused("InvalidAMIID.NotFound", self.other.run_instances, ImageId=image_id, MinCount=1, MaxCount=1)
        share(image_id)
        self.assertEqual(image(image_id, self.other)["OwnerId"], OWNER)
        self.assertEqual(len(self.other.run_instances(ImageId=image_id, MinCount=1, MaxCount=1)["Instances"]), 1)
        listed = self.other.describe_images(ExecutableUsers=["self"])["Images"]
        self.assertEqual([one["ImageId"] for one in listed], [image_id])
        self.assertEqual(self.other.describe_images(Owners=["self"])["Images"], [])

    def test_public_image_is_seen_by_all(self):
        image_id = register()
        self.ec2.modify_image_attribute(ImageId=image_id, LaunchPermission={"Add": [{"Group": "all"}]})
        self.assertTrue(image(image_id, self.other)["Public"])

    def test_owners_tags_are_invisible_except_shared_ones(self):
        image_id = register()
        self.ec2.create_tags(Resources=[image_id], Tags=[
            {"Key": "private", "Value": "1"}, {"Key": "ec2:SharedTag/goldseal", "Value": "2"}])
        share(image_id)
        self.assertEqual(tags(image(image_id, self.other)), {"ec2:SharedTag/goldseal": "2"})
        hidden = self.other.describe_images(Filters=[{"Name": "tag:private", "Values": ["1"]}])
        self.assertEqual(hidden["Images"], [])

    def test_consumers_tags_are_its_own_and_never_shared_ones(self):
        image_id = register()
        share(image_id)
        self.other.create_tags(Resources=[image_id], Tags=[{"Key": "mine", "Value": "1"}])
        self.assertEqual((tags(image(image_id, self.other)), tags(image(image_id))), ({"mine": "1"}, {}))
        self.refused("AuthFailure", self.other.create_tags, Resources=[image_id],
                     Tags=[{"Key": "ec2:SharedTag/x", "Value": "1"}])

    def test_only_the_owner_changes_an_image(self):
        image_id = register()
        share(image_id)
        self.refused("AuthFailure", self.other.deregister_image, ImageId=image_id)
        self.refused("AuthFailure", self.other.modify_image_attribute, ImageId=image_id,
                     LaunchPermission={"Add": [{"Group": "all"}]})

    def test_copy_of_a_shared_image_needs_its_snapshots_and_takes_shared_tags(self):
        root = snapshot({2: b"q"})
        image_id = register(root)
        self.ec2.create_tags(Resources=[image_id], Tags=[
            {"Key": "private", "Value": "1"}, {"Key": "ec2:SharedTag/s", "Value": "2"}])
        share(image_id)
        arguments = {"Name": "copy", "SourceImageId": image_id, "SourceRegion": "us-east-1", "CopyImageTags": True}
        self.refused("InvalidRequest", self.other.copy_image, **arguments)
        self.ec2.modify_snapshot_attribute(SnapshotId=root, Attribute="createVolumePermission",
                                           OperationType="add", UserIds=[OTHER])
        copy = image(self.other.copy_image(**arguments)["ImageId"], self.other)
        self.assertEqual((copy["OwnerId"], tags(copy)), (OTHER, {"ec2:SharedTag/s": "2"}))
        copied = copy["BlockDeviceMappings"][0]["Ebs"]["SnapshotId"]
        self.assertEqual(content(copied, client("ebs", account=OTHER)), {2: block(b"q")})


class AllowedImages(Case):
    def setUp(self):
        super().setUp()
        self.other = client("ec2", account=OTHER)
        self.image_id = register(name="golden-1")
        share(self.image_id)

    def criteria(self, *criteria):
        self.other.replace_image_criteria_in_allowed_images_settings(ImageCriteria=list(criteria))

    def test_settings_are_kept(self):
        self.assertEqual(self.other.get_allowed_images_settings()["State"], "disabled")
        self.other.enable_allowed_images_settings(AllowedImagesSettingsState="audit-mode")
        self.criteria({"ImageProviders": [OWNER], "ImageNames": ["golden-*"]})
        settings = self.other.get_allowed_images_settings()
        self.assertEqual((settings["State"], settings["ManagedBy"]), ("audit-mode", "account"))
        self.assertEqual(settings["ImageCriteria"], [{"ImageProviders": [OWNER], "ImageNames": ["golden-*"]}])
        self.other.disable_allowed_images_settings()
        self.assertEqual(self.other.get_allowed_images_settings()["State"], "disabled")

    def test_disallowed_image_vanishes_when_enabled(self):
        self.criteria({"ImageProviders": ["333333333333"]})
        self.other.enable_allowed_images_settings(AllowedImagesSettingsState="audit-mode")
        self.assertIs(image(self.image_id, self.other)["ImageAllowed"], False)
        self.other.enable_allowed_images_settings(AllowedImagesSettingsState="enabled")
        self.refused("InvalidAMIID.NotFound", self.other.describe_images, ImageIds=[self.image_id])
        self.assertEqual(self.other.describe_images()["Images"], [])
        self.refused("InvalidAMIID.NotFound", self.other.run_instances, ImageId=self.image_id, MinCount=1, MaxCount=1)
        self.criteria({"ImageProviders": ["333333333333"]}, {"ImageProviders": [OWNER], "ImageNames": ["golden-?"]})
        self.assertIs(image(self.image_id, self.other)["ImageAllowed"], True)

    def test_own_images_are_never_restricted(self):
        own = client("ec2")
        own.replace_image_criteria_in_allowed_images_settings(ImageCriteria=[{"ImageProviders": ["none"]}])
        own.enable_allowed_images_settings(AllowedImagesSettingsState="enabled")
        self.assertIs(image(self.image_id)["ImageAllowed"], True)

    def test_instance_image_metadata_survives_what_hides_the_image(self):
        instance = self.other.run_instances(ImageId=self.image_id, MinCount=1, MaxCount=1)["Instances"][0]["InstanceId"]

        def row():
            rows = self.other.describe_instance_image_metadata(InstanceIds=[instance])["InstanceImageMetadata"]
            return rows[0]["ImageMetadata"]

        self.assertEqual((row()["ImageId"], row()["OwnerId"], row()["Name"], row()["ImageAllowed"]),
                         (self.image_id, OWNER, "golden-1", True))
        self.criteria({"ImageProviders": ["none"]})
        self.other.enable_allowed_images_settings(AllowedImagesSettingsState="enabled")
        self.assertIs(row()["ImageAllowed"], False)
        self.ec2.reset_image_attribute(ImageId=self.image_id, Attribute="launchPermission")
        self.assertEqual(row()["State"], "available")
        self.ec2.deregister_image(ImageId=self.image_id)
        self.assertEqual((row()["State"], row()["OwnerId"]), ("deregistered", OWNER))

    def test_instance_image_metadata_pages_and_filters(self):
        for _ in range(3):
            self.other.run_instances(ImageId=self.image_id, MinCount=1, MaxCount=1)
        first = self.other.describe_instance_image_metadata(MaxResults=5)
        self.assertEqual(len(first["InstanceImageMetadata"]), 3)
        none = self.other.describe_instance_image_metadata(Filters=[{"Name": "image-allowed", "Values": ["false"]}])
        self.assertEqual(none["InstanceImageMetadata"], [])
