#!/usr/bin/env python3
"""permissions.toml → a policy document for each command, and the tables of README.md.

`build.py` writes them; `build.py --check` says which are stale.
"""
import json
import sys
import tomllib
from pathlib import Path

HERE = Path(__file__).parent
MARKS = "<!-- made by build.py -->\n", "<!-- /made by build.py -->\n"


def one(items: list[str]) -> str | list[str]:
    return items[0] if len(items) == 1 else items


def statement(given: dict) -> dict:
    made = {"Sid": given["sid"], "Effect": "Allow", "Action": one(given["actions"]), "Resource": one(given["resources"])}
    return made | ({"Condition": given["condition"]} if "condition" in given else {})


def tables(table: dict) -> str:
    lines = []
    for name, document in table["document"].items():
        lines += [f"\n### {document['about']}\n", f"[{name}.json]({name}.json)\n", "| statement | actions | when |", "| --- | --- | --- |"]
        for part in document["statements"]:
            given = table["statement"][part]
            actions = ", ".join(f"`{action}`" for action in given["actions"])
            lines.append(f"| `{given['sid']}` | {actions} | {given['when']} |")
    return "\n".join(lines).lstrip("\n") + "\n"


def files(table: dict) -> dict[Path, str]:
    made = {}
    for name, document in table["document"].items():
        parts = [statement(table["statement"][part]) for part in document["statements"]]
        made[HERE / f"{name}.json"] = json.dumps({"Version": "2012-10-17", "Statement": parts}, indent=2) + "\n"
    readme = (HERE / "README.md").read_text()
    before, rest = readme.split(MARKS[0])
    after = rest.split(MARKS[1])[1]
    made[HERE / "README.md"] = before + MARKS[0] + tables(table) + MARKS[1] + after
    return made


def main() -> int:
    made = files(tomllib.loads((HERE / "permissions.toml").read_text()))
    stale = [path for path, text in made.items() if not path.exists() or path.read_text() != text]
    stale += [path for path in HERE.glob("*.json") if path not in made]
    if "--check" in sys.argv:
        for path in stale:
            print(f"{path.name} is stale: packaging/iam/build.py rewrites it", file=sys.stderr)
        return 1 if stale else 0
    for path in stale:
        path.write_text(made[path]) if path in made else path.unlink()
    return 0


if __name__ == "__main__":
    sys.exit(main())
