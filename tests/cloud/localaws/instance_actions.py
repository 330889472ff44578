"""EC2 actions on instances and their launch templates that moto answers wrongly."""
from itertools import groupby

from moto.core.responses import ActionResult
from moto.ec2.exceptions import InvalidParameterCombination

from . import errors, paging


class InstanceActions:
    def describe_instances(self):
        self.error_on_dryrun()
        ids, size = self._get_param("InstanceIds", []), self._get_param("MaxResults")
        if ids and size:
            raise InvalidParameterCombination("The parameter instancesSet cannot be used with the parameter maxResults")
        backend, filters = self.ec2_backend, self._filters_from_querystring()
        found = backend.get_reservations_by_instance_ids(ids, filters) if ids else backend.describe_instances(filters)
        # Pages count instances, and a reservation may go on in the next one.
        pairs = [(reservation, instance) for reservation in found for instance in reservation.instances
                 if ids or not self._hidden(instance)]
        page, token = paging.page(pairs, self._get_param("NextToken"), None if ids else paging.size(size, 5, 1000))
        shown = []
        for _, part in groupby(page, key=lambda pair: id(pair[0])):
            part = list(part)
            part[0][0].instances = [instance for _, instance in part]  # of a copy, made for this answer
            shown.append(part[0][0])
        return ActionResult({"Reservations": shown, "NextToken": token})

    def describe_volumes(self):
        found = self.ec2_backend.describe_volumes(self._get_param("VolumeIds", []), self._filters_from_querystring())
        if not self._get_param("VolumeIds", []):
            found = [one for one in found if not (one.attachment and self._hidden(one.attachment.instance))]
        page, token = paging.page(found, self._get_param("NextToken"), self._get_param("MaxResults"))
        return ActionResult({"Volumes": page, "NextToken": token})

    def _hidden(self, instance) -> bool:
        return instance.operator.get("HiddenByDefault", False) and not self._get_param("IncludeManagedResources")

    def get_managed_resource_visibility(self):
        self.error_on_dryrun()
        return ActionResult({"Visibility": {"DefaultVisibility": self.ec2_backend.managed_visibility}})

    def modify_managed_resource_visibility(self):
        self.error_on_dryrun()
        wanted = self._get_param("DefaultVisibility")
        if wanted not in ("hidden", "visible"):
            raise errors.ec2("InvalidParameterValue", f"Invalid visibility: {wanted}")
        self.ec2_backend.managed_visibility = wanted
        return self.get_managed_resource_visibility()

    def describe_launch_templates(self):
        return self._paged("LaunchTemplates", super().describe_launch_templates)

    def describe_launch_template_versions(self):
        answer = self._paged("LaunchTemplateVersions", super().describe_launch_template_versions)
        if self._get_param("ResolveAlias"):
            for one in answer.result["LaunchTemplateVersions"]:
                data = one["LaunchTemplateData"]
                one["LaunchTemplateData"] = data | {"ImageId": self.ec2_backend.resolved(data.get("ImageId"))}
        return answer

    def _paged(self, name: str, describe) -> ActionResult:
        # moto gives the first 15 and no token.
        size, self.params["MaxResults"] = self._get_int_param("MaxResults", 200), 1_000_000
        page, token = paging.page(describe().result[name], self._get_param("NextToken"), size)
        return ActionResult({name: page, "NextToken": token})
