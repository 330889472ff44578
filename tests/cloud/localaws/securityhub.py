"""Security Hub: findings that are refused for what AWS would refuse them, and read back."""
import json
import re
from datetime import datetime

from moto.securityhub import models, responses, urls

from . import errors, paging

MOST, LARGEST = 100, 240 * 1024
REQUIRED = ("SchemaVersion", "Id", "ProductArn", "GeneratorId", "AwsAccountId", "CreatedAt", "UpdatedAt", "Title",
            "Description", "Resources")
LENGTHS = {"Title": 256, "Description": 1024, "Id": 512, "GeneratorId": 512}
SEVERITIES = ("INFORMATIONAL", "LOW", "MEDIUM", "HIGH", "CRITICAL")
# What customers decide, and what a provider says only once outside of FindingProviderFields.
KEPT = ("Note", "UserDefinedFields", "VerificationState", "Workflow", "WorkflowState", "Confidence", "Criticality",
        "RelatedFindings", "Severity", "Types")
PRODUCT = re.compile(r"arn:(aws[a-z-]*):securityhub:([a-z0-9-]+):([0-9]{12}):product/([0-9]{12})/default")
TIME = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,9})?(Z|[+-]\d{2}:?\d{2})")


class SecurityHub(errors.Forbidding, responses.SecurityHubResponse):
    def batch_import_findings(self) -> str:
        backend = self._subscribed("BatchImportFindings")
        findings = json.loads(self.body).get("Findings")
        if not isinstance(findings, list) or not 1 <= len(findings) <= MOST:
            raise errors.securityhub("InvalidInputException", f"Findings must have 1 to {MOST} items")
        for one in findings:
            self._check_sender(one)
        failed = []
        for one in findings:
            if problem := _problem(one, len(json.dumps(one, separators=(",", ":")).encode())):
                failed.append({"Id": str(one.get("Id") or "unknown"), "ErrorCode": problem[0], "ErrorMessage": problem[1]})
            else:
                backend.keep(one, self.region)
        return json.dumps({"FailedCount": len(failed), "SuccessCount": len(findings) - len(failed),
                           "FailedFindings": failed})

    def get_findings(self) -> str:
        backend = self._subscribed("GetFindings")
        given = json.loads(self.body or "{}")
        size, filters = given.get("MaxResults", MOST), given.get("Filters") or {}
        if not 1 <= size <= MOST:
            raise errors.securityhub("InvalidInputException", f"MaxResults must be between 1 and {MOST}")
        if unknown := sorted(set(filters) - set(READ)):
            raise errors.securityhub("InvalidInputException", f"Filters not in the local AWS: {', '.join(unknown)}")
        found = [one for one in backend.imported.values() if all(
            any(_compare(value, one_of) for value in READ[name](one) for one_of in wanted)
            for name, wanted in filters.items())]
        try:
            page, token = paging.page(found, given.get("NextToken"), size)
        except Exception:
            raise errors.securityhub("InvalidInputException", "Invalid NextToken") from None
        return json.dumps({"Findings": page} | ({"NextToken": token} if token else {}))

    def _subscribed(self, action: str):
        backend = self.securityhub_backend
        if not backend.enabled:
            raise errors.securityhub("InvalidAccessException",
                                     f"Account {self.current_account} is not subscribed to AWS Security Hub")
        return backend

    def _check_sender(self, finding: object) -> None:
        """The whole call is refused for a finding that its caller may not send."""
        if not isinstance(finding, dict):
            raise errors.securityhub("InvalidInputException", "A finding must be an object")
        arn = finding.get("ProductArn")
        match = PRODUCT.fullmatch(arn) if isinstance(arn, str) else None
        if arn is None:
            return  # a missing field fails that finding alone
        if match is None:
            raise errors.securityhub("InvalidInputException", f'productArn: "{arn}"')
        account = self.current_account
        if match.groups() != (self.partition, self.region, account, account) or (
                finding.get("AwsAccountId") not in (None, account)):
            raise errors.securityhub("AccessDeniedException",
                                     f"User: {account} is not authorized to perform: securityhub:BatchImportFindings on "
                                     f"resource: {arn}")


def _problem(finding: dict, size: int) -> tuple[str, str] | None:
    if size > LARGEST:
        return "FindingTooLarge", f"Finding is larger than {LARGEST} bytes"
    wrong = [f"data should have required property '{name}'" for name in REQUIRED if not finding.get(name)]
    if not (finding.get("FindingProviderFields") or finding.get("Severity") and finding.get("Types")):
        wrong.append("data should have required property 'FindingProviderFields'")
    if finding.get("SchemaVersion") not in (None, "2018-10-08"):
        wrong.append("data.SchemaVersion should be equal to one of the allowed values")
    wrong += [f"data.{name} should NOT be longer than {most} characters" for name, most in LENGTHS.items()
              if len(finding.get(name) or "") > most]
    wrong += [f'data.{name} should match format "date-time"' for name in ("CreatedAt", "UpdatedAt") if finding.get(name)
              and not _is_time(finding[name])]
    resources = finding.get("Resources") or []
    wrong += [f"data.Resources[{index}] should have required property '{name}'" for index, one in enumerate(resources)
              for name in ("Type", "Id") if not one.get(name)]
    if len(resources) > 32:
        wrong.append("data.Resources should NOT have more than 32 items")
    severity = (finding.get("FindingProviderFields") or finding).get("Severity") or {}
    if severity.get("Label") not in (None, *SEVERITIES):
        wrong.append("data.Severity.Label should be equal to one of the allowed values")
    return ("InvalidInput", f"Finding does not adhere to Amazon Finding Format. {', '.join(wrong)}.") if wrong else None


def _is_time(text: str) -> bool:
    try:
        return bool(TIME.fullmatch(text) and _time(text))
    except ValueError:
        return False


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)


class Backend(models.SecurityHubBackend):
    __module__ = models.__name__  # moto finds a backend's URLs by this name

    def __init__(self, region_name: str, account_id: str):
        super().__init__(region_name, account_id)
        self.imported: dict[tuple[str, str], dict] = {}

    def keep(self, finding: dict, region: str) -> None:
        """A new finding, or a newer state of one."""
        key = finding["ProductArn"], finding["Id"]
        before = self.imported.get(key)
        if before and _time(finding["UpdatedAt"]) <= _time(before["UpdatedAt"]):
            return
        kept = {name: before[name] for name in KEPT if name in before} if before else {
            "Workflow": {"Status": "NEW"}, "WorkflowState": "NEW"}
        said = finding.get("FindingProviderFields") or {}
        seen = {"RecordState": "ACTIVE"} | finding | kept | {"Region": region}
        # What the provider says is what is seen, until a customer decides otherwise.
        seen |= {name: said[name] for name in ("Severity", "Types", "Confidence", "Criticality") if name in said}
        seen["FindingProviderFields"] = said or {"Severity": seen["Severity"], "Types": seen["Types"]}
        self.imported[key] = seen

    def disable_security_hub(self):
        self.imported.clear()
        return super().disable_security_hub()


def _field(*path: str):
    def read(finding: dict) -> list:
        values = [finding]
        for name in path:
            values = [value.get(name) for value in values if isinstance(value, dict)]
            values = [one for value in values for one in (value if isinstance(value, list) else [value])]
        return [value for value in values if value is not None]

    return read


READ = {"AwsAccountId": _field("AwsAccountId"), "ComplianceStatus": _field("Compliance", "Status"),
        "GeneratorId": _field("GeneratorId"), "Id": _field("Id"), "ProductArn": _field("ProductArn"),
        "RecordState": _field("RecordState"), "Region": _field("Region"), "ResourceId": _field("Resources", "Id"),
        "ResourceType": _field("Resources", "Type"), "SeverityLabel": _field("Severity", "Label"),
        "Title": _field("Title"), "Type": _field("Types"), "WorkflowStatus": _field("Workflow", "Status")}
COMPARE = {"EQUALS": lambda have, wanted: have == wanted, "PREFIX": lambda have, wanted: have.startswith(wanted),
           "NOT_EQUALS": lambda have, wanted: have != wanted, "CONTAINS": lambda have, wanted: wanted in have}


def _compare(have: str, wanted: dict) -> bool:
    if wanted.get("Comparison") not in COMPARE:
        raise errors.securityhub("InvalidInputException", f"Comparison not in the local AWS: {wanted.get('Comparison')}")
    return COMPARE[wanted["Comparison"]](have, wanted.get("Value", ""))


def install() -> None:
    models.securityhub_backends.backend = Backend
    urls.url_paths = {path: SecurityHub.dispatch for path in urls.url_paths}
