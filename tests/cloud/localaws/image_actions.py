"""The EC2 actions that make, show and share images."""
from moto.core.responses import ActionResult, EmptyResult

from . import errors, images, paging, snapshots
from .images import Image

FACTS = ("Name", "Description", "Architecture", "RootDeviceName", "VirtualizationType", "BootMode", "TpmSupport",
         "ImdsSupport", "EnaSupport", "SriovNetSupport", "KernelId", "RamdiskId", "ImageLocation")
COPIED = ("Architecture", "RootDeviceName", "RootDeviceType", "VirtualizationType", "BootMode", "TpmSupport",
          "ImdsSupport", "EnaSupport", "SriovNetSupport", "KernelId", "RamdiskId", "Platform")
EBS_FIELDS = ("VolumeSize", "VolumeType", "DeleteOnTermination", "Iops", "Throughput", "KmsKeyId")
ATTRIBUTES = {"description": "Description", "kernel": "KernelId", "ramdisk": "RamdiskId",
              "sriovNetSupport": "SriovNetSupport", "bootMode": "BootMode", "tpmSupport": "TpmSupport",
              "imdsSupport": "ImdsSupport", "deregistrationProtection": "DeregistrationProtection"}
PERMISSIONS = {"UserIds": "UserId", "UserGroups": "Group", "OrganizationArns": "OrganizationArn",
               "OrganizationalUnitArns": "OrganizationalUnitArn"}


class ImageActions:
    # --- making -------------------------------------------------------------

    def register_image(self):
        self.error_on_dryrun()
        facts = {name: self._get_param(name) for name in FACTS}
        self._check_name(facts["Name"])
        given = self._get_param("BlockDeviceMappings") or []
        if not given and not facts["ImageLocation"]:
            raise errors.ec2("MissingParameter", "The request must contain BlockDeviceMappings or ImageLocation")
        if facts["TpmSupport"] and facts["BootMode"] != "uefi":
            raise errors.ec2("InvalidParameterCombination", "TpmSupport requires the boot mode uefi")
        facts["Architecture"] = facts["Architecture"] or "i386"
        facts["VirtualizationType"] = facts["VirtualizationType"] or "paravirtual"
        facts["RootDeviceName"] = facts["RootDeviceName"] or (given[0]["DeviceName"] if given else None)
        facts["RootDeviceType"] = "ebs" if given else "instance-store"
        mappings = [self._mapping(one) for one in given if one.get("NoDevice") is None]
        if given and not any(one["DeviceName"] == facts["RootDeviceName"] and one.get("Ebs", {}).get("SnapshotId")
                             for one in mappings):
            raise errors.ec2("InvalidBlockDeviceMapping", "No root snapshot specified in device mapping.")
        image = Image(self.ec2_backend, facts, mappings)
        image.uefi_data = self._get_param("UefiData")
        return self._made(image)

    def copy_image(self):
        self.error_on_dryrun()
        source_id, region = self._get_param("SourceImageId"), self._get_param("SourceRegion")
        images.check_form([source_id])
        source = images.find(source_id, self.current_account, region)
        if source is None:
            raise images.not_found([source_id])
        self._check_name(self._get_param("Name"))
        facts = {name: source.facts.get(name) for name in COPIED} | {
            "Name": self._get_param("Name"), "Description": self._get_param("Description"),
            "SourceImageId": source.id, "SourceImageRegion": region}
        mappings = [self._copied(one, source, region) for one in source.mappings]
        image = Image(self.ec2_backend, facts, mappings)
        image.uefi_data = getattr(source, "uefi_data", None)
        for snapshot_id, origin in zip(image.snapshot_ids, source.snapshot_ids, strict=True):
            self.ec2_backend.snapshots[snapshot_id].description = (
                f"Copied for DestinationAmi {image.id} from SourceAmi {source.id} for SourceSnapshot {origin}.")
        if self._get_param("CopyImageTags"):
            # In the source's region: the caller's own tags, and the shared ones.
            from moto.ec2.models import ec2_backends

            image.add_tags(source.tags_seen_by(ec2_backends[self.current_account][region]))
        return self._made(image)

    def create_image(self):
        self.error_on_dryrun()
        backend = self.ec2_backend
        instance = backend.get_instance(self._get_param("InstanceId"))
        self._check_name(self._get_param("Name"))
        source = images.find(instance.image_id, self.current_account, self.region, gone=True)
        facts = {name: source.facts.get(name) for name in COPIED} if source else {}
        facts = {"Architecture": instance.architecture, "VirtualizationType": instance.virtualization_type,
                 "RootDeviceName": instance.root_device_name, "RootDeviceType": "ebs", **facts,
                 "Name": self._get_param("Name"), "Description": self._get_param("Description"),
                 "SourceInstanceId": instance.id, "SourceImageId": instance.image_id, "SourceImageRegion": self.region}
        mappings = []
        for device, attached in instance.get_block_device_mapping:
            volume = backend.volumes[attached.volume_id]
            snapshot = backend.create_snapshot(volume.id, f"Created by CreateImage({instance.id})")
            mappings.append({"DeviceName": device, "Ebs": {
                "SnapshotId": snapshot.id, "VolumeSize": volume.size, "VolumeType": volume.volume_type,
                "DeleteOnTermination": bool(attached.delete_on_termination), "Encrypted": snapshot.encrypted}})
        return self._made(Image(backend, facts, mappings))

    def deregister_image(self):
        self.error_on_dryrun()
        backend = self.ec2_backend
        image = backend.own_image(self._get_param("ImageId"))
        if image.protection != "disabled":
            raise errors.ec2("OperationNotPermitted", f"The image {image.id} is protected against deregistration")
        del backend.amis[image.id]
        backend.deleted_amis.append(image.id)
        backend.gone_images[image.id] = image
        image.state = "deregistered"
        if self._get_param("DeleteAssociatedSnapshots"):
            for snapshot_id in image.snapshot_ids:
                backend.delete_snapshot(snapshot_id)
        return ActionResult({"Return": True})

    # --- showing ------------------------------------------------------------

    def describe_images(self):
        self.error_on_dryrun()
        backend, wanted = self.ec2_backend, self._get_param("ImageIds") or []
        if wanted:
            images.check_form(wanted)
            found = {image.id: image for image in backend.visible_images() if image.id in wanted}
            # The caller's own deregistered images are silently absent.
            missing = [one for one in wanted if one not in found and one not in backend.gone_images]
            if missing:
                raise images.not_found(missing)
            chosen = list(found.values())
        else:
            hide = not self._get_param("IncludeDisabled")
            chosen = [one for one in backend.visible_images() if not (hide and one.state == "disabled")]
        chosen = [one for one in chosen if self._owned(one) and self._executable(one)]
        filters = self._filters_from_querystring()
        shown = [one.seen_by(backend) for one in chosen]
        shown = [one for one in shown if images.matches(one, filters)]
        page, token = paging.page(shown, self._get_param("NextToken"), self._get_param("MaxResults"))
        return ActionResult({"Images": page, "NextToken": token})

    def describe_image_attribute(self):
        self.error_on_dryrun()
        image = self.ec2_backend.own_image(self._get_param("ImageId"))
        name, answer = self._get_param("Attribute"), {"ImageId": image.id}
        shown = image.seen_by(self.ec2_backend)
        if name == "launchPermission":
            answer["LaunchPermissions"] = image.launch_permissions
        elif name == "productCodes":
            answer["ProductCodes"] = []
        elif name == "uefiData":
            answer["UefiData"] = {"Value": getattr(image, "uefi_data", None)}
        elif name == "blockDeviceMapping":  # AWS refuses it too
            raise errors.ec2("AuthFailure", "Unauthorized attempt to access restricted resource")
        elif name in ATTRIBUTES:
            member = {"kernel": "KernelId", "ramdisk": "RamdiskId"}.get(name, ATTRIBUTES[name])
            answer[member] = {"Value": shown.get(ATTRIBUTES[name])}
        else:
            raise errors.ec2("InvalidRequest", f"The attribute '{name}' is unknown")
        return ActionResult(answer)

    def get_image_ancestry(self):
        self.error_on_dryrun()
        image_id, region, entries = self._get_param("ImageId"), self.region, []
        self.ec2_backend.image(image_id)
        while image_id and len(entries) < 50:
            image = images.find(image_id, self.current_account, region)
            if image is None:  # out of the caller's sight: only what the child says of it
                break
            image_id, region = image.facts.get("SourceImageId"), image.facts.get("SourceImageRegion")
            entries.append({"ImageId": image.id, "CreationDate": image.creation_date, "SourceImageId": image_id,
                            "SourceImageRegion": region})
        return ActionResult({"ImageAncestryEntries": entries})

    # --- changing -----------------------------------------------------------

    def modify_image_attribute(self):
        backend = self.ec2_backend
        image = backend.own_image(self._get_param("ImageId"))
        if text := (self._get_param("Description") or {}).get("Value"):
            image.description = text
        if version := (self._get_param("ImdsSupport") or {}).get("Value"):
            image.imds_support = version
        if image.state == "disabled" and self._get_param("LaunchPermission"):
            raise errors.ec2("InvalidAMIID.Unavailable", f"The image ID '{image.id}' is disabled")
        self.error_on_dryrun()
        given = self._get_param("LaunchPermission") or {}
        changes = {"add": list(given.get("Add") or []), "remove": list(given.get("Remove") or [])}
        if operation := self._get_param("OperationType"):
            changes[operation] += [{one: value} for many, one in PERMISSIONS.items()
                                   for value in self._get_param(many) or []]
        backend.modify_image_attribute(image.id, changes["add"], changes["remove"])
        return EmptyResult()

    def enable_image_deregistration_protection(self):
        self.error_on_dryrun()
        image = self.ec2_backend.own_image(self._get_param("ImageId"))
        image.protection = "enabled-with-cooldown" if self._get_param("WithCooldown") else "enabled-without-cooldown"
        return ActionResult({"Return": image.protection})

    def disable_image_deregistration_protection(self):
        self.error_on_dryrun()
        image = self.ec2_backend.own_image(self._get_param("ImageId"))
        if image.protection != "enabled-with-cooldown":
            image.protection = "disabled"
        return ActionResult({"Return": image.protection})

    def reset_image_attribute(self):
        self.error_on_dryrun()
        self.ec2_backend.own_image(self._get_param("ImageId")).launch_permissions.clear()
        return EmptyResult()

    def disable_image(self):
        self.error_on_dryrun()
        image = self.ec2_backend.own_image(self._get_param("ImageId"))
        image.state = "disabled"
        image.launch_permissions.clear()  # and EnableImage does not bring them back
        return ActionResult({"Return": True})

    def enable_image(self):
        self.error_on_dryrun()
        self.ec2_backend.own_image(self._get_param("ImageId")).state = "available"
        return ActionResult({"Return": True})

    # --- parts --------------------------------------------------------------

    def _check_name(self, name: str | None) -> None:
        if not name or not 3 <= len(name) <= 128:
            raise errors.ec2("InvalidAMIName.Malformed", "AMI names must be between 3 and 128 characters long")
        for image in self.ec2_backend.amis.values():
            if image.name == name:
                raise errors.ec2("InvalidAMIName.Duplicate", f"AMI name {name} is already in use by AMI {image.id}")

    def _mapping(self, given: dict) -> dict:
        mapping = {"DeviceName": given["DeviceName"]}
        if given.get("VirtualName"):
            return mapping | {"VirtualName": given["VirtualName"]}
        disk = given.get("Ebs") or {}
        kept = {"DeleteOnTermination": True, "VolumeType": "standard", "Encrypted": bool(disk.get("Encrypted"))}
        if snapshot_id := disk.get("SnapshotId"):
            snapshot = snapshots.required(snapshot_id, self.current_account, self.region)
            if snapshot.status != "completed":
                raise errors.ec2("IncorrectState", f"Snapshot {snapshot_id} is not in the 'completed' state")
            if (disk.get("VolumeSize") or snapshot.volume_size) < snapshot.volume_size:
                raise errors.ec2("InvalidBlockDeviceMapping", "The volume is smaller than its snapshot")
            kept |= {"SnapshotId": snapshot_id, "VolumeSize": snapshot.volume_size, "Encrypted": snapshot.encrypted}
        elif not disk.get("VolumeSize"):
            raise errors.ec2("MissingParameter", "The request must contain the parameter size or snapshotId")
        kept |= {name: disk[name] for name in EBS_FIELDS if disk.get(name) is not None}
        return mapping | {"Ebs": kept}

    def _copied(self, mapping: dict, source: Image, region: str) -> dict:
        if not mapping.get("Ebs", {}).get("SnapshotId"):
            return mapping
        origin = snapshots.find(mapping["Ebs"]["SnapshotId"], self.current_account, region)
        if origin is None:  # sharing an image does not share its snapshots
            raise errors.ec2("InvalidRequest", "You do not have permission to access the storage of this ami")
        encrypted = origin.encrypted or bool(self._get_param("Encrypted"))
        copy = snapshots.new_snapshot(self.ec2_backend, origin.volume_size, "", origin.blocks, encrypted,
                                      self._get_param("KmsKeyId"))
        return mapping | {"Ebs": mapping["Ebs"] | {"SnapshotId": copy.id, "Encrypted": encrypted}}

    def _made(self, image: Image) -> ActionResult:
        given = self._parse_tag_specification()
        image.add_tags(given.get("image", {}))
        for snapshot_id in image.snapshot_ids:
            if given.get("snapshot"):
                self.ec2_backend.snapshots[snapshot_id].add_tags(given["snapshot"])
        return ActionResult({"ImageId": image.id})

    def _owned(self, image: Image) -> bool:
        owners = self._get_param("Owners") or []
        return not owners or image.owner_id in owners or ("self" in owners and image.owner_id == self.current_account)

    def _executable(self, image: Image) -> bool:
        users = self._get_param("ExecutableUsers") or []
        wanted = [{"Group": "all"} if user == "all" else {"UserId": self.current_account if user == "self" else user}
                  for user in users]
        return not wanted or any(one in image.launch_permissions for one in wanted)
