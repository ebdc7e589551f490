"""What the allocator needs of the world, as it needs it, and the errors that come back.

    AllocatorError
    ├── StopLeading            give up the lead now, start nothing more
    │   ├── LeaseLost          the lease is somebody else's, or its trust has run out
    │   └── StaleTerm          a newer term exists: nothing of ours can be written
    ├── Conflict               the rows were not as we had read them: look again in a new term
    └── Unavailable            later; nothing is known to have happened

Adapters translate their libraries' exceptions into these at their edge. What the platform answers is never an
exception (``core.outcomes``).
"""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from allocator.core import outcomes as o
from allocator.core.chances import Planned
from allocator.core.changes import Changes
from allocator.core.claims import PolicyGiven, PolicyKept, PolicyObject
from allocator.core.glance import Glance
from allocator.core.ids import AgentId, AppId, Epoch, Lane, RoomId, SessionId
from allocator.core.intake import Arrival, Known
from allocator.core.policy import Halt
from allocator.core.requests import Answer, Ground, News, Request
from allocator.core.roster import Roster
from allocator.core.session import Session
from allocator.core.standing import Condition
from allocator.core.steps import Step
from allocator.core.survey import Survey


class AllocatorError(Exception):
    """Base of the errors that are not bugs."""


class StopLeading(AllocatorError):
    """Stop leading."""


class LeaseLost(StopLeading):
    """The lease is gone."""


class StaleTerm(StopLeading):
    """A newer term exists."""


class Conflict(AllocatorError):
    """The schema refused what we wrote."""


class Unavailable(AllocatorError):
    """A store cannot be reached, or did not answer in time. Whether a commit happened is unknown."""


class Clock(Protocol):
    """Time, from outside."""

    def now(self) -> float:
        """Seconds on a clock that never jumps and runs through suspend; only differences mean something."""

    def wall(self) -> datetime:
        """The time of day, UTC. Never jumps while a process lives; that of another process may be far from it."""

    async def sleep(self, seconds: float) -> None:
        """Let ``seconds`` pass."""


class Trust(Protocol):
    """How long we may believe that we lead."""

    def covers(self, seconds: float) -> bool:
        """Whether something that may take ``seconds`` may start now."""


@dataclass(frozen=True, slots=True)
class Holder:
    """Who has the lease, and how often it was renewed: a challenger watches both."""

    owner: str
    counter: int


class Lease(Protocol):
    """The time-boxed right to lead. Every call acts for the exact owner only, is tried once, and raises
    :class:`Unavailable` within a second, after which it may or may not have had its effect.
    """

    async def acquire(self, owner: str, ttl_s: float, stale: Holder | None) -> Holder:
        """Take the lease if nobody has it, or if exactly ``stale`` has it. Returns who has it now."""

    async def renew(self, owner: str, ttl_s: float) -> bool:
        """Lengthen it; False: ``owner`` does not have it."""

    async def release(self, owner: str) -> bool:
        """Give it up and wake one of those who wait; False: ``owner`` did not have it."""

    async def wait_for_release(self, at_most_s: float) -> None:
        """Return when a leader has left, or after ``at_most_s``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What the inbox holds under ``id``. ``arrival`` is None where nobody can read it; ``why`` then says so."""

    app: AppId
    id: str
    arrival: Arrival | None
    why: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Queue:
    """How many entries an app's stream has, and when the oldest was accepted, by Redis's clock."""

    length: int
    head: datetime | None


class Inbox(Protocol):
    """The streams of events that Postgres has not recorded. There is no cursor: reading starts at the head."""

    async def read(self, at_most: int, wait_s: float) -> Sequence[Entry]:
        """The entries at the head of every app's stream, at most ``at_most`` each; waits up to ``wait_s`` for
        one. Raises :class:`Unavailable`.
        """

    async def delete(self, entries: Sequence[Entry]) -> None:
        """Forget entries that are recorded; puts the unreadable ones aside first. Raises
        :class:`Unavailable`.
        """

    async def queues(self) -> Mapping[AppId, Queue]:
        """What is there, for figures. Raises :class:`Unavailable`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """Sessions whose time to be looked at has come, and when the next one's comes."""

    sessions: Sequence[Session]
    next_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Where an app stands, for those who look: by lane, how many wait and since when; and the slots in use."""

    waiting: Mapping[Lane, tuple[int, datetime]]
    not_in_turn: int
    """Waiting sessions that are being verified or back off."""
    oldest: datetime | None
    slots_used: int
    states: Mapping[str, int]
    """Open sessions by state."""
    oldest_doubt: datetime | None
    """When the oldest of the doubts that are not settled began."""
    parked: int
    """Sessions that were parked and in whose room nothing was since; ``PARKED_MAX`` at most are counted."""


PARKED_MAX = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """What a leader has in mind about an app, for those who look. ``policy``: the version in force; ``circuit``: calls
    of the platform 0 flow, 1 are tried one at a time, 2 pause, 3 pause because our credentials are refused;
    ``calls``: those under way, by what is called.
    """

    slots: int
    foreign: int
    """Slots of theirs that customers have who are not ours."""
    agents_online: int
    policy: int | None
    circuit: int
    calls: Mapping[str, int]


class Transaction(Protocol):
    """One fenced transaction: all of it, or nothing, and only while the term is the newest."""

    async def record(self, arrivals: Sequence[Arrival], now: datetime) -> Known:
        """Write down the events not seen before; what is known of their rooms."""

    async def sessions(self, ids: Iterable[SessionId]) -> Mapping[SessionId, Session]:
        """The sessions with ``ids``, as they stand."""

    async def unsettled(self, apps: Iterable[AppId]) -> Sequence[Session]:
        """All of ``apps`` that are RESERVED or in DOUBT."""

    async def ahead(self, apps: Iterable[AppId], moment: datetime) -> Sequence[Session]:
        """Open sessions of ``apps`` that are due, or were looked at last, later than ``moment``."""

    async def due(self, now: datetime, at_most: int, skip: Iterable[SessionId], apps: Iterable[AppId]) -> Due:
        """The sessions of ``apps`` that are due, longest due first; none of ``skip``."""

    async def write(self, changes: Changes, steps: Sequence[Step] = ()) -> None:
        """Make the rows so, slots included, and write down what was decided and why, for those who ask later. A step
        that is there already stays as it is.
        """

    async def survey(self, app: AppId, closed_since: datetime, per_lane: int, *, by_lane: bool = False) -> Survey:
        """What a plan needs to know of ``app``. Loads count as ``closed`` what ended after ``closed_since``; with
        ``by_lane``, and where the policy wants it, they tell from which lanes the agents' sessions are.
        """

    async def last_agents(self, app: AppId, rooms: Iterable[RoomId], ended_after: datetime) -> Mapping[RoomId, AgentId]:
        """For each of ``rooms`` who served the last session that ended after ``ended_after``, as far as we know."""

    async def heads(self, app: AppId, per_lane: int) -> Mapping[Lane, Sequence[Session]]:
        """More of the heads: ``per_lane`` of each lane."""

    async def put_policy(self, app: AppId, spec: Mapping[str, Any], now: datetime) -> int:
        """Make ``spec``, from a file, the newest policy of ``app``, if it is not already; its version."""

    async def news(self, known: Mapping[AppId, int]) -> News:
        """Which of the apps have a policy of another version than is known of them, and what people ask of them."""

    async def concerned(self, requests: Sequence[Request]) -> Ground:
        """What ``requests`` are about, as it stands."""

    async def answer(self, answers: Sequence[Answer], halts: Mapping[AppId, Halt | None], now: datetime) -> None:
        """Note what became of requests, and which apps are halted from now on, or (None) no more."""

    async def use_policy(self, app: AppId, version: int, now: datetime) -> None:
        """Note that ``app`` goes by ``version`` from now on, for those who gave it."""

    async def forget(self, events_before: datetime, sessions_before: datetime) -> int:
        """Delete some of the older events, ended sessions and what is told of them, and requests; how many."""

    async def served_by(
        self, app: AppId, agents: Iterable[AgentId], assigned_before: datetime, at_most: int
    ) -> Sequence[Session]:
        """Sessions that ``agents`` serve since before ``assigned_before``, the longest unread first."""

    async def to_audit(self, app: AppId, audit: "Audit") -> Sequence[Session]:
        """The sessions whose room a sweep wants read again, longest unread first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """Which sessions a sweep wants looked at: served ones not checked since ``checked_before``, at most ``at_most``
    of them; and waiting ones from before ``waiting_before`` whose room is not among ``unserved``
    (None: the list was not complete, so it says nothing).
    """

    checked_before: datetime
    waiting_before: datetime
    unserved: frozenset[RoomId] | None
    at_most: int


class Ledger(Protocol):
    """Postgres, which remembers. Everything raises :class:`Unavailable` when it cannot be had in time."""

    async def begin_term(self, leader: str) -> Epoch:
        """A new term of ``leader``, a name that no other process ever has. Waits for older fenced transactions;
        none can start after it.
        """

    async def renew_term(self, leader: str) -> Epoch:
        """The same for ``leader`` of the newest term. Raises :class:`StaleTerm` when that is somebody else."""

    def transaction(self, epoch: Epoch) -> AbstractAsyncContextManager[Transaction]:
        """A transaction of term ``epoch``; raises :class:`StaleTerm` when a newer one exists."""

    async def standing(self, app: AppId) -> Standing:
        """Figures, outside any transaction."""

    async def ping(self) -> None:
        """Whether it answers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unserved:
    """A room that waits, as the platform's list has it."""

    room: RoomId
    source: str
    channel: str | None
    since: datetime


Failure = o.Unknown | o.NotNow | o.CredentialsRefused | o.NotSent
"""Why a reading brought nothing."""


class Platform(Protocol):
    """One app's Qiscus, by its REST API. Never raises for what the platform answers; every call ends within the
    platform's time-out, follows no redirect and is sent once.
    """

    async def assign(self, room: RoomId, agent: AgentId) -> o.Outcome:
        """Put ``agent`` in ``room``, if nobody is in it."""

    async def view(self, room: RoomId, agent: AgentId | None) -> o.View:
        """Read ``room``; whether ``agent`` is the one in it."""

    async def roster(self, room: RoomId, now: float) -> "Roster | o.RoomRefused | Failure":
        """Who may take ``room``."""

    async def suggestion(self, lane: Lane, now: float) -> "Roster | Failure":
        """Whom the platform would take, as a roster of one that is good for one assignment."""

    def unserved(self) -> AsyncIterator["Sequence[Unserved] | Failure"]:
        """The rooms that wait, page by page; a failure ends it."""


class Watch(Protocol):
    """Those who look on: metrics. Never fails, never waits."""

    def led(self, epoch: Epoch | None) -> None:
        """We lead in term ``epoch``; None: we do not."""

    def round(
        self, seconds: float, entries: Sequence[Entry], sessions: Sequence[Session], plans: Sequence[Planned]
    ) -> None:
        """A round is done: it took in ``entries``, ``sessions`` came into the states they are in now, and after that
        ``plans`` were made.
        """

    def called(self, app: AppId, call: str, result: object, seconds: float) -> None:
        """A call of the platform ended."""

    def put_aside(self, app: AppId) -> None:
        """An entry that nobody can read was put aside."""

    def drift(self, app: AppId, kind: str) -> None:
        """Our ledger and the platform differed, and it was repaired."""

    def fair(self, app: AppId, evenness: float | None, turn: float | None) -> None:
        """How evenly sessions went to agents and how many came in their turn, as shares; None: nothing to tell."""

    def stands(
        self, app: AppId, standing: Standing, reasons: Mapping[str, int], outlook: Outlook, now: datetime
    ) -> None:
        """The figures of an app."""

    def queue(self, app: AppId, queue: Queue, now: datetime) -> None:
        """What waits in the inbox."""


class PolicyDoor(Protocol):
    """Where policies come in."""

    def newest(self) -> object | None:
        """A valid spec that was not passed on yet; None: nothing new. Never fails; says itself what is wrong."""


class Board(Protocol):
    """Where the leader shows what it sees, for those who ask."""

    async def show(self, glances: Mapping[AppId, Glance], keep_s: float) -> None:
        """Show ``glances``, each until it is shown again, for ``keep_s`` at most. Raises :class:`Unavailable`."""


class PolicyStore(Protocol):
    """Where the operator gives policies. It leads nothing: it may give and read, outside any term. Everything raises
    :class:`Unavailable`.
    """

    async def kept(self) -> Sequence[PolicyKept]:
        """The newest row of each app."""

    async def put(self, given: Sequence[PolicyGiven], now: datetime) -> Mapping[AppId, int]:
        """All of ``given``, or nothing; what is as it was given last stays as it is. The newest version of each."""

    async def in_use(self) -> Mapping[AppId, int]:
        """The version that each app really goes by."""


class PolicyObjects(Protocol):
    """The ``AllocationPolicy`` objects of a cluster. Everything raises :class:`Unavailable`."""

    async def all(self) -> Sequence[PolicyObject]:
        """Those that are there now."""

    async def say(self, one: PolicyObject, status: Mapping[str, Any], news: Sequence[Condition]) -> None:
        """Make ``status`` that of ``one``, and tell of ``news``. Nothing happens where it is gone by now."""


class OperatorWatch(Protocol):
    """Those who look on at the operator: metrics. Never fails, never waits."""

    def objects(self, counts: Mapping[str, int]) -> None:
        """How many objects there are (``all``), and of how many each condition holds."""

    def reconciled(self, seconds: float, *, well: bool) -> None:
        """A look at all objects is over."""
