"""Reads command lines of the AWS CLI, one JSON array [place, words] a line, and prints those that it would not take.

What its services take is in the models that the CLI itself is made from: operations, their parameters, which are required.
"""
import json
import sys

import boto3
from botocore import xform_name
from botocore.exceptions import DataNotFoundError, UnknownServiceError

# Of every command.
GLOBAL = {"query", "output", "region", "profile", "no-cli-pager"}
# What the CLI itself makes of services: commands of its own, and parameters that stand for another.
OWN = {
    ("cloudformation", "deploy"): {"stack-name", "template-file", "parameter-overrides", "capabilities"},
    ("s3", "cp"): {"recursive"}, ("s3", "mb"): set(),
}
INSTEAD = {("lambda", "create-function"): {"zip-file": "code"}}


def wrong(service: str, verb: str, words: list[str]) -> str | None:
    flags = {word[2:].split("=")[0] for word in words if word.startswith("--")} - GLOBAL
    if (service, verb) in OWN:
        strange = flags - OWN[service, verb]
        return f"no {strange}" if strange else None
    try:
        name = {"s3api": "s3"}.get(service, service)
        client = boto3.client(name, region_name="eu-west-1", aws_access_key_id="x", aws_secret_access_key="x")
    except (UnknownServiceError, DataNotFoundError):
        return "no such service"
    operation = client.meta.method_to_api_mapping.get(verb.replace("-", "_"))
    if not operation or verb != xform_name(operation, "-"):
        return "no such operation"
    shape = client.meta.service_model.operation_model(operation).input_shape
    names = {xform_name(name, "-"): name for name in shape.members}
    given = {INSTEAD.get((service, verb), {}).get(flag, flag) for flag in flags}
    strange = {flag for flag in given if flag not in names and flag.removeprefix("no-") not in names}
    if strange:
        return f"no {strange}"
    missing = {xform_name(name, "-") for name in shape.required_members} - given
    return f"without {missing}" if missing else None


for line in sys.stdin:
    place, (service, verb, *words) = json.loads(line)
    if complaint := wrong(service, verb, words):
        print(f"{place}: aws {service} {verb}: {complaint}")
