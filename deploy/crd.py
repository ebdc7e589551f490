"""Writes the CustomResourceDefinition of AllocationPolicy, from the structs that read policies.

    python deploy/crd.py            write it
    python deploy/crd.py --check    say whether it is stale (exit status 1)

A schema in Kubernetes is *structural*: no references, no closed mappings (a misspelt field is refused by the API
server's field validation, which kubectl asks for). What only a rule can say is in RULES, by the place in the schema
that it is for; the bounds of the structs keep their cost within the API server's budget.
"""

import sys
from pathlib import Path
from typing import Any

import msgspec
import yaml

from allocator.core.spec import API_VERSION, KIND, Spec

TARGET = Path(__file__).parent / "helm" / "antre" / "files" / "crds" / "allocationpolicies.yaml"
GROUP, VERSION = API_VERSION.split("/")
HEAD = "# Written by `make crd` from allocator/core/spec.py; do not edit.\n"

_DAYS = "self.substring(5, 7) in ['04', '06', '09', '11'] ? 30 : self.substring(5, 7) != '02' ? 31"
_YEAR = "int(self.substring(0, 4))"
_LEAP = f"{_YEAR} % 4 == 0 && ({_YEAR} % 100 != 0 || {_YEAR} % 400 == 0)"
_TWICE = "!has(one.{0}) || self.exists_one(other, has(other.{0}) && other.{0} == one.{0})"


def _rule(rule: str, message: str) -> dict[str, str]:
    return {"rule": rule, "message": message}


RULES: dict[str, list[dict[str, str]]] = {
    "": [
        _rule(
            "!(has(self.strategy) && 'platform' in self.strategy) || "
            "(!(has(self.capacity) && has(self.capacity.divisions) && size(self.capacity.divisions) > 0) && "
            "!(has(self.eligibility) && self.eligibility.exists(one, has(one.divisions))))",
            "with strategy platform nobody's divisions are known: name agents instead",
        ),
    ],
    "capacity.agents": [
        _rule(f"self.all(one, {_TWICE.format('id')})", "an agent's id is named twice"),
        _rule(f"self.all(one, {_TWICE.format('email')})", "an agent's e-mail address is named twice"),
    ],
    "capacity.agents[]": [_rule("has(self.id) != has(self.email)", "name the agent by id or by email, one of the two")],
    "capacity.channels[]": [
        _rule("has(self.source) || has(self.channelId)", "name a source, a channelId, or both"),
    ],
    "eligibility[]": [
        _rule(
            "has(self.divisions) || has(self.agents)", "says of nobody that they may: give divisions, agents, or both"
        )
    ],
    "strategy": [
        _rule("!('platform' in self) || size(self) == 1", "platform chooses alone: name no other beside it"),
        _rule("!('sticky' in self) || self[0] == 'sticky'", "sticky comes first"),
    ],
    "hours.open[]": [_rule("self.from != self.to", "begins and ends at once: for a whole day write 00:00 to 24:00")],
    "hours.closed[].date": [
        _rule(f"int(self.substring(8)) <= ({_DAYS} : ({_LEAP}) ? 29 : 28)", "there is no such day"),
    ],
}
SETS = {
    "apps",
    "capacity.divisions",
    "eligibility[].when.sources",
    "eligibility[].when.channelIds",
    "eligibility[].divisions",
    "eligibility[].agents",
    "strategy",
    "hours.open[].days",
    "hours.closed",
}
"""Lists in which nothing may stand twice; those of mappings by their one key."""
KEYS = {"capacity.divisions": "name", "hours.closed": "date"}
PATTERNS = {"hours.closed[].date": "^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$"}
"""Narrower than the structs', so that the rules beside them can count on it."""
_KEPT = ("type", "enum", "minimum", "maximum", "minLength", "maxLength", "minItems", "maxItems", "pattern")
_NO_DEFAULT = {"capacity.agents", "capacity.divisions", "capacity.channels", "eligibility", "hours.closed"}
"""Lists that are empty where they are left out: written into every object they would only be noise."""


def main() -> int:
    """Write, or with ``--check`` compare."""
    text = HEAD + yaml.safe_dump(definition(), sort_keys=False, width=110, allow_unicode=True)
    if "--check" in sys.argv:
        stale = not TARGET.exists() or TARGET.read_text(encoding="utf-8") != text
        sys.stdout.write(f"{TARGET.name} is stale: run `make crd`\n" if stale else "")
        return int(stale)
    TARGET.parent.mkdir(parents=True, exist_ok=True)
    TARGET.write_text(text, encoding="utf-8")
    return 0


def definition() -> dict[str, Any]:
    """The whole definition."""
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"allocationpolicies.{GROUP}"},
        "spec": {
            "group": GROUP,
            "scope": "Namespaced",
            "names": {
                "kind": KIND,
                "listKind": f"{KIND}List",
                "plural": "allocationpolicies",
                "singular": "allocationpolicy",
                "shortNames": ["ap"],
                "categories": ["antre"],
            },
            "versions": [_version()],
        },
    }


def _version() -> dict[str, Any]:
    return {
        "name": VERSION,
        "served": True,
        "storage": True,
        "subresources": {"status": {}},
        "additionalPrinterColumns": [
            {"name": "Apps", "type": "string", "jsonPath": ".status.apps"},
            {"name": "Paused", "type": "boolean", "jsonPath": ".spec.paused"},
            {"name": "Live", "type": "string", "jsonPath": ".status.conditions[?(@.type=='Live')].status"},
            {"name": "Version", "type": "integer", "jsonPath": ".status.version"},
            {"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"},
        ],
        "schema": {
            "openAPIV3Schema": {
                "description": "Who may take whom, how many at once, in which order, at which hours.",
                "type": "object",
                "required": ["spec"],
                "properties": {"spec": structural(), "status": STATUS},
            }
        },
    }


def structural() -> dict[str, Any]:
    """The schema of ``spec``."""
    (_,), definitions = msgspec.json.schema_components([Spec], ref_template="{name}")
    return _node(definitions["Spec"], "", definitions)


def _node(raw: dict[str, Any], place: str, definitions: dict[str, Any]) -> dict[str, Any]:
    if "$ref" in raw:
        raw = {**definitions[raw["$ref"]], **{key: value for key, value in raw.items() if key != "$ref"}}
    node: dict[str, Any] = {"description": raw["description"]} if "description" in raw else {}
    if "enum" in raw:
        node["type"] = "string"
    node |= {key: raw[key] for key in _KEPT if key in raw}
    if place in PATTERNS:
        node["pattern"] = PATTERNS[place]
    if "default" in raw and place not in _NO_DEFAULT:
        node["default"] = raw["default"]
    if place in SETS:
        node |= _unique(place)
    if place in RULES:
        node["x-kubernetes-validations"] = RULES[place]
    if "items" in raw:
        node["items"] = _node(raw["items"], f"{place}[]", definitions)
    if "properties" in raw:
        if raw.get("required"):
            node["required"] = raw["required"]
        node["properties"] = {
            name: _node(child, f"{place}.{name}".lstrip("."), definitions) for name, child in raw["properties"].items()
        }
    return node


def _unique(place: str) -> dict[str, Any]:
    if place in KEYS:
        return {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": [KEYS[place]]}
    return {"x-kubernetes-list-type": "set"}


STATUS: dict[str, Any] = {
    "description": "What became of it, written by the operator.",
    "type": "object",
    "properties": {
        "observedGeneration": {
            "description": "The generation that this speaks of.",
            "type": "integer",
            "format": "int64",
        },
        "apps": {"description": "The apps it is for, in short.", "type": "string"},
        "version": {
            "description": "The version under which it is stored; `allocator policy show` names it.",
            "type": "integer",
        },
        "conditions": {
            "description": "Accepted: it is a policy. Conflict: another names an app of its; the older counts. "
            "Live: the allocator goes by it.",
            "type": "array",
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["type"],
            "items": {
                "type": "object",
                "required": ["type", "status", "reason", "message", "lastTransitionTime"],
                "properties": {
                    "type": {"type": "string", "maxLength": 64},
                    "status": {"type": "string", "enum": ["True", "False", "Unknown"]},
                    "reason": {"type": "string", "maxLength": 64},
                    "message": {"type": "string", "maxLength": 1024},
                    "observedGeneration": {"type": "integer", "format": "int64"},
                    "lastTransitionTime": {"type": "string", "format": "date-time"},
                },
            },
        },
    },
}


if __name__ == "__main__":
    sys.exit(main())
