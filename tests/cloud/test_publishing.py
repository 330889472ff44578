"""What images are published with: locks, protection, launch permissions, parameters."""
from datetime import datetime, timedelta, timezone

import harness
from harness import OTHER, Case, client, image, register, share, snapshot

ORGANIZATION = "arn:aws:organizations::123456789012:organization/o-a1b2c3d4e5"
UNIT = "arn:aws:organizations::123456789012:ou/o-a1b2c3d4e5/ou-ab12-c3d4e5f6"


class Locks(Case):
    def lock(self, snapshot_id: str, **given) -> dict:
        return self.ec2.lock_snapshot(**{"SnapshotId": snapshot_id, "LockMode": "governance"} | given)

    def shown(self, *snapshot_ids: str, **more) -> list[dict]:
        return self.ec2.describe_locked_snapshots(SnapshotIds=list(snapshot_ids), **more)["Snapshots"]

    def test_locked_snapshot_is_shown_and_cannot_be_deleted(self):
        locked, free = snapshot({0: b"a"}), snapshot({0: b"b"})
        answer = self.lock(locked, LockDuration=30)
        self.assertEqual((answer["LockState"], answer["LockDuration"]), ("governance", 30))
        self.assertEqual(answer["LockExpiresOn"] - answer["LockDurationStartTime"], timedelta(days=30))
        self.assertEqual([one["SnapshotId"] for one in self.shown(locked, free)], [locked])
        self.assertEqual([one["SnapshotId"] for one in self.ec2.describe_locked_snapshots()["Snapshots"]], [locked])
        self.refused("OperationNotPermitted", self.ec2.delete_snapshot, SnapshotId=locked)
        self.ec2.unlock_snapshot(SnapshotId=locked)
        self.assertEqual(self.shown(locked), [])
        self.ec2.delete_snapshot(SnapshotId=locked)

    def test_governance_lock_can_be_changed_to_anything(self):
        one = snapshot({0: b"a"})
        self.lock(one, LockDuration=30)
        until = (datetime.now(timezone.utc) + timedelta(days=2)).replace(microsecond=0)
        self.assertEqual(self.lock(one, ExpirationDate=until)["LockExpiresOn"], until)
        answer = self.lock(one, LockMode="compliance", LockDuration=5, CoolOffPeriod=1)
        self.assertEqual((answer["LockState"], answer["CoolOffPeriod"]), ("compliance-cooloff", 1))
        self.assertEqual(len(self.shown(one, Filters=[{"Name": "lock-state", "Values": ["compliance-cooloff"]}])), 1)
        self.ec2.unlock_snapshot(SnapshotId=one)

    def test_compliance_lock_only_grows(self):
        one = snapshot({0: b"a"})
        self.lock(one, LockMode="compliance", LockDuration=5)
        self.refused("OperationNotPermitted", self.ec2.unlock_snapshot, SnapshotId=one)
        self.refused("InvalidParameterValue", self.lock, snapshot_id=one, LockDuration=30)
        self.refused("InvalidParameterValue", self.lock, snapshot_id=one, LockMode="compliance", LockDuration=4)
        self.assertEqual(self.lock(one, LockMode="compliance", LockDuration=6)["LockState"], "compliance")

    def test_bad_locks_are_refused(self):
        one = snapshot({0: b"a"})
        for code, given in (
                ("InvalidParameterCombination", {}),
                ("InvalidParameterCombination", {"LockDuration": 1, "ExpirationDate": datetime(2099, 1, 1)}),
                ("InvalidParameterCombination", {"LockDuration": 1, "CoolOffPeriod": 1}),
                ("InvalidParameterValue", {"LockDuration": 36501}),
                ("InvalidParameterValue", {"ExpirationDate": datetime.now(timezone.utc) + timedelta(hours=23)})):
            self.refused(code, self.lock, snapshot_id=one, **given)
        self.refused("InvalidSnapshot.NotFound", self.lock, snapshot_id="snap-0123456789abcdef0", LockDuration=1)
        self.refused("InvalidSnapshot.NotFound", self.ec2.describe_locked_snapshots,
                     SnapshotIds=["snap-0123456789abcdef0"])


class Protection(Case):
    def test_protected_image_cannot_be_deregistered(self):
        image_id = register()
        self.assertEqual(image(image_id)["DeregistrationProtection"], "disabled")
        enabled = self.ec2.enable_image_deregistration_protection(ImageId=image_id)["Return"]
        self.assertEqual((enabled, image(image_id)["DeregistrationProtection"]), ("enabled-without-cooldown",) * 2)
        read = self.ec2.describe_image_attribute(ImageId=image_id, Attribute="deregistrationProtection")
        self.assertEqual(read["DeregistrationProtection"]["Value"], "enabled-without-cooldown")
        self.refused("OperationNotPermitted", self.ec2.deregister_image, ImageId=image_id)
        self.ec2.disable_image_deregistration_protection(ImageId=image_id)
        self.ec2.deregister_image(ImageId=image_id)

    def test_cooldown_outlives_the_protection(self):
        image_id = register()
        self.ec2.enable_image_deregistration_protection(ImageId=image_id, WithCooldown=True)
        self.ec2.disable_image_deregistration_protection(ImageId=image_id)
        self.refused("OperationNotPermitted", self.ec2.deregister_image, ImageId=image_id)

    def test_only_the_owner_protects(self):
        image_id = register()
        share(image_id)
        other = client("ec2", account=OTHER)
        self.refused("AuthFailure", other.enable_image_deregistration_protection, ImageId=image_id)
        self.refused("AuthFailure", other.disable_image_deregistration_protection, ImageId=image_id)


class Permissions(Case):
    def permissions(self, image_id: str) -> list[dict]:
        answer = self.ec2.describe_image_attribute(ImageId=image_id, Attribute="launchPermission")
        return answer["LaunchPermissions"]

    def test_accounts_organizations_and_units(self):
        image_id = register()
        given = [{"UserId": OTHER}, {"OrganizationArn": ORGANIZATION}, {"OrganizationalUnitArn": UNIT}]
        self.ec2.modify_image_attribute(ImageId=image_id, LaunchPermission={"Add": given})
        self.assertEqual(self.permissions(image_id), given)
        self.ec2.modify_image_attribute(ImageId=image_id, LaunchPermission={"Add": given[:1], "Remove": given[1:]})
        self.assertEqual(self.permissions(image_id), given[:1])

    def test_all_members_of_a_list_count(self):
        image_id = register()
        self.ec2.modify_image_attribute(
            ImageId=image_id, Attribute="launchPermission", OperationType="add", UserIds=[OTHER, "333333333333"],
            OrganizationArns=[ORGANIZATION, ORGANIZATION + "x"], OrganizationalUnitArns=[UNIT, UNIT + "x"])
        self.assertEqual(len(self.permissions(image_id)), 6)

    def test_malformed_targets_change_nothing(self):
        image_id = register()
        for bad in ({"UserId": "1"}, {"Group": "some"}, {"OrganizationArn": "o-a1b2c3d4e5"},
                    {"OrganizationalUnitArn": ORGANIZATION}):
            self.refused("InvalidAMIAttributeItemValue", self.ec2.modify_image_attribute, ImageId=image_id,
                         LaunchPermission={"Add": [{"UserId": OTHER}, bad]})
        self.assertEqual(self.permissions(image_id), [])


class Parameters(Case):
    def setUp(self):
        super().setUp()
        self.ssm = client("ssm")

    def put(self, value: str, **more) -> dict:
        given = {"Name": "/golden", "Type": "String", "DataType": "aws:ec2:image", "Value": value}
        return self.ssm.put_parameter(**given | more)

    def value(self) -> str | None:
        found = self.ssm.get_parameters(Names=["/golden"])["Parameters"]
        return found[0]["Value"] if found else None

    def test_image_is_taken_after_the_answer(self):
        first, second = register(name="first"), register(name="second")
        self.assertEqual(self.put(first)["Version"], 1)
        self.assertEqual([self.value(), self.value()], [None, first])
        self.assertEqual(self.put(second, Overwrite=True)["Version"], 2)
        self.assertEqual([self.value(), self.value()], [first, second])
        parameter = self.ssm.get_parameter(Name="/golden")["Parameter"]
        self.assertEqual((parameter["DataType"], parameter["Type"], parameter["Version"]), ("aws:ec2:image", "String", 2))
        self.refused("ParameterAlreadyExists", self.put, value=first)

    def test_what_is_no_available_image_is_answered_well_and_never_taken(self):
        gone, disabled = register(name="gone"), register(name="disabled")
        self.ec2.deregister_image(ImageId=gone)
        self.ec2.disable_image(ImageId=disabled)
        private = register(name="private", ec2=client("ec2", account=OTHER),
                           snapshot_id=snapshot({0: b"p"}, ebs=client("ebs", account=OTHER)))
        for value in ("ami-0123456789abcdef0", "golden", gone, disabled, private):
            self.put(value)
            self.assertEqual([self.value(), self.value()], [None, None], value)

    def test_shared_image_is_available(self):
        foreign = register(name="foreign")
        share(foreign)
        ssm = client("ssm", account=OTHER)
        ssm.put_parameter(Name="shared", Type="String", DataType="aws:ec2:image", Value=foreign)
        ssm.get_parameters(Names=["shared"])
        self.assertEqual(ssm.get_parameter(Name="shared")["Parameter"]["Value"], foreign)

    def test_data_type_cannot_be_changed(self):
        image_id = register()
        self.ssm.put_parameter(Name="/golden", Type="String", Value=image_id)
        self.refused("ValidationException", self.put, value=image_id, Overwrite=True)
        self.refused("ValidationException", self.put, value=image_id, Name="/secret", Type="SecureString")
        self.put(image_id, Name="/image")
        self.ssm.get_parameters(Names=["/image"])
        self.refused("ValidationException", self.ssm.put_parameter, Name="/image", Value="text", Overwrite=True)

    def test_calls_are_logged_by_parameter(self):
        self.ssm.get_parameters(Names=["/golden", "/other"])
        logged = harness.http("GET", "/localaws/calls?service=ssm")
        self.assertEqual([(one["action"], one["resource"]) for one in logged], [("GetParameters", "/golden,/other")])
