"""What a role may do."""
import json
import urllib.error

from harness import OWNER, Case, client, http

READ = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::bucket/prod/v1/*"}


class Access(Case):
    def setUp(self):
        super().setUp()
        self.s3.create_bucket(Bucket="bucket")
        for key in ("prod/v1/there", "prod/other", "other/there"):
            self.s3.put_object(Bucket="bucket", Key=key, Body=b"1")

    def role(self, *statements: dict, **variables: str) -> None:
        policy = {"Version": "2012-10-17", "Statement": list(statements)}
        http("POST", "/localaws/access", {"key": "ASIAROLE", "account": OWNER, "policy": policy, "variables": variables})

    def test_a_role_may_do_what_its_policy_allows_and_nothing_else(self):
        self.role(READ)
        reader = client("s3", account="ASIAROLE")
        self.assertEqual(reader.get_object(Bucket="bucket", Key="prod/v1/there")["Body"].read(), b"1")
        self.assertEqual(reader.head_object(Bucket="bucket", Key="prod/v1/there")["ContentLength"], 1)
        for key in ("prod/other", "other/there", "prod/v1", "prod/v1/none"):
            self.refused("AccessDenied", reader.get_object, 403, Bucket="bucket", Key=key)
        self.refused("AccessDenied", reader.put_object, 403, Bucket="bucket", Key="prod/v1/there", Body=b"2")
        self.refused("AccessDenied", reader.delete_object, 403, Bucket="bucket", Key="prod/v1/there")
        self.refused("AccessDenied", reader.list_objects_v2, 403, Bucket="bucket")
        for service, code, status, call in (
                ("ec2", "UnauthorizedOperation", 403, "describe_images"), ("sqs", "AccessDeniedException", 400, "list_queues"),
                ("autoscaling", "AccessDenied", 403, "describe_auto_scaling_groups")):
            self.refused(code, getattr(client(service, account="ASIAROLE"), call), status)
        self.assertEqual(client("sts", account="ASIAROLE").get_caller_identity()["Account"], OWNER)
        self.assertEqual(self.s3.get_object(Bucket="bucket", Key="other/there")["Body"].read(), b"1")

    def test_who_may_list_learns_what_is_missing(self):
        self.role(READ, {"Effect": "Allow", "Action": "s3:ListBucket", "Resource": "arn:aws:s3:::bucket"})
        self.refused("NoSuchKey", client("s3", account="ASIAROLE").get_object, 404, Bucket="bucket", Key="prod/v1/none")

    def test_variables_are_filled_in(self):
        self.role({"Effect": "Allow", "Action": ["s3:Put*"], "Resource": "arn:aws:s3:::bucket/${me}/*"}, me="i-1")
        writer = client("s3", account="ASIAROLE")
        writer.put_object(Bucket="bucket", Key="i-1/k", Body=b"1")
        self.refused("AccessDenied", writer.put_object, 403, Bucket="bucket", Key="i-2/k", Body=b"1")

    def test_calls_are_logged_with_their_caller(self):
        self.role(READ)
        self.refused("AccessDenied", client("s3", account="ASIAROLE").list_objects_v2, 403, Bucket="bucket")
        [call] = http("GET", "/localaws/calls?caller=ASIAROLE")
        self.assertEqual((call["action"], call["account"], call["status"]), ("ListObjectsV2", OWNER, 403))

    def test_what_is_not_understood_is_refused(self):
        for statement in (READ | {"Effect": "Deny"}, READ | {"Condition": {}}, READ | {"Resource": "${nobody}"}):
            with self.assertRaises(urllib.error.HTTPError) as caught:
                self.role(statement)
            self.assertEqual(caught.exception.code, 400)
            self.assertIn("error", json.loads(caught.exception.read()))

    def test_a_reset_forgets(self):
        self.role(READ)
        http("POST", "/moto-api/reset", {})
        self.assertEqual(http("GET", "/localaws/calls"), [])
        client("s3", account="ASIAROLE").create_bucket(Bucket="mine")
