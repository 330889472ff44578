"""Templates of packaging/cloudformation on the local AWS.

stacks.py create ENDPOINT REGION ACCOUNT STACK TEMPLATE [NAME=VALUE…]
    makes a stack; prints its outputs, its resources, and those that were dropped silently
stacks.py policies ENDPOINT REGION ACCOUNT ROLE
    prints the policy documents of a role, attached and inline
stacks.py variables ENDPOINT REGION ACCOUNT STACK
    prints the environment of the function of a stack

A resource is there when the call of its own service that describes it says so: CloudFormation's word is not taken.
"""
import json
import sys
from pathlib import Path

import boto3

TEMPLATES = Path(__file__).parents[2] / "packaging/cloudformation"


class Cloud:
    def __init__(self, endpoint: str, region: str, account: str):
        self.given = {"endpoint_url": endpoint, "region_name": region, "aws_access_key_id": account,
                      "aws_secret_access_key": "testing"}
        self.account = account

    def __getattr__(self, service: str):
        return boto3.client("lambda" if service == "functions" else service, **self.given)


def create(cloud: Cloud, stack: str, template: str, *parameters: str) -> dict:
    pairs = [one.split("=", 1) for one in parameters]
    text = (TEMPLATES / template).read_text()
    cloud.cloudformation.create_stack(
        StackName=stack, TemplateBody=text, Capabilities=["CAPABILITY_NAMED_IAM"],
        Parameters=[{"ParameterKey": name, "ParameterValue": value} for name, value in pairs])
    made, = cloud.cloudformation.describe_stacks(StackName=stack)["Stacks"]
    assert made["StackStatus"] == "CREATE_COMPLETE", made
    # What is left out for its condition and what was dropped are both listed without a name.
    listed = cloud.cloudformation.describe_stack_resources(StackName=stack)["StackResources"]
    there = {one["LogicalResourceId"]: one for one in listed if "LogicalResourceId" in one}
    declared = _declared(text, dict(pairs))
    found = {name: described(cloud, kind, there[name].get("PhysicalResourceId"), properties, there)
             for name, (kind, properties) in declared.items() if name in there}
    return {"outputs": {one["OutputKey"]: one["OutputValue"] for one in made.get("Outputs", [])},
            "found": sorted(name for name, is_there in found.items() if is_there),
            "missing": sorted(name for name, is_there in found.items() if not is_there),
            "dropped": sorted(kind for name, (kind, _) in declared.items() if name not in there)}


def _declared(text: str, parameters: dict[str, str]) -> dict[str, tuple[str, dict]]:
    """The resources of a template whose conditions hold, with their types."""
    from moto.cloudformation.utils import yaml_tag_constructor
    import yaml

    class Loader(yaml.SafeLoader):
        pass

    Loader.add_multi_constructor("!", lambda loader, suffix, node: yaml_tag_constructor(loader, "!" + suffix, node))
    template = yaml.load(text, Loader)
    values = {name: parameters.get(name, one.get("Default", "")) for name, one in template["Parameters"].items()}

    def value(given: object) -> object:
        if isinstance(given, dict) and "Ref" in given:
            return values[given["Ref"]]
        if isinstance(given, dict) and "Fn::Join" in given:
            return value(given["Fn::Join"][1])
        return given

    def holds(condition: dict) -> bool:
        if "Fn::Not" in condition:
            return not holds(condition["Fn::Not"][0])
        left, right = condition["Fn::Equals"]
        return value(left) == value(right)

    conditions = {name: holds(one) for name, one in template.get("Conditions", {}).items()}
    return {name: (one["Type"], one.get("Properties", {})) for name, one in template["Resources"].items()
            if conditions.get(one.get("Condition"), True)}


def described(cloud: Cloud, kind: str, name: str | None, properties: dict, there: dict) -> bool:
    """Whether the resource's own service knows it, and what was to be seen of it at once."""
    match kind:
        case "AWS::SQS::Queue":
            return "QueueArn" in cloud.sqs.get_queue_attributes(QueueUrl=name, AttributeNames=["All"])["Attributes"]
        case "AWS::SQS::QueuePolicy":
            url = there[properties["Queues"][0]["Ref"]]["PhysicalResourceId"]
            policy = cloud.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["Policy"])["Attributes"]["Policy"]
            return len(json.loads(policy)["Statement"]) > 0
        case "AWS::IAM::Role":
            return policies(cloud, name) != []
        case "AWS::IAM::ManagedPolicy":
            return cloud.iam.get_policy(PolicyArn=name)["Policy"]["Arn"] == name
        case "AWS::IAM::InstanceProfile":
            return len(cloud.iam.get_instance_profile(InstanceProfileName=name)["InstanceProfile"]["Roles"]) == 1
        case "AWS::Events::Rule":
            return len(cloud.events.list_targets_by_rule(Rule=name)["Targets"]) == len(properties["Targets"])
        case "AWS::CloudWatch::Alarm":
            alarm, = cloud.cloudwatch.describe_alarms(AlarmNames=[name])["MetricAlarms"]
            return alarm["MetricName"] != "" and alarm["TreatMissingData"] == properties["TreatMissingData"]
        case "AWS::Logs::LogGroup":
            return len(cloud.logs.describe_log_groups(logGroupNamePrefix=name)["logGroups"]) == 1
        case "AWS::Logs::MetricFilter":
            return len(cloud.logs.describe_metric_filters(filterNamePrefix=name)["metricFilters"]) == 1
        case "AWS::S3::Bucket":
            blocked = cloud.s3.get_public_access_block(Bucket=name)["PublicAccessBlockConfiguration"]
            lock = "ObjectLockEnabled" not in properties or cloud.s3.get_object_lock_configuration(Bucket=name)
            return bool(lock) and all(blocked.values()) and len(blocked) == 4
        case "AWS::S3::BucketPolicy":
            return len(json.loads(cloud.s3.get_bucket_policy(Bucket=name)["Policy"])["Statement"]) > 0
        case "AWS::KMS::Key":
            key = cloud.kms.describe_key(KeyId=name)["KeyMetadata"]
            return (key["KeyUsage"], key["Enabled"]) == ("SIGN_VERIFY", True)
        case "AWS::KMS::Alias":
            return any(one["AliasName"] == name for one in cloud.kms.list_aliases()["Aliases"])
        case "AWS::Lambda::Function":
            return cloud.functions.get_function(FunctionName=name)["Configuration"]["Runtime"] == "provided.al2023"
        case "AWS::Lambda::EventSourceMapping":
            mapping = cloud.functions.get_event_source_mapping(UUID=name)
            return mapping.get("FunctionResponseTypes") == ["ReportBatchItemFailures"]
        case "AWS::Lambda::Permission":
            function = there[properties["FunctionName"]["Ref"]]["PhysicalResourceId"]
            policy = cloud.functions.get_policy(FunctionName=function)["Policy"]
            return len(json.loads(policy)["Statement"]) == 1
        case "AWS::AutoScaling::LifecycleHook":
            groups = cloud.autoscaling.describe_auto_scaling_groups()["AutoScalingGroups"]
            hooks = [hook for group in groups for hook in cloud.autoscaling.describe_lifecycle_hooks(
                AutoScalingGroupName=group["AutoScalingGroupName"])["LifecycleHooks"]]
            return any(hook["LifecycleHookName"] == name for hook in hooks)
    raise ValueError(f"nothing here describes {kind}")


def policies(cloud: Cloud, role: str) -> list[dict]:
    attached = cloud.iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]
    documents = [cloud.iam.get_policy_version(PolicyArn=one["PolicyArn"], VersionId="v1")["PolicyVersion"]["Document"]
                 for one in attached]
    inline = cloud.iam.list_role_policies(RoleName=role)["PolicyNames"]
    return documents + [cloud.iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"] for name in inline]


def variables(cloud: Cloud, stack: str) -> dict[str, str]:
    name = cloud.cloudformation.describe_stack_resource(StackName=stack, LogicalResourceId="Hook")
    name = name["StackResourceDetail"]["PhysicalResourceId"]
    return cloud.functions.get_function_configuration(FunctionName=name)["Environment"]["Variables"]


if __name__ == "__main__":
    command, endpoint, region, account, *rest = sys.argv[1:]
    answer = {"create": create, "policies": policies, "variables": variables}[command](Cloud(endpoint, region, account), *rest)
    json.dump(answer, sys.stdout)
