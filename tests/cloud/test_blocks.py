"""EBS direct."""
import base64

from harness import BLOCK, OTHER, Case, block, checksum, client, content, put, register, image, snapshot


class Blocks(Case):
    def test_blocks_round_trip_with_checksums(self):
        started = self.ebs.start_snapshot(VolumeSize=1)
        self.assertEqual((started["BlockSize"], started["Status"]), (BLOCK, "pending"))
        put(self.ebs, started["SnapshotId"], 5, b"five")
        aggregate = checksum(base64.b64decode(checksum(block(b"five"))))
        done = self.ebs.complete_snapshot(SnapshotId=started["SnapshotId"], ChangedBlocksCount=1, Checksum=aggregate,
                                          ChecksumAlgorithm="SHA256", ChecksumAggregationMethod="LINEAR")
        self.assertEqual(done["Status"], "completed")
        listed = self.ebs.list_snapshot_blocks(SnapshotId=started["SnapshotId"])
        self.assertEqual((listed["BlockSize"], listed["VolumeSize"], len(listed["Blocks"])), (BLOCK, 1, 1))
        got = self.ebs.get_snapshot_block(SnapshotId=started["SnapshotId"], **listed["Blocks"][0])
        self.assertEqual((got["Checksum"], got["ChecksumAlgorithm"], got["DataLength"]),
                         (checksum(block(b"five")), "SHA256", BLOCK))
        self.assertEqual(got["BlockData"].read(), block(b"five"))

    def test_wrong_checksum_is_refused(self):
        started = self.ebs.start_snapshot(VolumeSize=1)["SnapshotId"]
        wrong = {"SnapshotId": started, "BlockIndex": 0, "BlockData": block(b"a"), "DataLength": BLOCK,
                 "ChecksumAlgorithm": "SHA256"}
        self.refused("ValidationException", self.ebs.put_snapshot_block, 400, Checksum=checksum(b"other"), **wrong)
        short = wrong | {"BlockData": b"short", "DataLength": 5}
        self.refused("ValidationException", self.ebs.put_snapshot_block, 400, Checksum=checksum(b"short"), **short)
        beyond = wrong | {"BlockIndex": 2048}
        self.refused("ValidationException", self.ebs.put_snapshot_block, 400, Checksum=checksum(block(b"a")), **beyond)

    def test_wrong_completion_is_refused(self):
        started = self.ebs.start_snapshot(VolumeSize=1)["SnapshotId"]
        put(self.ebs, started, 0, b"a")
        self.refused("ValidationException", self.ebs.complete_snapshot, SnapshotId=started, ChangedBlocksCount=2)
        self.refused("ValidationException", self.ebs.complete_snapshot, SnapshotId=started, ChangedBlocksCount=1,
                     Checksum=checksum(b"wrong"), ChecksumAlgorithm="SHA256", ChecksumAggregationMethod="LINEAR")
        self.refused("ValidationException", self.ebs.list_snapshot_blocks, SnapshotId=started)
        self.ebs.complete_snapshot(SnapshotId=started, ChangedBlocksCount=1)
        self.refused("ValidationException", put, ebs=self.ebs, snapshot_id=started, index=1, pattern=b"late")

    def test_block_tokens_are_checked(self):
        one, two = snapshot({0: b"a", 1: b"b"}), snapshot({0: b"a"})
        first, second = self.ebs.list_snapshot_blocks(SnapshotId=one)["Blocks"]
        foreign = self.ebs.list_snapshot_blocks(SnapshotId=two)["Blocks"][0]["BlockToken"]
        for token in (second["BlockToken"], foreign, "bogus"):
            error = self.refused("ValidationException", self.ebs.get_snapshot_block, 400, SnapshotId=one, BlockIndex=0,
                                 BlockToken=token)
            self.assertEqual(error["Reason"], "INVALID_BLOCK_TOKEN")
        self.ebs.get_snapshot_block(SnapshotId=one, **first)

    def test_listing_pages_and_may_give_an_empty_page(self):
        dense = snapshot({n: b"x" for n in range(105)})
        page = self.ebs.list_snapshot_blocks(SnapshotId=dense, MaxResults=100)
        rest = self.ebs.list_snapshot_blocks(SnapshotId=dense, MaxResults=100, NextToken=page["NextToken"])
        self.assertEqual([one["BlockIndex"] for one in page["Blocks"] + rest["Blocks"]], list(range(105)))
        self.assertNotIn("NextToken", rest)
        self.refused("ValidationException", self.ebs.list_snapshot_blocks, SnapshotId=dense, NextToken="100.bogus")
        sparse, sizes, token = snapshot({0: b"x", 25_000: b"y"}, size=16), [], {}
        while True:
            page = self.ebs.list_snapshot_blocks(SnapshotId=sparse, **token)
            sizes.append(len(page["Blocks"]))
            if not page.get("NextToken"):
                break
            token = {"NextToken": page["NextToken"]}
        self.assertEqual(sizes, [1, 0, 1])

    def test_page_size_limits(self):
        # botocore checks the range itself, so the request goes around it.
        loose = client("ebs", parameter_validation=False)
        used = snapshot({0: b"x"})
        for size in (99, 10_001):
            self.refused("ValidationException", loose.list_snapshot_blocks, 400, SnapshotId=used, MaxResults=size)

    def test_unknown_snapshot_is_404(self):
        unknown = "snap-0123456789abcdef0"
        self.refused("ResourceNotFoundException", self.ebs.list_snapshot_blocks, 404, SnapshotId=unknown)
        self.refused("ResourceNotFoundException", self.ebs.get_snapshot_block, 404, SnapshotId=unknown, BlockIndex=0,
                     BlockToken="x")

    def test_copied_and_created_snapshots_can_be_listed(self):
        source = snapshot({4: b"four"})
        copy = client("ec2", "eu-west-1").copy_snapshot(SourceRegion="us-east-1", SourceSnapshotId=source)["SnapshotId"]
        self.assertEqual(content(copy, client("ebs", "eu-west-1")), {4: block(b"four")})
        volume = self.ec2.create_volume(AvailabilityZone="us-east-1a", SnapshotId=source)["VolumeId"]
        self.assertEqual(content(self.ec2.create_snapshot(VolumeId=volume)["SnapshotId"]), {4: block(b"four")})
        empty = self.ec2.create_volume(AvailabilityZone="us-east-1a", Size=1)["VolumeId"]
        self.assertEqual(content(self.ec2.create_snapshot(VolumeId=empty)["SnapshotId"]), {})
        registered = image(register(source))["BlockDeviceMappings"][0]["Ebs"]["SnapshotId"]
        self.assertEqual(content(registered), {4: block(b"four")})

    def test_child_snapshot_starts_from_its_parent(self):
        parent = snapshot({0: b"a", 1: b"b"})
        child = self.ebs.start_snapshot(VolumeSize=1, ParentSnapshotId=parent)["SnapshotId"]
        put(self.ebs, child, 1, b"c")
        self.ebs.complete_snapshot(SnapshotId=child, ChangedBlocksCount=1)
        self.assertEqual(content(child), {0: block(b"a"), 1: block(b"c")})
        changed = self.ebs.list_changed_blocks(FirstSnapshotId=parent, SecondSnapshotId=child)["ChangedBlocks"]
        self.assertEqual([one["BlockIndex"] for one in changed], [1])

    def test_other_account_needs_the_snapshot_shared(self):
        used, other = snapshot({0: b"a"}), client("ebs", account=OTHER)
        self.refused("ResourceNotFoundException", other.list_snapshot_blocks, SnapshotId=used)
        self.ec2.modify_snapshot_attribute(SnapshotId=used, Attribute="createVolumePermission", OperationType="add",
                                           UserIds=[OTHER])
        self.assertEqual(content(used, other), {0: block(b"a")})
