"""The part of the AWS command line that documents use, against the local AWS, so that no other one is needed.

Any call of a service by its flags, with values as words, JSON, `KEY=VALUE,…` or files, with --query and --output text;
`cloudformation deploy`, `s3 mb` and `s3 cp`.
"""
import base64
import json
import os
import sys
from pathlib import Path

import boto3
import jmespath
from botocore import xform_name


def flags(words: list[str]) -> dict[str, list[str]]:
    given: dict[str, list[str]] = {}
    for word in words:
        if word.startswith("--"):
            values = given.setdefault(word[2:], [])
        else:
            values.append(word)
    return given


def client(service: str):
    account = os.environ["AWS_ACCESS_KEY_ID"]
    name = {"s3api": "s3"}.get(service, service)
    return boto3.client(name, endpoint_url=os.environ["AWS_ENDPOINT_URL"], region_name=os.environ["AWS_REGION"],
                        aws_access_key_id=account, aws_secret_access_key="testing")


def deploy(given: dict[str, list[str]]) -> None:
    """Makes a stack. One that is there already is left as it is, as nothing here deploys twice with other values."""
    formation, name = client("cloudformation"), given["stack-name"][0]
    if any(one["StackName"] == name for one in formation.describe_stacks()["Stacks"]):
        return
    pairs = [one.split("=", 1) for one in given.get("parameter-overrides", [])]
    formation.create_stack(
        StackName=name, TemplateBody=Path(given["template-file"][0]).read_text(),
        Capabilities=given.get("capabilities", []),
        Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in pairs])
    state = formation.describe_stacks(StackName=name)["Stacks"][0]["StackStatus"]
    assert state == "CREATE_COMPLETE", state


def s3(verb: str, words: list[str]) -> None:
    if verb == "mb":
        place = {"LocationConstraint": os.environ["AWS_REGION"]}
        client("s3").create_bucket(Bucket=words[0].removeprefix("s3://"), CreateBucketConfiguration=place)
        return
    assert verb == "cp", verb
    if words[0].startswith("s3://"):
        bucket, _, key = words[0].removeprefix("s3://").partition("/")
        target = Path(words[1])
        target = target / Path(key).name if target.is_dir() else target
        target.write_bytes(client("s3").get_object(Bucket=bucket, Key=key)["Body"].read())
        return
    source, (bucket, _, key) = Path(words[0]), words[1].removeprefix("s3://").partition("/")
    key = key + source.name if not key or key.endswith("/") else key
    client("s3").put_object(Bucket=bucket, Key=key, Body=source.read_bytes())


def shorthand(shape, word: str) -> dict[str, object]:
    """Reads `KEY=VALUE,KEY=VALUE`; a part without `=` is one more value of the key before it."""
    pairs: list[tuple[str, list[str]]] = []
    for part in word.split(","):
        key, equals, text = part.partition("=")
        if equals:
            pairs.append((key, [text]))
        else:
            pairs[-1][1].append(part)
    of = (lambda key: shape.members[key]) if shape.type_name == "structure" else lambda _: shape.value
    return {key: value(of(key), words) for key, words in pairs}


def value(shape, words: list[str]) -> object:
    word = words[0] if words else ""
    if word.startswith("fileb://"):
        return Path(word.removeprefix("fileb://")).read_bytes()
    if word.startswith("file://"):
        word = Path(word.removeprefix("file://")).read_text()
    if shape.type_name in ("list", "structure", "map") and word.lstrip()[:1] in ("{", "["):
        return json.loads(word)
    if shape.type_name == "list":
        return [value(shape.member, [word]) for word in words]
    if shape.type_name in ("structure", "map"):
        return shorthand(shape, word)
    return {"integer": int, "double": float, "boolean": lambda _: True}.get(shape.type_name, str)(word)


def call(service: str, verb: str, given: dict[str, list[str]]) -> object:
    made = client(service)
    operation = made.meta.method_to_api_mapping[verb.replace("-", "_")]
    members = made.meta.service_model.operation_model(operation).input_shape.members
    names = {xform_name(name, "-"): name for name in members}
    if "zip-file" in given:
        given["code"] = ["ZipFile=" + given["zip-file"][0]]
        del given["zip-file"]
    typed = {names[name]: value(members[names[name]], words) for name, words in given.items()}
    answer = getattr(made, verb.replace("-", "_"))(**typed)
    answer.pop("ResponseMetadata", None)
    return answer


def text(answer: object) -> str:
    if isinstance(answer, list):
        return "\t".join(text(one) for one in answer)
    return base64.b64encode(answer).decode() if isinstance(answer, bytes) else str(answer)


def main() -> None:
    service, verb, *words = sys.argv[1:]
    if service == "s3":
        return s3(verb, words)
    given = flags(words)
    query, output = given.pop("query", None), given.pop("output", ["json"])
    if (service, verb) == ("cloudformation", "deploy"):
        return deploy(given)
    answer = call(service, verb, given)
    answer = jmespath.search(query[0], answer) if query else answer
    print(text(answer) if output == ["text"] else json.dumps(answer, default=str, indent=2))


if __name__ == "__main__":
    main()
