"""A policy in a YAML file: the door on a laptop, and for a ConfigMap.

Looked at often, passed on when its content changed. One that is broken is refused with the line and the reason,
and the one in force stays.
"""

from pathlib import Path

from allocator.adapters.policy_yaml import SIZE_MAX, Refused, read_policy
from chassis.logs import logger

_log = logger(__name__)


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
            _log.error(
                "policy_refused", file=str(self._path), line=refused.line, column=refused.column, why=refused.reason
            )
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
