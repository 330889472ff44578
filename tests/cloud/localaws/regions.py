"""Regions, those that an account must enable first, and the Account service that does so."""
from collections import defaultdict
from functools import partial

from boto3 import Session
from moto.account import responses, urls
from moto.core.responses import ActionResult, EmptyResult

from . import errors, images, paging
from .controls import AGENDA

# Enabled in every account, and never otherwise; all others are opt-in.
ALWAYS = frozenset((
    "us-east-1", "us-east-2", "us-west-1", "us-west-2", "ap-northeast-1", "ap-northeast-2", "ap-northeast-3",
    "ap-south-1", "ap-southeast-1", "ap-southeast-2", "ca-central-1", "eu-central-1", "eu-north-1", "eu-west-1",
    "eu-west-2", "eu-west-3", "sa-east-1"))
KNOWN = tuple(sorted(Session().get_available_regions("ec2")))
SECONDS_CHANGING = 0.2
# By account and region; what is not there is as it always was.
_changed: dict[str, dict[str, str]] = defaultdict(dict)


def status(account: str, region: str) -> str:
    return "ENABLED_BY_DEFAULT" if region in ALWAYS else _changed[account].get(region, "DISABLED")


def usable(account: str, region: str | None) -> bool:
    # Regions of other partitions have no opt-in.
    return region not in KNOWN or status(account, region) in ("ENABLED", "ENABLED_BY_DEFAULT")


def refusal(service: str | None, protocol: str) -> tuple[int, str, str]:
    """How a service answers in a region that the caller's account has not enabled: it does not know the key."""
    if service == "ec2":
        return 401, "AuthFailure", "AWS was not able to validate the provided access credentials"
    if service == "s3":
        return 403, "InvalidAccessKeyId", "The AWS Access Key Id you provided does not exist in our records."
    code = "InvalidClientTokenId" if protocol == "query" else "UnrecognizedClientException"
    return 403 if protocol != "json" else 400, code, "The security token included in the request is invalid."


def reset() -> None:
    _changed.clear()


class RegionActions:
    """Actions of EC2."""

    def describe_regions(self):
        self.error_on_dryrun()
        account, named = self.current_account, self._get_param("RegionNames", [])
        if wrong := sorted(set(named) - set(KNOWN)):
            raise errors.ec2("InvalidParameterValue", f"Invalid region names: {', '.join(wrong)}")
        shown = [_shown(account, one) for one in named or KNOWN
                 if named or self._get_param("AllRegions") or usable(account, one)]
        filters = self._filters_from_querystring()
        return ActionResult({"Regions": [one for one in shown if _matches(one, filters)]})


def _shown(account: str, region: str) -> dict:
    opted = "opt-in-not-required" if region in ALWAYS else "opted-in" if usable(account, region) else "not-opted-in"
    return {"RegionName": region, "Endpoint": f"ec2.{region}.amazonaws.com", "OptInStatus": opted}


FILTERS = {"endpoint": "Endpoint", "opt-in-status": "OptInStatus", "region-name": "RegionName"}


def _matches(shown: dict, filters: dict[str, list]) -> bool:
    for name, wanted in filters.items():
        if name not in FILTERS:
            raise errors.ec2("InvalidParameterValue", f"The filter '{name}' is invalid")
        if not any(images.like(shown[FILTERS[name]], one) for one in wanted):
            return False
    return True


class Account(responses.AccountResponse):
    def list_regions(self):
        size, wanted = self._get_int_param("MaxResults", 50), self._get_param("RegionOptStatusContains") or []
        if not 1 <= size <= 50:
            raise errors.account("ValidationException", "MaxResults must be between 1 and 50")
        account = self._account()
        found = [{"RegionName": one, "RegionOptStatus": status(account, one)} for one in KNOWN]
        found = [one for one in found if not wanted or one["RegionOptStatus"] in wanted]
        try:
            page, token = paging.page(found, self._get_param("NextToken"), size)
        except Exception as e:
            raise errors.account("ValidationException", str(e)) from None
        return ActionResult({"Regions": page, "NextToken": token})

    def get_region_opt_status(self):
        region = self._region()
        return ActionResult({"RegionName": region, "RegionOptStatus": status(self._account(), region)})

    def enable_region(self):
        return self._change("ENABLING", "ENABLED")

    def disable_region(self):
        return self._change("DISABLING", "DISABLED")

    def _change(self, now: str, later: str):
        account, region = self._account(), self._region()
        if region in ALWAYS:
            raise errors.account("ValidationException", f"The region {region} cannot be changed")
        if status(account, region).endswith("ING"):
            raise errors.account("ConflictException", f"The region {region} is {status(account, region)}")
        if status(account, region) != later:
            _changed[account][region] = now
            AGENDA.after(SECONDS_CHANGING, partial(_settle, account, region, later))
        return EmptyResult()

    def _region(self) -> str:
        if (region := self._get_param("RegionName")) not in KNOWN:
            raise errors.account("ValidationException", f"There is no region {region}")
        return region

    def _account(self) -> str:
        from .organizations import organization_of, privileged

        asked, own = self._get_param("AccountId"), self.current_account
        if asked is None:
            return own
        theirs, ours = organization_of(asked, self.partition), organization_of(own, self.partition)
        if asked == own or ours is None or theirs is not ours or not privileged(own, self.partition):
            raise errors.account("AccessDeniedException", f"Account {own} may not ask for account {asked}")
        return asked


def _settle(account: str, region: str, later: str) -> None:
    _changed[account][region] = later


def install() -> None:
    actions = ("putAlternateContact", "getAlternateContact", "deleteAlternateContact", "listRegions",
               "getRegionOptStatus", "enableRegion", "disableRegion")
    urls.url_paths = {f"{{0}}/{action}$": Account.dispatch for action in actions}
