"""CloudFormation: whole resource types that moto leaves out, made as their service's own call would make them."""
import json

from moto.cloudwatch.models import cloudwatch_backends
from moto.core.common_models import CloudFormationModel
from moto.logs.models import logs_backends
from moto.s3.models import s3_backends
from moto.utilities.utils import get_partition


class Made:
    """What is left of a resource: its name. A changed one is made again. moto finds direct subclasses of its own class only,
    so each is one of that as well."""

    def __init__(self, name: str):
        self.name = name

    @property
    def physical_resource_id(self) -> str:
        return self.name

    @classmethod
    def update_from_cloudformation_json(cls, original_resource, new_resource_name, cloudformation_json, account_id,
                                        region_name):
        return cls.create_from_cloudformation_json(new_resource_name, cloudformation_json, account_id, region_name)


class Alarm(Made, CloudFormationModel):
    @staticmethod
    def cloudformation_name_type() -> str:
        return "AlarmName"

    @staticmethod
    def cloudformation_type() -> str:
        return "AWS::CloudWatch::Alarm"

    @classmethod
    def create_from_cloudformation_json(cls, resource_name, cloudformation_json, account_id, region_name, **kwargs):
        given = cloudformation_json["Properties"]
        cloudwatch_backends[account_id][region_name].put_metric_alarm(
            name=resource_name, namespace=given["Namespace"], metric_name=given["MetricName"],
            comparison_operator=given["ComparisonOperator"], evaluation_periods=int(given["EvaluationPeriods"]),
            period=int(given["Period"]), threshold=float(given["Threshold"]), statistic=given["Statistic"],
            description=given.get("AlarmDescription"), dimensions=given.get("Dimensions", []),
            alarm_actions=given.get("AlarmActions", []), treat_missing_data=given.get("TreatMissingData"))
        return cls(resource_name)

    def delete(self, account_id: str, region_name: str) -> None:
        cloudwatch_backends[account_id][region_name].delete_alarms([self.name])


class MetricFilter(Made, CloudFormationModel):
    @staticmethod
    def cloudformation_name_type() -> str:
        return "FilterName"

    @staticmethod
    def cloudformation_type() -> str:
        return "AWS::Logs::MetricFilter"

    @classmethod
    def create_from_cloudformation_json(cls, resource_name, cloudformation_json, account_id, region_name, **kwargs):
        given = cloudformation_json["Properties"]
        into = [{key[0].lower() + key[1:]: value for key, value in one.items()} for one in given["MetricTransformations"]]
        logs_backends[account_id][region_name].put_metric_filter(
            resource_name, given["FilterPattern"], given["LogGroupName"], into)
        return cls(resource_name)

    def delete(self, account_id: str, region_name: str) -> None:
        """Its log group goes as well, or keeps a filter that nothing here looks at."""


class BucketPolicy(Made, CloudFormationModel):
    @staticmethod
    def cloudformation_name_type() -> str:
        return ""

    @staticmethod
    def cloudformation_type() -> str:
        return "AWS::S3::BucketPolicy"

    @classmethod
    def create_from_cloudformation_json(cls, resource_name, cloudformation_json, account_id, region_name, **kwargs):
        given = cloudformation_json["Properties"]
        policy = json.dumps(given["PolicyDocument"]).encode()
        s3_backends[account_id][get_partition(region_name)].put_bucket_policy(given["Bucket"], policy)
        return cls(given["Bucket"])

    def delete(self, account_id: str, region_name: str) -> None:
        s3_backends[account_id][get_partition(region_name)].delete_bucket_policy(self.name)


def bucket_settings(name: str, given: dict, account_id: str, region_name: str) -> None:
    """What a template says of a bucket beside its encryption and tags."""
    backend = s3_backends[account_id][get_partition(region_name)]
    if status := given.get("VersioningConfiguration", {}).get("Status"):
        backend.put_bucket_versioning(name, status)
    if _true(given.get("ObjectLockEnabled")):
        kept = given.get("ObjectLockConfiguration", {}).get("Rule", {}).get("DefaultRetention", {})
        backend.get_bucket(name).object_lock_enabled = True
        backend.put_object_lock_configuration(
            name, "Enabled", kept.get("Mode"), *(int(kept.get(unit, 0)) for unit in ("Days", "Years")))
    if blocked := given.get("PublicAccessBlockConfiguration"):
        backend.put_public_access_block(name, {key: str(_true(value)).lower() for key, value in blocked.items()})
    if owned := given.get("OwnershipControls"):
        backend.put_bucket_ownership_controls(name, owned["Rules"][0]["ObjectOwnership"])
    if cycle := given.get("LifecycleConfiguration"):
        backend.put_bucket_lifecycle_configuration(name, [
            {"ID": one["Id"], "Filter": {"Prefix": one.get("Prefix", "")}, "Status": one["Status"],
             "Expiration": {"Days": one["ExpirationInDays"]}} for one in cycle["Rules"]])


def _true(value: object) -> bool:
    return str(value).lower() == "true"
