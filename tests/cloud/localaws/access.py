"""What a role may do: the IAM policy of one access key. Keys without one may do everything."""
import re
from dataclasses import dataclass

from . import callers, wire
from .calls import Call

STATEMENT = {"Effect", "Action", "Resource"}
# Calls that are allowed by the name of another one.
ALLOWED_BY = {"s3:HeadObject": "s3:GetObject", "s3:HeadBucket": "s3:ListBucket", "s3:ListObjects": "s3:ListBucket",
              "s3:ListObjectsV2": "s3:ListBucket"}
# Nobody needs a permission for it.
FREE = "sts:GetCallerIdentity"


@dataclass
class Policy:
    """Statements that allow, with their variables filled in."""

    statements: list[tuple[list[str], list[str]]]

    def allows(self, action: str, resource: str) -> bool:
        return any(_any(actions, action, re.IGNORECASE) and _any(resources, resource) for actions, resources in self.statements)


POLICIES: dict[str, Policy] = {}


def declare(given: object) -> dict:
    """Limits a key, which is an account's from now on; a ValueError says what is not understood here."""
    if not isinstance(given, dict) or set(given) - {"variables"} != {"key", "account", "policy"}:
        raise ValueError("access: key, account, policy, and perhaps variables")
    key, variables = given["key"], given.get("variables", {})
    statements = given["policy"]["Statement"]
    for one in statements:
        if set(one) - {"Sid"} != STATEMENT or one["Effect"] != "Allow":
            raise ValueError(f"only statements that allow an Action on a Resource: {one}")
    POLICIES[key] = Policy([(_listed(one["Action"]), [_filled(text, variables) for text in _listed(one["Resource"])])
                            for one in statements])
    callers.KNOWN[key] = given["account"]
    return {"key": key}


def reset() -> None:
    POLICIES.clear()
    callers.KNOWN.clear()


def allows(key: str | None, action: str, resource: str = "*") -> bool:
    policy = POLICIES.get(key)
    return policy is None or policy.allows(action, resource)


def refusal(call: Call) -> tuple[int, str, str] | None:
    """The error for a call that its caller may not make."""
    action = f"{call.service}:{call.action}"
    resource = f"arn:aws:s3:::{call.resource}" if call.service == "s3" else "*"
    if action == FREE or allows(call.caller, ALLOWED_BY.get(action, action), resource):
        return None
    message = f"not authorized to perform: {action} on resource: {resource}"
    if call.service == "ec2":
        return 403, "UnauthorizedOperation", message
    model = wire.model_of(call.service)
    if model and str(model.protocol) == "json":
        return 400, "AccessDeniedException", message
    return 403, "AccessDenied", message


def _listed(value: object) -> list[str]:
    return value if isinstance(value, list) else [value]


def _filled(text: str, variables: dict[str, str]) -> str:
    filled = re.sub(r"\$\{([^}]*)\}", lambda found: variables.get(found[1], found[0]), text)
    if "${" in filled:
        raise ValueError(f"a variable without a value: {filled}")
    return filled


def _any(patterns: list[str], text: str, flags: int = 0) -> bool:
    return any(re.fullmatch(re.escape(one).replace(r"\*", ".*").replace(r"\?", "."), text, flags) for one in patterns)
