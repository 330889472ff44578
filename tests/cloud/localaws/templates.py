"""CloudFormation: resources and properties that moto leaves out without a word."""
import json

from moto.autoscaling import models
from moto.core.common_models import CloudFormationModel

from .autoscaling_actions import GIVEN_HOOKS
from .stack_resources import Made, bucket_settings


class LifecycleHook(CloudFormationModel):
    def __init__(self, group: str, name: str):
        self.group, self.name = group, name

    @property
    def physical_resource_id(self) -> str:
        return self.name

    @staticmethod
    def cloudformation_name_type() -> str:
        return "LifecycleHookName"

    @staticmethod
    def cloudformation_type() -> str:
        return "AWS::AutoScaling::LifecycleHook"

    @classmethod
    def create_from_cloudformation_json(cls, resource_name, cloudformation_json, account_id, region_name, **kwargs):
        given = {**cloudformation_json["Properties"], "LifecycleHookName": resource_name}
        backend = models.autoscaling_backends[account_id][region_name]
        backend.keep_hook(backend.read_hook(given["AutoScalingGroupName"], given))
        return cls(given["AutoScalingGroupName"], resource_name)

    @classmethod
    def update_from_cloudformation_json(cls, original_resource, new_resource_name, cloudformation_json, account_id,
                                        region_name):
        return cls.create_from_cloudformation_json(new_resource_name, cloudformation_json, account_id, region_name)

    def delete(self, account_id: str, region_name: str) -> None:
        models.autoscaling_backends[account_id][region_name].delete_lifecycle_hook(self.group, self.name)


class QueuePolicy(Made, CloudFormationModel):
    @staticmethod
    def cloudformation_name_type() -> str:
        return ""

    @staticmethod
    def cloudformation_type() -> str:
        return "AWS::SQS::QueuePolicy"

    @classmethod
    def create_from_cloudformation_json(cls, resource_name, cloudformation_json, account_id, region_name, **kwargs):
        from moto.sqs.models import sqs_backends

        given = cloudformation_json["Properties"]
        policy = {"Policy": json.dumps(given["PolicyDocument"])}
        for url in given["Queues"]:
            sqs_backends[account_id][region_name].set_queue_attributes(url.rsplit("/", 1)[-1], policy)
        return cls(resource_name)

    def delete(self, account_id: str, region_name: str) -> None:
        """The queue keeps its last policy, which nothing here looks at."""


def install() -> None:
    _no_value_in_lists()
    _hooks_of_groups()
    _settings_of_buckets()
    _policies_of_roles()


def _no_value_in_lists() -> None:
    from moto.cloudformation import parsing

    clean = parsing.clean_json

    def clean_lists(resource_json, resources_map):
        # moto leaves AWS::NoValue in lists as nothing at all.
        cleaned = clean(resource_json, resources_map)
        return [one for one in cleaned if one is not None] if isinstance(resource_json, list) else cleaned

    parsing.clean_json = clean_lists


def _hooks_of_groups() -> None:
    # CloudFormation finds moto's own class, not the one put in its place, so the method is changed.
    group = next(one for one in CloudFormationModel.__subclasses__()
                 if one.__module__ == models.__name__ and one.__name__ == "FakeAutoScalingGroup")
    create = group.create_from_cloudformation_json.__func__

    def create_with_hooks(cls, resource_name, cloudformation_json, account_id, region_name, **kwargs):
        token = GIVEN_HOOKS.set(cloudformation_json["Properties"].get("LifecycleHookSpecificationList", []))
        try:
            return create(cls, resource_name, cloudformation_json, account_id, region_name, **kwargs)
        finally:
            GIVEN_HOOKS.reset(token)

    group.create_from_cloudformation_json = classmethod(create_with_hooks)


def _settings_of_buckets() -> None:
    from moto.s3.models import FakeBucket

    create = FakeBucket.create_from_cloudformation_json.__func__

    def create_with_settings(cls, resource_name, cloudformation_json, account_id, region_name, **kwargs):
        bucket = create(cls, resource_name, cloudformation_json, account_id, region_name, **kwargs)
        bucket_settings(resource_name, cloudformation_json.get("Properties", {}), account_id, region_name)
        return bucket

    FakeBucket.create_from_cloudformation_json = classmethod(create_with_settings)


def _policies_of_roles() -> None:
    from moto.iam.models import Role, iam_backends
    from moto.utilities.utils import get_partition

    create = Role.create_from_cloudformation_json.__func__

    def create_with_policies(cls, resource_name, cloudformation_json, account_id, region_name, **kwargs):
        given = cloudformation_json["Properties"]
        for one in given.get("Policies", []):  # moto keeps Python's own way of writing it
            if not isinstance(one["PolicyDocument"], str):
                one["PolicyDocument"] = json.dumps(one["PolicyDocument"])
        role = create(cls, resource_name, cloudformation_json, account_id, region_name, **kwargs)
        for arn in given.get("ManagedPolicyArns", []):
            iam_backends[account_id][get_partition(region_name)].attach_role_policy(arn, role.name)
        return role

    Role.create_from_cloudformation_json = classmethod(create_with_policies)
