"""Reads the alerts and the dashboard as Prometheus and Grafana would: YAML and JSON of the right form, and PromQL.

Prints every expression's metrics on a line of its own, sorted, and complains on standard error.
"""
import json
import re
import sys
from pathlib import Path

import promql_parser
import yaml

SEVERITIES = {"critical", "warning", "info"}
ANNOTATIONS = {"summary", "description", "runbook_url"}
problems: list[str] = []


class Strict(yaml.SafeLoader):
    """A key that stands twice is an error, as it is for Prometheus."""

    def construct_mapping(self, node, deep=False):
        keys = [self.construct_object(key, deep=deep) for key, _ in node.value]
        for key in {key for key in keys if keys.count(key) > 1}:
            problems.append(f"line {node.start_mark.line + 1}: {key} stands twice")
        return super().construct_mapping(node, deep)


def metrics(place: str, expression: str) -> set[str]:
    try:
        promql_parser.parse(expression)
    except ValueError as fault:
        problems.append(f"{place}: {fault}: {expression}")
    return set(re.findall(r"\bgoldseal_\w+", expression))


def alerts(path: str) -> set[str]:
    found, names = set(), []
    for group in yaml.load(Path(path).read_text(encoding="utf-8"), Strict)["groups"]:
        for rule in group["rules"]:
            name = rule["alert"]
            names.append(name)
            found |= metrics(name, rule["expr"])
            if rule["labels"].get("severity") not in SEVERITIES:
                problems.append(f"{name}: severity is one of {sorted(SEVERITIES)}")
            if set(rule["annotations"]) != ANNOTATIONS or not all(rule["annotations"].values()):
                problems.append(f"{name}: annotations are {sorted(ANNOTATIONS)}")
            if set(rule) - {"alert", "expr", "for", "labels", "annotations"}:
                problems.append(f"{name}: unknown keys")
    if not names or len(set(names)) < len(names):
        problems.append(f"{path}: no alerts, or one stands twice")
    return found


def dashboard(path: str) -> set[str]:
    found, places, ids = set(), {}, []
    board = json.loads(Path(path).read_text(encoding="utf-8"))
    if board.get("id") or board.get("uid"):
        problems.append("the dashboard has an id of its own")
    source = {"type": "prometheus", "uid": "${datasource}"}
    for panel in board["panels"]:
        title, at = panel["title"], panel["gridPos"]
        ids.append(panel["id"])
        for cell in ((x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])):
            if cell[0] >= 24 or places.setdefault(cell, title) != title:
                problems.append(f"{title}: lies outside, or on {places.get(cell)}")
                break
        if panel["type"] == "row":
            continue
        if not panel.get("targets") or any(one["datasource"] != source for one in [panel, *panel["targets"]]):
            problems.append(f"{title}: no expression, or another data source than the variable")
        for target in panel["targets"]:
            found |= metrics(title, re.sub(r"\$__rate_interval", "5m", target["expr"]))
    for one in board["annotations"]["list"]:
        found |= metrics(one["name"], one["expr"])
    if len(set(ids)) < len(ids):
        problems.append("panels have one id")
    return found


def main() -> int:
    rules, board = sys.argv[1:]
    print("\n".join(sorted(alerts(rules) | dashboard(board))))
    for problem in problems:
        print(problem, file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
