"""S3."""
import json
from concurrent.futures import ThreadPoolExecutor

import harness
from botocore.exceptions import ClientError
from harness import OTHER, OWNER, Case, client


class Objects(Case):
    def setUp(self):
        super().setUp()
        self.s3.create_bucket(Bucket="bucket")
        self.other = client("s3", account=OTHER)

    def policy(self, *statements: dict) -> None:
        self.s3.put_bucket_policy(Bucket="bucket", Policy=json.dumps({"Version": "2012-10-17", "Statement": list(statements)}))

    def test_if_none_match(self):
        self.s3.put_object(Bucket="bucket", Key="a/k", Body=b"1", IfNoneMatch="*")
        self.refused("PreconditionFailed", self.s3.put_object, 412, Bucket="bucket", Key="a/k", Body=b"2", IfNoneMatch="*")
        self.assertEqual(self.s3.get_object(Bucket="bucket", Key="a/k")["Body"].read(), b"1")

    def test_if_match(self):
        etag = self.s3.put_object(Bucket="bucket", Key="k", Body=b"1")["ETag"]
        newer = self.s3.put_object(Bucket="bucket", Key="k", Body=b"2", IfMatch=etag)["ETag"]
        self.refused("PreconditionFailed", self.s3.put_object, 412, Bucket="bucket", Key="k", Body=b"3", IfMatch=etag)
        self.refused("NoSuchKey", self.s3.put_object, 404, Bucket="bucket", Key="none", Body=b"3", IfMatch=newer)
        self.refused("PreconditionFailed", self.s3.get_object, 412, Bucket="bucket", Key="k", IfMatch=etag)
        self.refused("304", self.s3.get_object, 304, Bucket="bucket", Key="k", IfNoneMatch=newer)

    def test_one_of_many_conditional_writers_wins(self):
        def write(n: int) -> bool:
            try:
                self.s3.put_object(Bucket="bucket", Key="race", Body=bytes([n]), IfNoneMatch="*")
                return True
            except ClientError:
                return False

        with ThreadPoolExecutor(8) as pool:
            self.assertEqual(sum(pool.map(write, range(24))), 1)

    def test_versions_and_checksums(self):
        self.s3.put_bucket_versioning(Bucket="bucket", VersioningConfiguration={"Status": "Enabled"})
        first = self.s3.put_object(Bucket="bucket", Key="k", Body=b"1", ChecksumAlgorithm="SHA256")
        self.s3.put_object(Bucket="bucket", Key="k", Body=b"2")
        got = self.s3.get_object(Bucket="bucket", Key="k", VersionId=first["VersionId"], ChecksumMode="ENABLED")
        self.assertEqual((got["Body"].read(), got["ChecksumSHA256"]), (b"1", harness.checksum(b"1")))

    def test_missing_key_is_404_for_those_who_may_list(self):
        self.refused("NoSuchKey", self.s3.get_object, 404, Bucket="bucket", Key="none")
        self.refused("404", self.s3.head_object, 404, Bucket="bucket", Key="none")
        self.refused("NoSuchBucket", self.s3.get_object, 404, Bucket="none", Key="none")

    def test_missing_key_is_403_for_those_who_may_not_list(self):
        self.s3.put_object(Bucket="bucket", Key="there", Body=b"1")
        self.policy({"Effect": "Deny", "Principal": "*", "Action": "s3:ListBucket", "Resource": "arn:aws:s3:::bucket"})
        self.refused("AccessDenied", self.s3.get_object, 403, Bucket="bucket", Key="none")
        self.refused("403", self.s3.head_object, 403, Bucket="bucket", Key="none")
        self.assertEqual(self.s3.get_object(Bucket="bucket", Key="there")["Body"].read(), b"1")

    def test_missing_key_under_enforced_iam(self):
        iam = client("iam")
        self.s3.put_object(Bucket="bucket", Key="there", Body=b"1")
        iam.create_user(UserName="reader")
        keys = iam.create_access_key(UserName="reader")["AccessKey"]
        reader = client("s3", account=keys["AccessKeyId"])
        reader._request_signer._credentials.secret_key = keys["SecretAccessKey"]

        def allow(*actions: str) -> None:
            iam.put_user_policy(UserName="reader", PolicyName="p", PolicyDocument=json.dumps({
                "Version": "2012-10-17",
                "Statement": [{"Effect": "Allow", "Action": list(actions), "Resource": "*"}]}))

        allow("s3:GetObject")
        harness.enforce_iam("0")
        try:
            self.assertEqual(reader.get_object(Bucket="bucket", Key="there")["Body"].read(), b"1")
            self.refused("AccessDenied", reader.get_object, 403, Bucket="bucket", Key="none")
            self.refused("403", reader.head_object, 403, Bucket="bucket", Key="none")
            harness.enforce_iam("inf")
            allow("s3:GetObject", "s3:ListBucket")
            harness.enforce_iam("0")
            self.refused("NoSuchKey", reader.get_object, 404, Bucket="bucket", Key="none")
        finally:
            harness.enforce_iam("inf")

    def test_bucket_of_another_account_needs_its_policy(self):
        self.s3.put_object(Bucket="bucket", Key="open/k", Body=b"1")
        self.refused("AccessDenied", self.other.get_object, 403, Bucket="bucket", Key="open/k")
        allow = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{OTHER}:root"}, "Action": "s3:GetObject",
                 "Resource": "arn:aws:s3:::bucket/open/*"}
        self.policy(allow)
        self.assertEqual(self.other.get_object(Bucket="bucket", Key="open/k")["Body"].read(), b"1")
        self.refused("AccessDenied", self.other.put_object, 403, Bucket="bucket", Key="open/k", Body=b"2")
        self.refused("AccessDenied", self.other.get_object, 403, Bucket="bucket", Key="open/none")
        self.policy(allow, allow | {"Action": "s3:ListBucket", "Resource": "arn:aws:s3:::bucket"})
        self.refused("NoSuchKey", self.other.get_object, 404, Bucket="bucket", Key="open/none")

    def test_denial_by_policy_has_a_code(self):
        self.s3.put_object(Bucket="bucket", Key="k", Body=b"1")
        self.policy({"Effect": "Deny", "Principal": "*", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::bucket/*"})
        self.refused("AccessDenied", self.s3.get_object, 403, Bucket="bucket", Key="k")

    def test_retention_can_be_read(self):
        self.s3.create_bucket(Bucket="locked", ObjectLockEnabledForBucket=True)
        self.s3.put_object(Bucket="locked", Key="k", Body=b"1")
        self.refused("NoSuchObjectLockConfiguration", self.s3.get_object_retention, 404, Bucket="locked", Key="k")
        self.s3.put_object_retention(Bucket="locked", Key="k", Retention={
            "Mode": "COMPLIANCE", "RetainUntilDate": "2099-01-01T00:00:00Z"})
        kept = self.s3.get_object_retention(Bucket="locked", Key="k")["Retention"]
        self.assertEqual((kept["Mode"], kept["RetainUntilDate"].year), ("COMPLIANCE", 2099))
        self.assertEqual(OWNER, harness.OWNER)
