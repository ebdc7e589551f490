"""A policy as YAML: a bare ``spec``, or the whole ``AllocationPolicy`` object. The only module that knows YAML.

Both give the same spec, as plain values and without what is as by default. What is none is refused with the line and
the column of what is to blame.

Plain words are read as Kubernetes reads them: ``17:00`` and ``2026-12-25`` are texts, neither a number to the base of
sixty nor a day, and no key may come twice.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from allocator.core.spec import API_VERSION, KIND, plain_of
from allocator.core.spec_rules import PolicyError, read_spec, steps_of

SIZE_MAX = 1024 * 1024
_AROUND_SPEC = ("apiVersion", "kind", "metadata", "spec", "status")


@dataclass(frozen=True, slots=True)
class Refused(Exception):
    """The text is no policy. ``line`` and ``column`` count from 1; 0: the text as a whole."""

    line: int
    column: int
    reason: str

    def __str__(self) -> str:
        """For a person."""
        return f"line {self.line}, column {self.column}: {self.reason}" if self.line else self.reason


class _Loader(yaml.SafeLoader):
    """Plain values only."""


_NUMBERS = {
    "tag:yaml.org,2002:int": re.compile(r"[-+]?(0b[01_]+|0x[0-9a-fA-F_]+|0[0-7_]+|0|[1-9][0-9_]*)$"),
    "tag:yaml.org,2002:float": re.compile(r"[-+]?([0-9][0-9_]*\.[0-9_]*([eE][-+][0-9]+)?|\.[0-9_]+|\.(inf|nan))$"),
}
_Loader.yaml_implicit_resolvers = {
    first: [(tag, _NUMBERS.get(tag, pattern)) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def read_policy(content: bytes) -> dict[str, Any]:
    """The valid spec in ``content``, ``apps`` included. Raises :class:`Refused`."""
    if len(content) > SIZE_MAX:
        raise Refused(0, 0, f"larger than {SIZE_MAX} bytes")
    tree, given = _parsed(content)
    _refuse_twice(tree)
    if isinstance(given, dict) and ("apiVersion" in given or "kind" in given):
        _check_around(tree, given)
        tree, given = _child(tree, "spec") or tree, given.get("spec")
        place = "$.spec"
    else:
        place = "$"
    try:
        return plain_of(read_spec(given))
    except PolicyError as error:
        path = error.path.replace("$", place, 1)
        raise _refused(_blamed(tree, error), f"{path}: {error.reason}") from None


def written(spec: Mapping[str, Any]) -> str:
    """``spec`` as YAML, its keys in order: equal ones give the same text."""
    return yaml.safe_dump(dict(spec), sort_keys=True, allow_unicode=True) if spec else ""


def _parsed(content: bytes) -> tuple[Any, Any]:
    """The nodes, and the values they stand for."""
    try:
        loader = _Loader(content)
        tree = loader.get_single_node()
        return tree, None if tree is None else loader.construct_document(tree)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        why = getattr(error, "problem", None) or "not YAML"
        raise Refused(mark.line + 1 if mark else 0, mark.column + 1 if mark else 0, why) from None
    except (UnicodeDecodeError, RecursionError, ValueError, TypeError):
        raise Refused(0, 0, "not YAML") from None


def _refuse_twice(tree: Any) -> None:
    """YAML's libraries take the last of two keys that are the same, in silence."""
    left, done = [tree], set()
    while left:
        node = left.pop()
        if id(node) in done:
            continue
        done.add(id(node))
        if isinstance(node, yaml.SequenceNode):
            left.extend(node.value)
        elif isinstance(node, yaml.MappingNode):
            keys: set[Any] = set()
            for key, value in node.value:
                if isinstance(key, yaml.ScalarNode) and key.value in keys:
                    raise _refused(key, f"`{key.value}` stands here twice")
                keys.add(key.value if isinstance(key, yaml.ScalarNode) else None)
                left.append(value)


def _check_around(tree: Any, given: dict[Any, Any]) -> None:
    """What is around the spec of an object; its metadata are Kubernetes's."""
    for name, allowed in (("apiVersion", API_VERSION), ("kind", KIND)):
        if given.get(name) != allowed:
            raise _refused(_child(tree, name) or tree, f"$.{name}: allowed: {allowed}")
    for name in given:
        if name not in _AROUND_SPEC:
            words = ", ".join(_AROUND_SPEC)
            raise _refused(_key(tree, name) or tree, f"$: unknown field `{name}`; allowed here: {words}")


def _blamed(tree: Any, error: PolicyError) -> Any:
    """The node that ``error`` speaks of, or the nearest one around it."""
    node = tree
    for step in steps_of(error.path):
        child = _child(node, step)
        if child is None:
            break
        node = child
    if "unknown field `" in error.reason:
        return _key(node, error.reason.split("`")[1]) or node
    return node


def _refused(node: Any, reason: str) -> Refused:
    if node is None:
        return Refused(0, 0, reason)
    return Refused(node.start_mark.line + 1, node.start_mark.column + 1, reason)


def _child(node: Any, step: str) -> Any:
    if isinstance(node, yaml.MappingNode):
        return next((value for key, value in node.value if key.value == step), None)
    if isinstance(node, yaml.SequenceNode) and step.isdigit() and int(step) < len(node.value):
        return node.value[int(step)]
    return None


def _key(node: Any, name: str) -> Any:
    if not isinstance(node, yaml.MappingNode):
        return None
    return next((key for key, _ in node.value if key.value == name), None)
