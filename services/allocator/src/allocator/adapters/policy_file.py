"""A policy in a YAML file: the door on a laptop, and for a ConfigMap. The only module that knows YAML.

Looked at often, passed on when its content changed. One that is broken is refused with the line and the reason,
and the one in force stays.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from allocator.core.policy import PolicyError, compile_spec
from chassis.logs import logger

_log = logger(__name__)

SIZE_MAX = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Refused(Exception):
    """The file is no policy. ``line`` counts from 1; 0: the file as a whole."""

    line: int
    reason: str

    def __str__(self) -> str:
        """For a person."""
        return f"line {self.line}: {self.reason}" if self.line else self.reason


class PolicyFile:
    """The :class:`~allocator.ports.PolicyDoor` of a file; without one, nothing ever comes in."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._content: bytes | None = None
        self.refused = False
        """Whether the file, as it is now, is refused."""

    def newest(self) -> object | None:
        """See the port."""
        content = self._changed()
        if content is None:
            return None
        try:
            spec = read_policy(content)
        except Refused as refused:
            self.refused = True
            _log.error("policy_refused", file=str(self._path), line=refused.line, why=refused.reason)
            return None
        self.refused = False
        return spec

    def again(self) -> None:
        """Pass the file on once more, to a new leader."""
        self._content = None

    def _changed(self) -> bytes | None:
        if self._path is None:
            return None
        try:
            with self._path.open("rb") as file:
                content = file.read(SIZE_MAX + 1)
        except OSError:  # an editor or a ConfigMap is replacing it; what is in force stays
            return None
        if content == self._content:
            return None
        self._content = content
        return content


def read_policy(content: bytes) -> object:
    """The valid spec in ``content``. Raises :class:`Refused`."""
    if len(content) > SIZE_MAX:
        raise Refused(0, f"larger than {SIZE_MAX} bytes")
    try:
        tree = yaml.compose(content, Loader=yaml.SafeLoader)
        spec: Any = yaml.safe_load(content)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        raise Refused(mark.line + 1 if mark else 0, getattr(error, "problem", None) or "not YAML") from None
    except (UnicodeDecodeError, RecursionError, ValueError):
        raise Refused(0, "not YAML") from None
    try:
        compile_spec(spec, version=0)
    except PolicyError as error:
        raise Refused(_line(tree, error), f"{error.path}: {error.reason}") from None
    return {} if spec is None else spec


def _line(tree: Any, error: PolicyError) -> int:
    """The line of the node that ``error`` speaks of, or of the nearest one around it."""
    node = tree
    for step in _steps(error.path):
        child = _child(node, step)
        if child is None:
            break
        node = child
    if "unknown field `" in error.reason:
        node = _key(node, error.reason.split("`")[1]) or node
    return node.start_mark.line + 1 if node is not None else 0


def _steps(path: str) -> list[str]:
    """``$.capacity.agents[0].max`` as steps."""
    return [step for step in path.replace("[", ".").replace("]", "").split(".") if step not in ("$", "", "...")]


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
