"""What the ledger says to those who ask: rows as values, for reading only."""

from dataclasses import dataclass
from datetime import datetime

from allocator.core.ids import AgentId, AppId, Lane, RoomId, SessionId
from allocator.core.policy import Halt
from allocator.core.requests import Kind
from allocator.core.session import State
from allocator.core.steps import Step


@dataclass(frozen=True, slots=True, kw_only=True)
class Database:
    """What Postgres says of itself, of the schema and of the newest term. None: not there yet."""

    version: str
    at: datetime
    """Its time of day."""
    revision: str | None
    epoch: int | None
    leader: str | None
    leads_since: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Somebody who waits. ``position`` counts from 1 over the app, ``ahead`` those before in the same lane."""

    id: SessionId
    room: RoomId
    lane: Lane
    since: datetime
    position: int
    ahead: int
    verify: bool
    """Its room is to be read first."""
    due_at: datetime | None
    """It is not in turn before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Serving:
    """An agent, as the rows have it. ``busy_at``: last given or freed of a customer."""

    agent: AgentId
    used: int
    busy_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """How many, of one app. ``parked``: those that a person must see."""

    app: AppId
    states: dict[str, int]
    oldest: datetime | None
    slots_used: int
    parked: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ByHand:
    """What people did to an app: who paused it; how many of their requests are not answered, since when the oldest."""

    halt: Halt | None
    open: int
    oldest: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A request, and what became of it (``outcome``: done, refused, or None: nothing yet)."""

    kind: Kind
    by: str
    at: datetime
    done_at: datetime | None
    outcome: str | None
    says: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Lived:
    """A session, and what was written down of it, in order."""

    id: SessionId
    lane: Lane
    state: State
    since: datetime
    agent: AgentId | None
    assigned_at: datetime | None
    ended_at: datetime | None
    ending: str | None
    verify: bool
    due_at: datetime | None
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Life:
    """A room's sessions, newest first; if it waits, how many wait in its app, and in its lane, since before it. What
    people asked for it and for its app since the oldest of them began, in order.
    """

    app: AppId
    room: RoomId
    sessions: tuple[Lived, ...]
    before: int
    before_in_lane: int
    asked: tuple[Asked, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Parked:
    """Somebody whom the platform refused for good, for ``ending``."""

    app: AppId
    room: RoomId
    lane: Lane
    since: datetime
    parked_at: datetime
    ending: str
