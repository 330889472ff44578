"""STS: roles that must exist and trust the caller."""
import json
import re

from moto.core.responses import ActionResult
from moto.iam.models import iam_backends
from moto.sts import responses, urls

from . import callers, errors, regions, trust
from .controls import read

ROLE_ARN = re.compile(r"arn:(aws[a-z-]*):iam::([0-9]{12}):role/[\w+=,.@/-]+")
SHORTEST, LONGEST, CHAINED = 900, 43200, 3600
# Parameters, their length and the characters that AWS allows in them.
FORMS = {"RoleSessionName": (2, 64, re.compile(r"[\w+=,.@-]*", re.ASCII)),
         "ExternalId": (2, 1224, re.compile(r"[\w+=,.@:/-]*", re.ASCII)),
         "SourceIdentity": (2, 64, re.compile(r"[\w+=,.@-]*", re.ASCII))}


class Sts(errors.Forbidding, responses.TokenResponse):
    def assume_role(self):
        self._check_form()
        arn, seconds = self._get_param("RoleArn"), self._get_int_param("DurationSeconds", 3600)
        caller, session = self._caller()
        role = self._role(arn)
        # Whether it is missing or closed is not told.
        if role is None or not trust.allows(role.assume_role_policy_document, caller, self._context(caller)):
            raise errors.sts("AccessDenied", f"User: {caller['arn']} is not authorized to perform: sts:AssumeRole on "
                                             f"resource: {arn}")
        if session and seconds > CHAINED:
            raise errors.sts("ValidationError", "The requested DurationSeconds exceeds the 1 hour session limit for "
                                                "roles assumed by role chaining.")
        if seconds > int(role.max_session_duration or 3600):
            raise errors.sts("ValidationError", "The requested DurationSeconds exceeds the MaxSessionDuration set for "
                                                "this role.")
        if not regions.usable(role.account_id, self.region):
            raise errors.sts("RegionDisabledException", f"STS is not activated in this region for account:"
                                                        f"{role.account_id}. Your account administrator can activate "
                                                        "STS in this region using the IAM Console.")
        answer = super().assume_role()
        if identity := self._get_param("SourceIdentity"):
            answer.result["SourceIdentity"] = identity
        return answer

    def get_caller_identity(self):
        answer = super().get_caller_identity()
        if answer.result["Arn"].endswith(":user/moto"):  # moto puts the user in the wrong service
            answer.result["Arn"] = callers.arn(self.current_account, self.partition)
        return ActionResult(answer.result)

    def _check_form(self) -> None:
        for name, (least, most, form) in FORMS.items():
            text, field = self._get_param(name), name[0].lower() + name[1:]
            if text is None:
                continue
            if not least <= len(text) <= most or not form.fullmatch(text):
                raise errors.sts("ValidationError", f"1 validation error detected: Value '{text}' at '{field}' failed to "
                                                    f"satisfy constraint: {least} to {most} of {form.pattern}")
        seconds = self._get_int_param("DurationSeconds", 3600)
        if not SHORTEST <= seconds <= LONGEST:
            bound = ("greater", SHORTEST) if seconds < SHORTEST else ("less", LONGEST)
            raise errors.sts("ValidationError", f"1 validation error detected: Value '{seconds}' at 'durationSeconds' "
                                                f"failed to satisfy constraint: Member must have value {bound[0]} than "
                                                f"or equal to {bound[1]}")
        if not ROLE_ARN.fullmatch(self._get_param("RoleArn") or ""):
            raise errors.sts("ValidationError", f"{self._get_param('RoleArn')} is invalid")

    def _caller(self) -> tuple[dict, object | None]:
        """The caller as policies know it, and its session if it has a role."""
        account = self.current_account
        session = self.backend.get_assumed_role_from_access_key(self.get_access_key())
        if session:
            return {"account": account, "arn": session.arn, "arns": {session.arn, session.role_arn}}, session
        _, arn, _ = self.backend.get_caller_identity(self.get_access_key(), self.region)
        arn = callers.arn(account, self.partition) if arn.endswith(":user/moto") else arn
        return {"account": account, "arn": arn, "arns": {arn}}, None

    def _role(self, arn: str):
        partition, account = ROLE_ARN.fullmatch(arn).groups()
        roles = iam_backends[account][partition].get_roles() if partition == self.partition else []
        return next((one for one in roles if one.arn == arn), None)

    def _context(self, caller: dict) -> dict[str, str | None]:
        from .organizations import organization_of

        organization = organization_of(caller["account"], self.partition)
        return {"sts:ExternalId": self._get_param("ExternalId"), "sts:RoleSessionName": self._get_param("RoleSessionName"),
                "sts:SourceIdentity": self._get_param("SourceIdentity"), "aws:PrincipalArn": caller["arn"],
                "aws:PrincipalAccount": caller["account"], "aws:PrincipalOrgID": organization.id if organization else None}


def declare(given: object) -> dict:
    """Makes a role, as IAM's CreateRole in its account would: POST /localaws/roles."""
    given = read(given, {"account": str, "name": str}, {"trusts": list, "external_id": str, "longest": int, "policy": dict})
    if not callers.ACCOUNT_ID.fullmatch(given["account"]):
        raise ValueError("account must be 12 digits")
    statement = {"Effect": "Allow", "Principal": {"AWS": given.get("trusts", [])}, "Action": "sts:AssumeRole"}
    if "external_id" in given:
        statement["Condition"] = {"StringEquals": {"sts:ExternalId": given["external_id"]}}
    policy = given.get("policy") or {"Version": "2012-10-17", "Statement": [statement]}
    role = iam_backends[given["account"]]["aws"].create_role(
        given["name"], json.dumps(policy), "/", None, "", [], given.get("longest", 3600))
    return {"arn": role.arn}


def install() -> None:
    urls.url_paths = {path: Sts.dispatch for path in urls.url_paths}
