"""Parameter Store: parameters of the data type aws:ec2:image, which are checked after the answer, as on AWS."""
from moto.ssm import models, responses, urls
from moto.ssm.exceptions import ValidationException

from . import images, paging

IMAGE = "aws:ec2:image"


class Backend(models.SimpleSystemManagerBackend):
    __module__ = models.__name__  # moto finds a backend's URLs by this name

    def __init__(self, region_name: str, account_id: str):
        super().__init__(region_name, account_id)
        self.unchecked: dict[str, dict] = {}

    def settle(self, name: str) -> None:
        """Ends the check of what was put last: it is taken, or nothing remains of it."""
        given = self.unchecked.pop(name, None)
        if given is None:
            return
        value = given["value"]
        image = images.find(value, self.account_id, self.region_name) if images.IMAGE_ID.fullmatch(value) else None
        if image and image.state == "available":
            self.put_parameter(**given)


class Ssm(responses.SimpleSystemManagerResponse):
    def put_parameter(self):
        name, data_type = self._get_param("Name"), self._get_param("DataType", "text")
        backend, given_type = self.ssm_backend, self._get_param("Type")
        known = backend._parameters[name][-1:] if name in backend._parameters else []
        if known and self._get_param("Overwrite", False) and IMAGE in {data_type, known[0].data_type} \
                and data_type != known[0].data_type:
            raise ValidationException(f"The data type of a parameter cannot be changed from or to {IMAGE}.")
        if data_type != IMAGE or (known and not self._get_param("Overwrite", False)):
            return super().put_parameter()
        if (given_type or known and known[0].parameter_type) != "String":
            raise ValidationException(f"A parameter of the data type {IMAGE} is a String.")
        backend.unchecked[name] = {
            "name": name, "description": self._get_param("Description"), "value": self._get_param("Value"),
            "parameter_type": given_type, "allowed_pattern": self._get_param("AllowedPattern"), "keyid": None,
            "overwrite": bool(known), "tags": self._get_param("Tags"), "data_type": data_type,
            "tier": self._get_param("Tier"), "policies": self._get_param("Policies")}
        version = known[0].version + 1 if known else 1
        return responses.ActionResult({"Version": version, "Tier": "Standard"})

    def describe_parameters(self):
        # moto knows no filter of data types, and no size of a page but ten.
        filters = self._get_param("ParameterFilters") or []
        wanted = [value for one in filters if one["Key"] == "DataType" for value in one["Values"]]
        rest = [one for one in filters if one["Key"] != "DataType"]
        found = [one.describe_response_object(False)
                 for one in self.ssm_backend.describe_parameters(self._get_param("Filters"), rest)
                 if not wanted or one.data_type in wanted]
        page, token = paging.page(found, self._get_param("NextToken"), self._get_param("MaxResults") or 10)
        return responses.ActionResult({"Parameters": page, "NextToken": token})

    # The check ends after the next look at the parameter, which still shows what was there before.

    def get_parameter(self):
        name = self._get_param("Name")
        try:
            return super().get_parameter()
        finally:
            self.ssm_backend.settle(name)

    def get_parameters(self):
        answer = super().get_parameters()
        for name in self._get_param("Names"):
            self.ssm_backend.settle(name)
        return answer


def install() -> None:
    models.ssm_backends.backend = Backend
    urls.url_paths = {path: Ssm.dispatch for path in urls.url_paths}
