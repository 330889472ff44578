"""CloudFormation: what moto leaves out; and conditions in the policies of buckets."""
import json

from botocore.exceptions import ClientError
from harness import OTHER, OWNER, Case, client

BLOCKED = {key: True for key in ("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets")}


def stack(**resources: dict) -> None:
    client("cloudformation").create_stack(StackName="stack", TemplateBody=json.dumps({"Resources": resources}))


class Stacks(Case):
    def test_a_bucket_is_as_its_template_says(self):
        stack(Bucket={"Type": "AWS::S3::Bucket", "Properties": {
            "BucketName": "kept", "VersioningConfiguration": {"Status": "Enabled"}, "ObjectLockEnabled": True,
            "ObjectLockConfiguration": {"ObjectLockEnabled": "Enabled",
                                        "Rule": {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": 3}}},
            "PublicAccessBlockConfiguration": BLOCKED, "OwnershipControls": {"Rules": [{"ObjectOwnership": "ObjectWriter"}]},
            "LifecycleConfiguration": {"Rules": [{"Id": "old", "Prefix": "a/", "Status": "Enabled", "ExpirationInDays": 9}]}}})
        bucket = {"Bucket": "kept"}
        self.assertEqual(self.s3.get_bucket_versioning(**bucket)["Status"], "Enabled")
        lock = self.s3.get_object_lock_configuration(**bucket)["ObjectLockConfiguration"]
        kept = lock["Rule"]["DefaultRetention"]
        self.assertEqual((kept["Mode"], kept["Days"]), ("GOVERNANCE", 3))
        self.assertEqual(self.s3.get_public_access_block(**bucket)["PublicAccessBlockConfiguration"], BLOCKED)
        owned = self.s3.get_bucket_ownership_controls(**bucket)["OwnershipControls"]["Rules"]
        self.assertEqual(owned, [{"ObjectOwnership": "ObjectWriter"}])
        rule, = self.s3.get_bucket_lifecycle_configuration(**bucket)["Rules"]
        self.assertEqual((rule["Filter"], rule["Expiration"]), ({"Prefix": "a/"}, {"Days": 9}))
        self.s3.put_object(Key="a", Body=b"x", **bucket)
        version = self.s3.list_object_versions(**bucket)["Versions"][0]["VersionId"]
        self.refused("AccessDenied", self.s3.delete_object, Key="a", VersionId=version, **bucket)

    def test_alarms_filters_and_policies_of_roles_are_there(self):
        trust = {"Version": "2012-10-17", "Statement": {
            "Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}}
        look = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "ec2:Describe*", "Resource": "*"}}
        stack(Group={"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": "log"}},
              Filter={"Type": "AWS::Logs::MetricFilter", "DependsOn": "Group", "Properties": {
                  "LogGroupName": "log", "FilterPattern": '"x"',
                  "MetricTransformations": [{"MetricNamespace": "n", "MetricName": "m", "MetricValue": "1"}]}},
              Alarm={"Type": "AWS::CloudWatch::Alarm", "Properties": {
                  "AlarmName": "old", "Namespace": "AWS/SQS", "MetricName": "Age", "Statistic": "Maximum", "Period": 60,
                  "EvaluationPeriods": 5, "Threshold": 9, "ComparisonOperator": "GreaterThanThreshold",
                  "Dimensions": [{"Name": "QueueName", "Value": "q"}], "TreatMissingData": "breaching"}},
              Look={"Type": "AWS::IAM::ManagedPolicy", "Properties": {"ManagedPolicyName": "look", "PolicyDocument": look}},
              Role={"Type": "AWS::IAM::Role", "Properties": {
                  "RoleName": "looker", "AssumeRolePolicyDocument": trust, "ManagedPolicyArns": [{"Ref": "Look"}]}})
        kept = client("logs").describe_metric_filters(logGroupName="log")["metricFilters"]
        self.assertEqual([one["metricTransformations"][0]["metricName"] for one in kept], ["m"])
        alarm, = client("cloudwatch").describe_alarms(AlarmNames=["old"])["MetricAlarms"]
        self.assertEqual((alarm["Dimensions"], alarm["TreatMissingData"]), ([{"Name": "QueueName", "Value": "q"}], "breaching"))
        attached = client("iam").list_attached_role_policies(RoleName="looker")["AttachedPolicies"]
        self.assertEqual([one["PolicyName"] for one in attached], ["look"])


class BucketPolicies(Case):
    def bucket(self, *statements: dict) -> None:
        self.s3.create_bucket(Bucket="kept")
        everyone = {"Principal": "*", "Resource": "arn:aws:s3:::kept/*"}
        policy = {"Version": "2012-10-17", "Statement": [everyone | one for one in statements]}
        self.s3.put_bucket_policy(Bucket="kept", Policy=json.dumps(policy))

    def put(self, s3, key: str = "a", **condition) -> str:
        try:
            s3.put_object(Bucket="kept", Key=key, Body=b"x", **condition)
        except ClientError as error:
            return error.response["Error"]["Code"]
        return "done"

    def test_writes_must_say_what_they_expect(self):
        self.bucket({"Effect": "Deny", "Action": "s3:PutObject", "Condition": {
            "Null": {"s3:if-match": "true", "s3:if-none-match": "true"}, "Bool": {"s3:ObjectCreationOperation": "true"}}})
        self.assertEqual(self.put(self.s3), "AccessDenied")
        self.assertEqual(self.put(self.s3, IfNoneMatch="*"), "done")
        self.assertEqual(self.put(self.s3, IfNoneMatch="*"), "PreconditionFailed")
        self.assertEqual(self.put(self.s3), "AccessDenied")
        tag = self.s3.head_object(Bucket="kept", Key="a")["ETag"]
        self.assertEqual(self.put(self.s3, IfMatch=tag), "done")

    def test_writers_are_known_by_their_arn(self):
        ours = f"arn:aws:iam::{OWNER}:user/moto"
        self.bucket({"Effect": "Allow", "Action": "s3:*"}, {"Effect": "Deny", "Action": "s3:PutObject", "Condition": {
            "ArnNotEquals": {"aws:PrincipalArn": [ours]}}})
        self.assertEqual(self.put(self.s3), "done")
        self.assertEqual(self.put(client("s3", account=OTHER)), "AccessDenied")
        client("s3", account=OTHER).get_object(Bucket="kept", Key="a")

    def test_the_loopback_address_counts_as_encrypted(self):
        self.bucket({"Effect": "Deny", "Action": "s3:*", "Condition": {"Bool": {"aws:SecureTransport": "false"}}})
        self.assertEqual(self.put(self.s3), "done")

    def test_a_condition_that_is_not_understood_keeps_out(self):
        self.bucket({"Effect": "Deny", "Action": "s3:PutObject", "Condition": {"DateLessThan": {"aws:Moon": "full"}}})
        self.assertEqual(self.put(self.s3), "AccessDenied")
