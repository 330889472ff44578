"""Roles of other accounts, the organization, and regions that must be enabled."""
import json
from datetime import UTC, datetime

import boto3
import harness
from botocore.config import Config
from harness import OTHER, OWNER, Case, client, http

ARN = f"arn:aws:iam::{OTHER}:role/audit"
THIRD = "333333333333"


def role(**more) -> str:
    return http("POST", "/localaws/roles", {"account": OTHER, "name": "audit", "trusts": [OWNER]} | more)["arn"]


def session(service: str, given: dict, region: str = "us-east-1"):
    """A client with the credentials that AssumeRole gave."""
    return boto3.client(service, endpoint_url=harness.endpoint(), region_name=region,
                        aws_access_key_id=given["AccessKeyId"], aws_secret_access_key=given["SecretAccessKey"],
                        aws_session_token=given["SessionToken"], config=Config(retries={"total_max_attempts": 1}))


class Roles(Case):
    def setUp(self) -> None:
        super().setUp()
        self.sts = client("sts")

    def assume(self, sts=None, **more) -> dict:
        return (sts or self.sts).assume_role(**{"RoleArn": ARN, "RoleSessionName": "audit"} | more)

    def test_session_acts_as_the_other_account(self):
        self.assertEqual(role(), ARN)
        answer = self.assume(DurationSeconds=900, SourceIdentity="goldseal")
        who = session("sts", answer["Credentials"]).get_caller_identity()
        self.assertEqual((who["Account"], who["Arn"]), (OTHER, f"arn:aws:sts::{OTHER}:assumed-role/audit/audit"))
        self.assertEqual((answer["AssumedRoleUser"]["Arn"], answer["SourceIdentity"]), (who["Arn"], "goldseal"))
        self.assertEqual(answer["AssumedRoleUser"]["AssumedRoleId"], who["UserId"])
        left = answer["Credentials"]["Expiration"] - datetime.now(UTC)
        self.assertTrue(880 <= left.total_seconds() <= 900, left)
        key = session("kms", answer["Credentials"]).create_key()["KeyMetadata"]["KeyId"]
        self.assertEqual([one["KeyId"] for one in client("kms", account=OTHER).list_keys()["Keys"]], [key])
        self.assertEqual(self.kms.list_keys()["Keys"], [])

    def test_callers_identity_is_an_iam_arn(self):
        self.assertEqual(self.sts.get_caller_identity()["Arn"], f"arn:aws:iam::{OWNER}:user/moto")

    def test_missing_role_is_denied_as_a_closed_one_is(self):
        role(trusts=[THIRD])
        closed = self.refused("AccessDenied", self.assume, 403)["Error"]["Message"]
        missing = self.refused("AccessDenied", self.assume, 403, RoleArn=ARN + "x")["Error"]["Message"]
        self.assertEqual(closed + "x", missing)
        self.assertEqual(closed, f"User: arn:aws:iam::{OWNER}:user/moto is not authorized to perform: sts:AssumeRole on "
                                 f"resource: {ARN}")

    def test_external_id_must_be_the_one_that_the_role_wants(self):
        role(external_id="secret")
        self.refused("AccessDenied", self.assume)
        self.refused("AccessDenied", self.assume, ExternalId="other")
        self.assertIn("Credentials", self.assume(ExternalId="secret"))

    def test_role_made_by_iam_is_as_good(self):
        trusting = {"Version": "2012-10-17", "Statement": [{
            "Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{OWNER}:root"}, "Action": "sts:AssumeRole"}]}
        client("iam", account=OTHER).create_role(RoleName="audit", AssumeRolePolicyDocument=json.dumps(trusting))
        self.assertIn("Credentials", self.assume())

    def test_trust_policies(self):
        allow = {"Effect": "Allow", "Principal": {"AWS": OWNER}, "Action": "sts:AssumeRole"}
        user, organization = f"arn:aws:iam::{OWNER}:user/moto", http(
            "POST", "/localaws/organization", {"management": OWNER, "accounts": []})["id"]
        for name, statements, open_ in (
                ("one user", [allow | {"Principal": {"AWS": [THIRD, user]}}], True),
                ("another user", [allow | {"Principal": {"AWS": user + "x"}}], False),
                ("everyone", [allow | {"Principal": "*"}], True),
                ("a service", [allow | {"Principal": {"Service": "ec2.amazonaws.com"}}], False),
                ("another action", [allow | {"Action": "sts:TagSession"}], False),
                ("any action of sts", [allow | {"Action": ["sts:*"]}], True),
                ("denied", [allow, allow | {"Effect": "Deny"}], False),
                ("denied to others", [allow, allow | {"Effect": "Deny", "Principal": {"AWS": THIRD}}], True),
                ("denied without an id", [allow, allow | {"Effect": "Deny", "Condition": {
                    "StringNotEquals": {"sts:ExternalId": "x"}}}], False),
                ("our organization", [allow | {"Principal": "*", "Condition": {
                    "StringEquals": {"aws:PrincipalOrgID": [organization]}}}], True),
                ("another one", [allow | {"Condition": {"StringEquals": {"aws:principalorgid": "o-1"}}}], False),
                ("session's name", [allow | {"Condition": {"StringLike": {"sts:RoleSessionName": "aud?*"}}}], True),
                ("no external id", [allow | {"Condition": {"Null": {"sts:ExternalId": "true"}}}], True),
                ("only if given", [allow | {"Condition": {"StringEqualsIfExists": {"sts:ExternalId": "x"}}}], True),
                ("any but that", [allow | {"Condition": {"StringNotEquals": {"sts:RoleSessionName": "audit"}}}], False),
                ("unknown key", [allow | {"Condition": {"Bool": {"aws:MultiFactorAuthPresent": "true"}}}], False)):
            with self.subTest(name):
                arn = role(name=name.replace(" ", "-").replace("'", ""), policy={"Statement": statements})
                if open_:
                    self.assertIn("Credentials", self.assume(RoleArn=arn))
                else:
                    self.refused("AccessDenied", self.assume, RoleArn=arn)

    def test_sessions_have_bounds(self):
        role(longest=7200)
        raw = client("sts", parameter_validation=False)
        for seconds in (899, 43201, 7201):
            self.refused("ValidationError", self.assume, 400, sts=raw, DurationSeconds=seconds)
        for wrong in ({"RoleSessionName": "a"}, {"RoleSessionName": "a b"}, {"ExternalId": "x"}, {"RoleArn": "a" * 20}):
            self.refused("ValidationError", self.assume, 400, sts=raw, **wrong)
        self.assertIn("Credentials", self.assume(DurationSeconds=7200))

    def test_chained_roles_last_an_hour_and_trust_the_role(self):
        role()
        chained = role(account=THIRD, name="deep", trusts=[ARN], longest=43200)
        sts = session("sts", self.assume()["Credentials"])
        said = self.refused("ValidationError", self.assume, 400, sts=sts, RoleArn=chained, DurationSeconds=3601)
        self.assertIn("role chaining", said["Error"]["Message"])
        deep = self.assume(sts, RoleArn=chained, DurationSeconds=3600)["Credentials"]
        self.assertEqual(session("sts", deep).get_caller_identity()["Account"], THIRD)
        self.refused("AccessDenied", self.assume, RoleArn=chained)

    def test_wrong_declarations_are_refused(self):
        for wrong in ({"account": "1", "name": "x"}, {"account": OTHER}, {"account": OTHER, "name": "x", "y": 1},
                      {"account": OTHER, "name": "x", "longest": "1"}):
            with self.assertRaises(harness.urllib.error.HTTPError) as caught:
                http("POST", "/localaws/roles", wrong)
            self.assertEqual(caught.exception.code, 400)
            caught.exception.close()


class Organization(Case):
    def setUp(self) -> None:
        super().setUp()
        self.organizations = client("organizations")

    def declare(self, count: int = 0, **more) -> dict:
        accounts = [{"id": OTHER, "name": "workload"}, *({"id": f"{one:012}"} for one in range(1, count + 1))]
        return http("POST", "/localaws/organization", {"management": OWNER, "accounts": accounts} | more)

    def listed(self, organizations=None, **more) -> list[dict]:
        pages = (organizations or self.organizations).get_paginator("list_accounts").paginate(**more)
        return [one for page in pages for one in page["Accounts"]]

    def test_accounts_of_every_state(self):
        self.declare(accounts=[{"id": f"{n:012}", "state": state} for n, state in enumerate(
            ("ACTIVE", "SUSPENDED", "PENDING_CLOSURE", "CLOSED"))])
        seen = {one["Id"]: (one["State"], one.get("Status")) for one in self.listed()}
        self.assertEqual(seen, {OWNER: ("ACTIVE", "ACTIVE"), "0" * 12: ("ACTIVE", "ACTIVE"),
                                f"{1:012}": ("SUSPENDED", "SUSPENDED"), f"{2:012}": ("PENDING_CLOSURE", "PENDING_CLOSURE"),
                                f"{3:012}": ("CLOSED", None)})
        self.declare(accounts=[{"id": "0" * 12, "state": "SUSPENDED"}])
        self.assertEqual({one["Id"]: one["State"] for one in self.listed()}["0" * 12], "SUSPENDED")

    def test_pages_hold_twenty_at_most(self):
        self.declare(45)
        self.assertEqual(len(self.listed()), 47)
        sizes = [len(page["Accounts"]) for page in self.organizations.get_paginator("list_accounts").paginate()]
        self.assertEqual(sizes, [20, 20, 7])
        self.assertEqual(len({one["Id"] for one in self.listed(PaginationConfig={"PageSize": 3})}), 47)
        raw = client("organizations", parameter_validation=False)
        self.refused("InvalidInputException", raw.list_accounts, MaxResults=21)
        self.refused("InvalidInputException", raw.list_accounts, NextToken="nonsense")

    def test_empty_pages_can_come_first(self):
        self.declare(empty_page=True)
        first = self.organizations.list_accounts()
        self.assertEqual(first["Accounts"], [])
        self.assertEqual(len(self.listed()), 2)

    def test_members_see_the_organization_but_not_its_accounts(self):
        made = self.declare(delegated=[OTHER], count=1)
        member = client("organizations", account=f"{1:012}")
        self.refused("AccessDeniedException", member.list_accounts, 400)
        shown = member.describe_organization()["Organization"]
        self.assertEqual((shown["Id"], shown["MasterAccountId"]), (made["id"], OWNER))
        self.assertEqual(len(self.listed(client("organizations", account=OTHER))), 3)

    def test_strangers_have_no_organization(self):
        self.declare()
        stranger = client("organizations", account=THIRD)
        for call in (stranger.list_accounts, stranger.describe_organization):
            self.refused("AWSOrganizationsNotInUseException", call)
        http("POST", "/moto-api/reset", {})
        self.refused("AWSOrganizationsNotInUseException", client("organizations", account=OTHER).describe_organization)


class Regions(Case):
    def setUp(self) -> None:
        super().setUp()
        self.account = client("account")

    def listed(self, ec2=None, **more) -> dict[str, str]:
        return {one["RegionName"]: one["OptInStatus"] for one in (ec2 or self.ec2).describe_regions(**more)["Regions"]}

    def enable(self, region: str = "eu-south-1") -> None:
        self.account.enable_region(RegionName=region)
        self.until(lambda: self.status(region) == "ENABLED")

    def status(self, region: str = "eu-south-1") -> str:
        return self.account.get_region_opt_status(RegionName=region)["RegionOptStatus"]

    def test_regions_that_need_no_opt_in_are_seen_first(self):
        usual = self.listed()
        self.assertEqual((len(usual), set(usual.values())), (17, {"opt-in-not-required"}))
        every = self.listed(AllRegions=True)
        self.assertEqual((every["eu-south-1"], every["us-east-1"]), ("not-opted-in", "opt-in-not-required"))
        self.assertFalse([one for one in every if one.startswith(("us-gov", "cn-"))])
        self.assertEqual(self.listed(RegionNames=["eu-south-1"]), {"eu-south-1": "not-opted-in"})
        self.refused("InvalidParameterValue", self.ec2.describe_regions, RegionNames=["eu-nowhere-1"])

    def test_enabled_region_is_listed_and_works_for_that_account_only(self):
        there = client("ec2", "eu-south-1")
        self.refused("AuthFailure", there.describe_instances, 401)
        self.enable()
        self.assertEqual(self.listed()["eu-south-1"], "opted-in")
        wanted = {"Filters": [{"Name": "opt-in-status", "Values": ["opted-in"]}]}
        self.assertEqual(self.listed(**wanted), {"eu-south-1": "opted-in"})
        self.assertEqual(there.describe_instances()["Reservations"], [])
        self.refused("AuthFailure", client("ec2", "eu-south-1", OTHER).describe_instances)
        self.assertNotIn("eu-south-1", self.listed(client("ec2", account=OTHER)))

    def test_enabling_takes_a_moment(self):
        self.account.enable_region(RegionName="eu-south-1")
        self.assertEqual(self.status(), "ENABLING")
        self.refused("ConflictException", self.account.disable_region, RegionName="eu-south-1")
        self.until(lambda: self.status() == "ENABLED")
        self.account.disable_region(RegionName="eu-south-1")
        self.until(lambda: self.status() == "DISABLED")
        self.refused("AuthFailure", client("ec2", "eu-south-1").describe_instances)
        self.refused("ValidationException", self.account.disable_region, RegionName="us-east-1")

    def test_every_service_refuses_in_its_own_words(self):
        for service, action, code in (("sts", "get_caller_identity", "InvalidClientTokenId"),
                                      ("autoscaling", "describe_auto_scaling_groups", "InvalidClientTokenId"),
                                      ("kms", "list_keys", "UnrecognizedClientException"),
                                      ("securityhub", "get_findings", "UnrecognizedClientException")):
            self.refused(code, getattr(client(service, "me-south-1"), action))

    def test_role_of_an_account_without_the_region(self):
        role()
        self.enable()
        sts = client("sts", "eu-south-1")
        self.refused("RegionDisabledException", sts.assume_role, 403, RoleArn=ARN, RoleSessionName="audit")

    def test_list_regions_has_pages_and_a_filter(self):
        self.enable("af-south-1")
        first = self.account.list_regions(MaxResults=10)
        self.assertEqual(len(first["Regions"]), 10)
        pages = self.account.get_paginator("list_regions").paginate(PaginationConfig={"PageSize": 10})
        found = {one["RegionName"]: one["RegionOptStatus"] for page in pages for one in page["Regions"]}
        self.assertEqual(set(found), set(self.listed(AllRegions=True)))
        self.assertEqual((found["af-south-1"], found["us-east-1"], found["eu-south-1"]),
                         ("ENABLED", "ENABLED_BY_DEFAULT", "DISABLED"))
        usable = self.account.list_regions(RegionOptStatusContains=["ENABLED", "ENABLED_BY_DEFAULT"])["Regions"]
        self.assertEqual({one["RegionName"] for one in usable}, set(self.listed()))
        raw = client("account", parameter_validation=False)
        self.refused("ValidationException", raw.list_regions, MaxResults=51)
        self.refused("ValidationException", raw.list_regions, NextToken="nonsense")

    def test_only_the_management_account_asks_for_others(self):
        http("POST", "/localaws/organization", {"management": OTHER, "accounts": [{"id": OWNER}]})
        self.enable()
        management = client("account", account=OTHER)
        self.assertEqual(management.get_region_opt_status(AccountId=OWNER, RegionName="eu-south-1")["RegionOptStatus"],
                         "ENABLED")
        for asking, asked in ((self.account, OTHER), (management, THIRD), (management, OTHER)):
            self.refused("AccessDeniedException", asking.list_regions, AccountId=asked)
