"""Which policy is whose: objects claim apps, and the oldest claim counts. Pure.

An object claims the apps that it names, or every app that no other names. One that is no policy any more (it was
edited) claims what was taken in of it before, which stays in force. What an object that is gone had is withdrawn.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from msgspec import UNSET

from allocator.core.ids import AppId
from allocator.core.spec import row_of
from allocator.core.spec_rules import PolicyError, read_spec

EVERY_APP = AppId("*")
"""Where the policy is kept that is for every app without one of its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyGiven:
    """A policy as it comes in by a door. ``row``: what is stored of its spec (:func:`allocator.core.spec.row_of`)."""

    app: AppId
    row: Mapping[str, Any]
    source: str
    """``file``, or ``namespace/name`` of an object, which then has a ``uid`` and a ``generation``."""
    uid: str
    generation: int
    withdrawn: bool
    """The object is gone: what is given next to it counts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyKept:
    """The newest row of an app, or of :data:`EVERY_APP`. ``uid`` is empty where it came in a file."""

    app: AppId
    version: int
    source: str
    uid: str
    generation: int
    withdrawn: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyObject:
    """An ``AllocationPolicy`` as the cluster has it."""

    namespace: str
    name: str
    uid: str
    generation: int
    created_at: datetime
    spec: Any = field(repr=False)
    status: Mapping[str, Any] = field(repr=False)

    @property
    def source(self) -> str:
        """How people name it."""
        return f"{self.namespace}/{self.name}"


@dataclass(slots=True, kw_only=True)
class Claims:
    """What became of one object's claims."""

    refused: str | None
    """Why it is no policy, if so: the place and the reason."""
    held: list[AppId] = field(default_factory=list)
    """The apps that go by it, or will."""
    lost: dict[AppId, str] = field(default_factory=dict)
    """Apps that an older one claims, with its name."""
    won: dict[AppId, list[str]] = field(default_factory=dict)
    """Apps that younger ones claim as well, with their names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolution:
    """What to give, and what to say of each object (by uid)."""

    give: Sequence[PolicyGiven]
    claims: Mapping[str, Claims]


def resolve(objects: Iterable[PolicyObject], kept: Sequence[PolicyKept]) -> Resolution:
    """Whose policy each app goes by. Names decide between objects of the same second."""
    give: list[PolicyGiven] = []
    claims: dict[str, Claims] = {}
    holders: dict[AppId, PolicyObject] = {}
    for one in sorted(objects, key=lambda one: (one.created_at, one.namespace, one.name)):
        refused, rows = _claimed(one, kept)
        mine = claims[one.uid] = Claims(refused=refused)
        for app, row in rows.items():
            holder = holders.setdefault(app, one)
            if holder is not one:
                mine.lost[app] = holder.source
                claims[holder.uid].won.setdefault(app, []).append(one.source)
                continue
            mine.held.append(app)
            if row is not None:
                give.append(_given(one, app, row))
    return Resolution(give=(*give, *map(_withdrawn, _left(kept, holders))), claims=claims)


def _claimed(one: PolicyObject, kept: Sequence[PolicyKept]) -> tuple[str | None, dict[AppId, dict[str, Any] | None]]:
    """Why ``one`` is no policy, if so; the apps it claims, each with what is to be stored (None: what is there)."""
    try:
        spec = read_spec(one.spec)
    except PolicyError as error:
        return str(error), {row.app: None for row in kept if row.uid == one.uid and not row.withdrawn}
    row = row_of(spec)
    return None, dict.fromkeys([EVERY_APP] if spec.apps is UNSET else map(AppId, spec.apps), row)


def _left(kept: Sequence[PolicyKept], holders: Mapping[AppId, PolicyObject]) -> list[PolicyKept]:
    return [row for row in kept if row.uid and not row.withdrawn and row.app not in holders]


def _given(one: PolicyObject, app: AppId, row: Mapping[str, Any]) -> PolicyGiven:
    return PolicyGiven(app=app, row=row, source=one.source, uid=one.uid, generation=one.generation, withdrawn=False)


def _withdrawn(row: PolicyKept) -> PolicyGiven:
    return PolicyGiven(app=row.app, row={}, source=row.source, uid=row.uid, generation=row.generation, withdrawn=True)
