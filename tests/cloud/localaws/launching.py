"""What a group launches: the image, type and template of each next instance."""
import threading
from dataclasses import dataclass

from moto.autoscaling.exceptions import ValidationError
from moto.autoscaling.models import ASG_NAME_TAG
from moto.core.exceptions import ServiceException

from . import images

# moto hands out addresses without a lock.
_ONE_AT_A_TIME = threading.Lock()


@dataclass
class Launch:
    """One way to launch. `override` is the image if an override chose it."""

    image: str
    type: str
    version: object | None = None  # of a launch template
    override: str | None = None

    @property
    def template(self) -> dict | None:
        if self.version is None:
            return None
        template = self.version.template
        return {"LaunchTemplateId": template.id, "LaunchTemplateName": template.name, "Version": str(self.version.number)}


def choices(group) -> list[Launch]:
    """The ways in which the group launches, taken in turn."""
    policy = (group.mixed_instances_policy or {}).get("LaunchTemplate") or {}
    if not policy and group.ec2_launch_template is None:
        return [Launch(group.launch_config.image_id, group.launch_config.instance_type)]
    own = policy.get("LaunchTemplateSpecification") or {
        "LaunchTemplateId": group.ec2_launch_template.id, "Version": group.launch_template_version}
    return [_choice(group, own, override) for override in policy.get("Overrides") or [{}]]


def _choice(group, own: dict, override: dict) -> Launch:
    version = _version(group, override.get("LaunchTemplateSpecification") or own)
    image = override.get("ImageId")
    return Launch(image or version.image_id, override.get("InstanceType") or version.instance_type, version, image)


def _version(group, spec: dict):
    if spec.get("LaunchTemplateId"):
        template = group.ec2_backend.get_launch_template(spec["LaunchTemplateId"])
    else:
        template = group.ec2_backend.get_launch_template_by_name(spec.get("LaunchTemplateName"))
    return template.get_version(spec.get("Version") or "$Default")


def check(group) -> None:
    """Refuses what could never be launched, as AWS does when a group is made or changed."""
    for launch in choices(group):
        try:
            image_id = group.ec2_backend.resolved(launch.image)
        except ServiceException as e:
            raise ValidationError(f"You must use a valid fully-formed launch template. {e.message}") from None
        if images.find(image_id, group.account_id, group.region) is None:
            raise ValidationError("You must use a valid fully-formed launch template. "
                                  f"The image id '[{image_id}]' does not exist")


def check_size(least: int, most: int, desired: int | None, named: bool = True) -> None:
    if most < least:
        raise ValidationError(f"Max bound, {most}, must be greater than or equal to min bound, {least}")
    if named and desired is not None and not least <= desired <= most:
        raise ValidationError(f"Desired capacity:{desired} must be between the specified min size:{least} "
                              f"and max size:{most}")


def instance(group, launch: Launch, zone: str, subnet: str | None):
    """Launches one instance for the group."""
    data = launch.version.data if launch.version else {}
    config = group.launch_config if launch.version is None else None
    tags = group.get_propagated_tags() | (launch.version.instance_tags if launch.version else {}) | {
        ASG_NAME_TAG: group.name}
    template = launch.template and {"LaunchTemplateId": launch.template["LaunchTemplateId"],
                                    "Version": launch.template["Version"]}
    with _ONE_AT_A_TIME:
        reservation = group.ec2_backend.run_instances(
            launch.image, 1, launch.version.user_data if launch.version else config.user_data,
            launch.version.security_groups if launch.version else config.security_groups,
            instance_type=launch.type, is_instance_type_default=False, tags={"instance": tags}, placement=zone, subnet_id=subnet,
            launch_config=config, launch_template=template, metadata_options=data.get("MetadataOptions", {}),
            associate_public_ip=config.associate_public_ip_address if config else None)
    made = reservation.instances[0]
    # The region only now: with it moto goes through the types of all its zones.
    made.region_name, made.autoscaling_group = group.region, group
    return made
