"""Findings sent to Security Hub and read back."""
from harness import OTHER, OWNER, Case, client


def finding(account: str = OWNER, region: str = "us-east-1", **more) -> dict:
    return {"SchemaVersion": "2018-10-08", "Id": "i-1/unsealed",
            "ProductArn": f"arn:aws:securityhub:{region}:{account}:product/{account}/default",
            "GeneratorId": "goldseal", "AwsAccountId": account, "CreatedAt": "2026-11-01T10:00:00Z",
            "UpdatedAt": "2026-11-01T10:00:00Z", "Title": "Unsealed image", "Description": "It has no seal.",
            "Resources": [{"Type": "AwsEc2Instance", "Id": "arn:aws:ec2:us-east-1:1:instance/i-1"}],
            "FindingProviderFields": {"Severity": {"Label": "HIGH"}, "Types": ["Software and Configuration Checks"]}} | more


class Findings(Case):
    def setUp(self) -> None:
        super().setUp()
        self.hub = client("securityhub")
        self.hub.enable_security_hub()
        self.raw = client("securityhub", parameter_validation=False)

    def send(self, *findings: dict) -> dict:
        return self.raw.batch_import_findings(Findings=list(findings))

    def read(self, **filters) -> list[dict]:
        wanted = {name: [{"Value": value, "Comparison": "EQUALS"}] for name, value in filters.items()}
        pages = self.hub.get_paginator("get_findings").paginate(Filters=wanted)
        return [one for page in pages for one in page["Findings"]]

    def problem(self, **wrong) -> str:
        answer = self.send({name: value for name, value in finding(**wrong).items() if value is not None})
        self.assertEqual((answer["SuccessCount"], answer["FailedCount"]), (0, 1), wrong)
        return answer["FailedFindings"][0]["ErrorMessage"]

    def test_what_is_sent_is_read_back(self):
        answer = self.send(finding())
        self.assertEqual((answer["SuccessCount"], answer["FailedCount"], answer["FailedFindings"]), (1, 0, []))
        seen, = self.read(Id="i-1/unsealed", SeverityLabel="HIGH", ResourceType="AwsEc2Instance")
        self.assertLessEqual(finding().items(), seen.items())
        self.assertEqual((seen["Severity"]["Label"], seen["Workflow"]["Status"], seen["RecordState"], seen["Region"]),
                         ("HIGH", "NEW", "ACTIVE", "us-east-1"))
        self.assertEqual(self.read(SeverityLabel="LOW"), [])

    def test_updates_are_newer_and_leave_severity_to_the_providers_fields(self):
        self.send(finding())
        self.send(finding(Title="Older", UpdatedAt="2026-11-01T11:00:00+02:00"))
        self.assertEqual(self.read()[0]["Title"], "Unsealed image")
        newer = {"UpdatedAt": "2026-11-02T10:00:00Z", "RecordState": "ARCHIVED", "Workflow": {"Status": "RESOLVED"}}
        self.send(finding(**newer, Severity={"Label": "LOW"}))
        seen, = self.read()
        self.assertEqual((seen["RecordState"], seen["Severity"]["Label"], seen["Workflow"]["Status"]),
                         ("ARCHIVED", "HIGH", "NEW"))
        newest = {"Severity": {"Label": "MEDIUM"}, "Types": ["Effects"]}
        self.send(finding(UpdatedAt="2026-11-03T10:00:00Z", FindingProviderFields=newest))
        self.assertEqual(self.read()[0]["Severity"]["Label"], "MEDIUM")

    def test_bad_findings_fail_alone(self):
        answer = self.send(finding(), finding(Id="long", Title="x" * 257), finding(Id="other"))
        self.assertEqual((answer["SuccessCount"], answer["FailedCount"]), (2, 1))
        failed = answer["FailedFindings"][0]
        self.assertEqual((failed["Id"], failed["ErrorCode"]), ("long", "InvalidInput"))
        self.assertEqual({one["Id"] for one in self.read()}, {"i-1/unsealed", "other"})

    def test_every_rule_is_told(self):
        for name in ("SchemaVersion", "GeneratorId", "AwsAccountId", "CreatedAt", "UpdatedAt", "Title", "Description",
                     "Resources", "FindingProviderFields", "ProductArn"):
            self.assertIn(f"required property '{name}'", self.problem(**{name: None}))
        self.assertIn("Resources", self.problem(Resources=[]))
        self.assertIn("Resources[0]", self.problem(Resources=[{"Type": "Other"}]))
        self.assertIn("32", self.problem(Resources=[{"Type": "Other", "Id": str(n)} for n in range(33)]))
        self.assertIn("SchemaVersion", self.problem(SchemaVersion="2018-10-09"))
        self.assertIn("Description", self.problem(Description="x" * 1025))
        for wrong in ("yesterday", "2026-13-01T10:00:00Z", "2026-11-01 10:00:00", "2026-11-01T10:00:00"):
            self.assertIn("UpdatedAt", self.problem(UpdatedAt=wrong))
        self.assertIn("Label", self.problem(FindingProviderFields={"Severity": {"Label": "high"}, "Types": ["Effects"]}))
        self.assertIn("larger than", self.problem(ProductFields={str(n): "x" * 2000 for n in range(130)}))
        self.assertEqual(self.read(), [])

    def test_a_call_takes_a_hundred(self):
        many = [finding(Id=str(number)) for number in range(101)]
        self.refused("InvalidInputException", self.raw.batch_import_findings, 400, Findings=many)
        self.refused("InvalidInputException", self.raw.batch_import_findings, 400, Findings=[])
        self.assertEqual(self.send(*many[:100])["SuccessCount"], 100)
        self.send(many[100])
        self.assertEqual(len(self.read()), 101)
        first = self.hub.get_findings(MaxResults=60)
        second = self.hub.get_findings(MaxResults=60, NextToken=first["NextToken"])
        self.assertEqual((len(first["Findings"]), len(second["Findings"]), "NextToken" in second), (60, 41, False))
        self.refused("InvalidInputException", self.raw.get_findings, MaxResults=101)

    def test_nobody_sends_for_another_account_or_region(self):
        self.refused("InvalidInputException", self.raw.batch_import_findings,
                     Findings=[finding(ProductArn="arn:aws:securityhub:us-east-1::product/some/tool")])
        for wrong in (finding(OTHER), finding(region="eu-west-1"), finding(AwsAccountId=OTHER),
                      finding(ProductArn=f"arn:aws:securityhub:us-east-1:{OWNER}:product/{OTHER}/default")):
            self.refused("AccessDeniedException", self.raw.batch_import_findings, 403, Findings=[finding(Id="good"), wrong])
        self.assertEqual(self.read(), [])

    def test_the_hub_must_be_enabled(self):
        there = client("securityhub", "eu-west-1")
        self.refused("InvalidAccessException", there.batch_import_findings, 401, Findings=[finding(region="eu-west-1")])
        self.refused("InvalidAccessException", there.get_findings)
        there.enable_security_hub()
        self.assertEqual(there.batch_import_findings(Findings=[finding(region="eu-west-1")])["SuccessCount"], 1)
        self.assertEqual(self.read(), [])
