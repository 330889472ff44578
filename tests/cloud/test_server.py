"""The server itself: start, end, faults, call log."""
import contextlib
import os
import signal
import subprocess
import sys
import time
from http.client import HTTPConnection
from urllib.error import HTTPError
from urllib.request import urlopen

import boto3
import harness
from botocore.config import Config
from botocore.exceptions import ClientError, ConnectionClosedError
from harness import OTHER, OWNER, Case, client, http, register, snapshot


class Server(Case):
    def test_health_and_loopback_only(self):
        self.assertEqual(http("GET", "/localaws/health"), {"status": "ok"})
        port = f"{int(harness.endpoint().rsplit(':', 1)[1]):04X}"
        with open("/proc/net/tcp", encoding="ascii") as table:
            listening = [line.split()[1] for line in table if line.split()[3] == "0A"]
        self.assertIn(f"0100007F:{port}", listening)
        self.assertNotIn(f"00000000:{port}", listening)

    def test_connections_stay_open_whatever_is_asked_on_them(self):
        self.s3.create_bucket(Bucket="bucket")
        self.s3.put_object(Bucket="bucket", Key="k", Body=b"content")
        connection = HTTPConnection(harness.endpoint().removeprefix("http://"))
        scope = f"AWS4-HMAC-SHA256 Credential={OWNER}/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=x"
        asked = (("HEAD", "/bucket/k", 200, b""), ("POST", "/localaws/nothing", 404, None), ("GET", "/bucket/k", 200, b"content"),
                 ("DELETE", "/bucket/k", 204, b""), ("PUT", "/bucket/k", 200, b""), ("GET", "/bucket/none", 404, None))
        connection.connect()
        socket = connection.sock
        for method, path, status, expected in asked:
            # A body that nobody reads is not the next request.
            connection.request(method, path, b"x" * 20_000 if method in ("POST", "PUT") else None,
                               {"Authorization": scope})
            answer = connection.getresponse()
            body = answer.read()
            self.assertEqual(answer.status, status, (method, path, body))
            if expected is not None:
                self.assertEqual(body, expected)
            self.assertIs(connection.sock, socket)
        connection.close()

    def test_ends_with_its_stdin(self):
        process, _ = harness.start()
        process.stdin.close()
        self.assertEqual(process.wait(10), 0)

    def test_ends_with_its_parent(self):
        # The stdin of the server outlives its parent here, so only the parent's end tells it.
        held, keep = os.pipe()
        code = ("import harness, os, subprocess, sys\n"
                "harness.subprocess.PIPE = int(sys.argv[1])\n"
                "process, _ = harness.start()\n"
                "print(process.pid, flush=True)\n"
                "os._exit(0)\n")
        done = subprocess.run([sys.executable, "-c", code, str(held)], cwd=harness.HERE, pass_fds=(held,),
                              stdout=subprocess.PIPE, check=True)
        server = int(done.stdout)
        for _ in range(100):
            try:
                os.kill(server, 0)
            except ProcessLookupError:
                break
            time.sleep(0.05)
        else:
            os.kill(server, signal.SIGKILL)
            self.fail("the server outlived its parent")
        os.close(held)
        os.close(keep)

    def test_default_account_can_be_chosen(self):
        process, url = harness.start("--account", "999999999999")
        try:
            for key, account in (("testing", "999999999999"), (OTHER, OTHER)):
                identity = client("sts", account=key, url=url).get_caller_identity()
                self.assertEqual(identity["Account"], account)
        finally:
            process.kill()
            process.wait()
            process.stdin.close()

    def test_unimplemented_action_is_a_client_error(self):
        self.refused("InvalidAction", self.ec2.enable_fast_launch, 400, ImageId="ami-0123456789abcdef0")
        self.refused("InvalidAction", client("kms").derive_shared_secret, 400, KeyId="x", KeyAgreementAlgorithm="ECDH",
                     PublicKey=b"x")
        self.refused("InvalidAction", client("braket").search_devices, 400, filters=[])
        self.refused("InvalidAction", client("lambda").get_runtime_management_config, 400, FunctionName="x")

    def test_services_of_later_issues_answer(self):
        client("autoscaling").describe_auto_scaling_groups()
        client("sqs").list_queues()
        client("sns").list_topics()
        client("events").list_rules()
        client("ssm").describe_parameters()
        client("iam").list_roles()
        client("organizations").create_organization(FeatureSet="ALL")
        client("cloudformation").list_stacks()
        client("securityhub").enable_security_hub()
        client("lambda").list_functions()
        self.assertEqual(client("sts").get_caller_identity()["Account"], OWNER)

    def test_event_reaches_a_queue_with_its_account(self):
        sqs, events = client("sqs"), client("events")
        queue = sqs.create_queue(QueueName="q")["QueueUrl"]
        events.put_rule(Name="r", EventPattern='{"source": ["test"]}')
        events.put_targets(Rule="r", Targets=[{"Id": "1", "Arn": f"arn:aws:sqs:us-east-1:{OWNER}:q"}])
        events.put_events(Entries=[{"Source": "test", "DetailType": "t", "Detail": "{}"}])
        body = sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=2)["Messages"][0]["Body"]
        self.assertIn(f'"account": "{OWNER}"', body)


class Faults(Case):
    def test_faults_are_read_by_the_sdk_in_every_protocol(self):
        calls = [
            ("ec2", "DescribeImages", self.ec2.describe_images, {}),
            ("s3", "GetObject", self.s3.get_object, {"Bucket": "b", "Key": "k"}),
            ("s3", "PutObject", self.s3.put_object, {"Bucket": "b", "Key": "k", "Body": b"body"}),
            ("kms", "Sign", self.kms.sign, {"KeyId": "k", "Message": b"m", "SigningAlgorithm": "ECDSA_SHA_256"}),
            ("ebs", "ListSnapshotBlocks", self.ebs.list_snapshot_blocks, {"SnapshotId": "snap-0123456789abcdef0"}),
            ("autoscaling", "DescribeAutoScalingGroups", client("autoscaling").describe_auto_scaling_groups, {}),
            ("sqs", "ListQueues", client("sqs").list_queues, {}),
            ("sts", "GetCallerIdentity", client("sts").get_caller_identity, {}),
            ("ssm", "GetParameter", client("ssm").get_parameter, {"Name": "p"}),
            ("securityhub", "GetFindings", client("securityhub").get_findings, {}),
        ]
        for service, action, call, arguments in calls:
            for status, code in ((503, "RequestLimitExceeded"), (500, "InternalError"), (403, "UnauthorizedOperation")):
                http("POST", "/localaws/faults", [{"service": service, "action": action, "status": status, "code": code,
                                                   "message": "as ordered"}])
                error = self.refused(code, call, status, **arguments)
                self.assertEqual(error["Error"]["Message"], "as ordered", (service, code))
        self.assertEqual(http("GET", "/localaws/faults"), [])

    def test_fault_of_a_head_request_has_its_status(self):
        http("POST", "/localaws/faults", {"service": "s3", "action": "HeadObject", "status": 503, "code": "SlowDown"})
        self.refused("503", self.s3.head_object, 503, Bucket="b", Key="k")

    def test_fault_counts_down_and_the_sdk_retries_past_it(self):
        http("POST", "/localaws/faults", {"service": "ec2", "times": 2, "status": 503, "code": "RequestLimitExceeded"})
        patient = boto3.client("ec2", endpoint_url=harness.endpoint(), region_name="us-east-1", aws_access_key_id="testing",
                               aws_secret_access_key="testing", config=Config(retries={"total_max_attempts": 3, "mode": "standard"}))
        self.assertEqual(patient.describe_images()["ResponseMetadata"]["RetryAttempts"], 2)

    def test_fault_is_narrowed_by_account_region_resource_and_after(self):
        used = register()
        http("POST", "/localaws/faults", [
            {"account": OTHER, "status": 400, "code": "ForOther", "times": 0},
            {"region": "eu-west-1", "status": 400, "code": "ForWest", "times": 0},
            {"resource": used, "status": 400, "code": "ForImage", "after": 1, "times": 0}])
        self.ec2.describe_images()
        self.refused("ForOther", client("ec2", account=OTHER).describe_images)
        self.refused("ForWest", client("ec2", "eu-west-1").describe_images)
        self.ec2.describe_images(ImageIds=[used])
        self.refused("ForImage", self.ec2.describe_images, ImageIds=[used])
        http("DELETE", "/localaws/faults")
        self.ec2.describe_images(ImageIds=[used])

    def test_the_faults_of_one_account_are_forgotten_alone(self):
        http("POST", "/localaws/faults", [{"account": account, "times": 0, "status": 500, "code": "X"}
                                          for account in (OTHER, "111111111111", "")])
        http("DELETE", f"/localaws/faults?account={OTHER}")
        self.assertEqual([fault["account"] for fault in http("GET", "/localaws/faults")], ["111111111111", ""])
        http("DELETE", "/localaws/faults")
        self.assertEqual(http("GET", "/localaws/faults"), [])

    def test_fault_can_meet_a_share_of_calls_by_a_seed(self):
        def fates(seed: int, share: float) -> list[bool]:
            http("DELETE", "/localaws/faults")
            http("POST", "/localaws/faults", {"service": "sqs", "share": share, "seed": seed, "times": 0, "status": 403,
                                              "code": "RequestThrottled"})
            http("DELETE", "/localaws/calls")
            for _ in range(60):
                with contextlib.suppress(ClientError):
                    queues.list_queues()
            return [one["fault"] for one in http("GET", "/localaws/calls?service=sqs")]

        queues = client("sqs")
        first = fates(7, 0.25)
        self.assertEqual(len(first), 60)
        self.assertTrue(5 <= sum(first) <= 25, first)
        self.assertEqual(fates(7, 0.25), first)
        self.assertNotEqual(fates(8, 0.25), first)
        self.assertEqual(sum(fates(7, 1.0)), 60)

    def test_fault_that_was_not_drawn_leaves_the_call_to_the_next(self):
        http("POST", "/localaws/faults", [
            {"service": "sqs", "share": 0.5, "seed": 1, "times": 0, "status": 403, "code": "RequestThrottled"},
            {"service": "sqs", "times": 0, "status": 500, "code": "InternalError"}])
        queues, codes = client("sqs"), set()
        for _ in range(20):
            with self.assertRaises(ClientError) as caught:
                queues.list_queues()
            codes.add(caught.exception.response["Error"]["Code"])
        self.assertEqual(codes, {"RequestThrottled", "InternalError"})

    def test_answer_can_be_delayed_and_corrupted(self):
        used = snapshot({0: b"a"})
        token = self.ebs.list_snapshot_blocks(SnapshotId=used)["Blocks"][0]["BlockToken"]
        http("POST", "/localaws/faults", {"action": "GetSnapshotBlock", "corrupt": True, "delay": 0.3})
        started = time.monotonic()
        got = self.ebs.get_snapshot_block(SnapshotId=used, BlockIndex=0, BlockToken=token)
        self.assertGreater(time.monotonic() - started, 0.3)
        self.assertNotEqual(harness.checksum(got["BlockData"].read()), got["Checksum"])

    def test_answer_can_be_lost_though_the_call_was_done(self):
        http("POST", "/localaws/faults", {"service": "sqs", "action": "CreateQueue", "lost": True})
        with self.assertRaises(ConnectionClosedError):
            client("sqs").create_queue(QueueName="made")
        self.assertEqual(len(client("sqs").list_queues()["QueueUrls"]), 1)

    def test_nonsense_is_refused(self):
        for wrong in ({"servce": "ec2"}, {"status": 500}, {"service": "ec2"}, {"status": "500", "code": "X"},
                      {"status": 500, "code": "X", "share": 0}, {"status": 500, "code": "X", "share": 1.5}, "x", [1]):
            with self.assertRaises(HTTPError) as caught:
                http("POST", "/localaws/faults", wrong)
            self.assertEqual(caught.exception.code, 400)
            caught.exception.close()

    def test_reset_forgets_everything(self):
        register()
        http("POST", "/localaws/faults", {"status": 500, "code": "X", "times": 0})
        http("POST", "/moto-api/reset", {})
        self.assertEqual((http("GET", "/localaws/faults"), http("GET", "/localaws/calls")), ([], []))
        self.assertEqual(self.ec2.describe_images()["Images"], [])


class Calls(Case):
    def test_calls_are_logged(self):
        image_id = register()
        self.s3.create_bucket(Bucket="bucket")
        http("DELETE", "/localaws/calls")
        client("ec2", "eu-west-1", OTHER).describe_images()
        self.ec2.describe_images(ImageIds=[image_id])
        self.s3.put_object(Bucket="bucket", Key="a/b", Body=b"1")
        self.refused("NotFoundException", self.kms.get_public_key, KeyId="alias/none")
        self.refused("ResourceNotFoundException", self.ebs.list_snapshot_blocks, SnapshotId="snap-0123456789abcdef0")
        seen = [(one["service"], one["action"], one["account"], one["region"], one["resource"], one["status"])
                for one in http("GET", "/localaws/calls")]
        self.assertEqual(seen, [
            ("ec2", "DescribeImages", OTHER, "eu-west-1", "", 200),
            ("ec2", "DescribeImages", OWNER, "us-east-1", image_id, 200),
            ("s3", "PutObject", OWNER, "us-east-1", "bucket/a/b", 200),
            ("kms", "GetPublicKey", OWNER, "us-east-1", "alias/none", 400),
            ("ebs", "ListSnapshotBlocks", OWNER, "us-east-1", "snap-0123456789abcdef0", 404)])
        self.assertEqual(len(http("GET", "/localaws/calls?service=ec2&region=us-east-1")), 1)

    def test_presigned_url_is_logged_with_its_caller(self):
        self.s3.create_bucket(Bucket="bucket")
        self.s3.put_object(Bucket="bucket", Key="k", Body=b"1")
        http("DELETE", "/localaws/calls")
        url = client("s3", signature_version="s3v4").generate_presigned_url("get_object", {"Bucket": "bucket", "Key": "k"})
        self.assertEqual(urlopen(url).read(), b"1")
        call = http("GET", "/localaws/calls")[0]
        self.assertEqual((call["action"], call["account"], call["resource"]), ("GetObject", OWNER, "bucket/k"))
