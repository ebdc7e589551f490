"""Writes what describes the chart's values, from values.yaml and its comments: `make chart`.

    python deploy/helm/describe.py           values.schema.json, and the table in the chart's README.md
    python deploy/helm/describe.py --check   exit status 1 and a sentence when they are not what values.yaml says

A value's type is that of its default. A mapping that is empty, or whose name is among FREE, may hold anything; any
other refuses names it does not have, so that a typing error is told by `helm install`. A comment "One of: a, b." is an
enumeration.
"""

import argparse
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

CHART = Path(__file__).resolve().parent / "antre"
SCHEMA, README = CHART / "values.schema.json", CHART / "README.md"
FREE = {"policy", "behavior", "resources", "labels"}
EITHER = {"maxUnavailable": ["integer", "string"], "customersPerSecond": "number"}
"""Types that a default alone does not tell. One that is null may be a whole number as well."""
BEGIN, END = "<!-- values: begin -->", "<!-- values: end -->"
Node = yaml.Node


def main() -> int:
    """Write or check."""
    parser = argparse.ArgumentParser(prog="describe", description="Describe the chart's values.")
    parser.add_argument("--check", action="store_true", help="only tell whether what is there is stale")
    words = parser.parse_args()
    wanted = described()
    if not words.check:
        for path, text in wanted.items():
            path.write_text(text)
        return 0
    stale = [path.name for path, text in wanted.items() if not path.exists() or path.read_text() != text]
    if stale:
        print(f"{' and '.join(stale)} of the chart: not what values.yaml says; run `make chart`")
    return 1 if stale else 0


def described() -> dict[Path, str]:
    """What the files must hold."""
    text = (CHART / "values.yaml").read_text()
    root = yaml.compose(text)
    assert isinstance(root, yaml.MappingNode)
    lines = text.splitlines()
    schema = {"$schema": "https://json-schema.org/draft-07/schema#", **_object(root, lines)}
    before, _, rest = README.read_text().partition(BEGIN)
    after = rest.partition(END)[2]
    rows = ["| value | default | what it is |", "|---|---|---|", *_rows(root, lines, "")]
    table = "\n".join(rows)
    return {SCHEMA: json.dumps(schema, indent=2) + "\n", README: f"{before}{BEGIN}\n{table}\n{END}{after}"}


def _object(node: yaml.MappingNode, lines: list[str]) -> dict[str, Any]:
    properties = {key.value: _schema(key.value, value, _comment(key, lines), lines) for key, value in node.value}
    return {"type": "object", "additionalProperties": False, "properties": properties}


def _schema(name: str, node: Node, comment: str, lines: list[str]) -> dict[str, Any]:
    about = {"description": comment} if comment else {}
    if isinstance(node, yaml.MappingNode):
        return {**about, **({"type": "object"} if name in FREE or not node.value else _object(node, lines))}
    value = yaml.safe_load(yaml.serialize(node))
    if found := re.search(r"One of: ([\w, ]+)\.", comment):
        return {**about, "enum": [word.strip() for word in found[1].split(",")]}
    return {**about, "type": EITHER.get(name, _type(value))}


def _type(value: object) -> str | list[str]:
    if value is None:
        return ["integer", "null"]
    names = {bool: "boolean", int: "integer", float: "number", str: "string", list: "array"}
    return names[type(value)]


def _rows(node: yaml.MappingNode, lines: list[str], prefix: str) -> Iterator[str]:
    for key, value in node.value:
        name, comment = f"{prefix}{key.value}", _comment(key, lines)
        if isinstance(value, yaml.MappingNode) and value.value and key.value not in FREE:
            if comment:
                yield f"| **`{name}`** | | {comment} |"
            yield from _rows(value, lines, f"{name}.")
        else:
            default = json.dumps(yaml.safe_load(yaml.serialize(value)))
            yield f"| `{name}` | `{default}` | {comment} |"


def _comment(key: Node, lines: list[str]) -> str:
    """The comment right above a key, on one line."""
    found: list[str] = []
    at = key.start_mark.line - 1
    while at >= 0 and (line := lines[at].strip()).startswith("#"):
        found.insert(0, line.lstrip("# "))
        at -= 1
    return " ".join(found)


if __name__ == "__main__":
    sys.exit(main())
