"""A role's trust policy: who may assume it. Knows nothing of moto."""
import fnmatch
import json
import re
from collections.abc import Mapping

ACCOUNT = re.compile(r"[0-9]{12}")


def allows(policy: str, caller: Mapping[str, object], context: Mapping[str, str | None]) -> bool:
    """Whether the policy lets a caller in.

    `caller` has the account and the ARNs by which a policy may name it; `context` has condition keys and their values.
    What is not understood never opens: an unknown operator or key fails an Allow and holds for a Deny.
    """
    decision = False
    statements = json.loads(policy).get("Statement") or []
    for one in statements if isinstance(statements, list) else [statements]:
        denies = one.get("Effect") == "Deny"
        if not any(_like("sts:AssumeRole", wanted) for wanted in _list(one.get("Action"))):
            continue
        if not _names(one.get("Principal"), caller) or not holds(one.get("Condition") or {}, context, denies):
            continue
        if denies:
            return False
        decision = decision or one.get("Effect") == "Allow"
    return decision


def _like(text: str, pattern: str) -> bool:
    return fnmatch.fnmatchcase(text.lower(), pattern.lower().replace("[", "[[]"))


def _list(value: object) -> list:
    return value if isinstance(value, list) else [] if value is None else [value]


def _names(principal: object, caller: Mapping[str, object]) -> bool:
    if principal == "*":
        return True
    for wanted in _list((principal or {}).get("AWS") if isinstance(principal, dict) else None):
        # No wildcards inside an ARN: a principal is a whole account or one name.
        account = wanted if ACCOUNT.fullmatch(wanted) else wanted.split(":")[4] if wanted.endswith(":root") else None
        if wanted == "*" or account == caller["account"] or wanted in caller["arns"]:
            return True
    return False


def holds(conditions: dict, context: Mapping[str, str | None], unknown: bool) -> bool:
    """Whether all conditions of a statement are met; one that is not understood is `unknown`."""
    known = {name.lower(): value for name, value in context.items()}
    for operator, keys in conditions.items():
        for key, wanted in keys.items():
            if not _meets(operator, known.get(key.lower()), key.lower() in known, _list(wanted), unknown):
                return False
    return True


def _meets(operator: str, have: str | None, key_is_known: bool, wanted: list, unknown: bool) -> bool:
    base = operator.removesuffix("IfExists")
    if not key_is_known:
        return unknown
    if base == "Null":
        return (have is None) == (str(wanted[0]).lower() == "true")
    test = {"StringEquals": lambda one: have == one, "StringLike": lambda one: fnmatch.fnmatchcase(have, one),
            "StringEqualsIgnoreCase": lambda one: have.lower() == one.lower(),
            "ArnEquals": lambda one: fnmatch.fnmatchcase(have, one),
            "ArnLike": lambda one: fnmatch.fnmatchcase(have, one), "Bool": lambda one: have.lower() == one.lower()}
    negated = base.replace("Not", "", 1)
    if base not in test and negated not in test:
        return unknown
    if have is None:
        return operator != base or base not in test
    if base in test:
        return any(test[base](str(one)) for one in wanted)
    return not any(test[negated](str(one)) for one in wanted)
