"""What there is in the model: a state of the whole world is one immutable value.

There are allocators (A, B, …), each of which may be paused for any time at any step: that is what searching *all*
interleavings means, for there is no clock. There are rooms with a customer each, whose webhooks have been
acknowledged and stand in the stream; agents of some capacity; a lease; the ledger (Postgres), requests on their way
to the platform, and the platform.

What is taken for granted, and is not shown here:

- **One transaction is one step**, where it is fenced. Without a fence, what is read may be old when it is written.
- **Trust ends before the lease does.** So trust is: the lease is still mine. Its durations are checked at start-up.
- **A request that was sent under trust has landed, or never will, when the quarantine ends**; and who holds the
  lease does not sit on an announcement for so long while it renews. So the quarantine may end when no request for
  the room is on its way, and nobody who has trust is about to send one. A request of somebody without trust is *not*
  waited for: nobody could know of it.
- **The platform honours** ``max_agent=1`` and refuses an agent for a resolved room. Readings are true when they are
  made; they may be old when they are used.
- **The stream loses nothing** and keeps its order. Webhooks come once, in order: duplicates are known by their ids.
- **A restart** is an allocator that follows. The lease of one that crashed runs out by itself, sooner or later.

Not modelled: people who interfere, the platform's lag, refused agents, policy, hours. The simulation has those.
"""

from collections.abc import Sequence
from typing import NamedTuple, TypeVar

T = TypeVar("T")

NOBODY = -1
NO_AGENT = 0


class Faults(NamedTuple):
    """How often each thing may still happen. What happens for free: an agent comes back online, a request that
    nobody waits for any more is lost, a customer whose session was resolved comes back.
    """

    crashes: int = 0
    expiries: int = 0
    timeouts: int = 0
    flaps: int = 0
    resolves: int = 0
    lost_commits: int = 0
    """Replies to commits."""
    failovers: int = 0


class Event(NamedTuple):
    """A webhook in the stream. ``session`` is the room's session that it speaks of, ``resolved`` whether it ends it."""

    id: int
    room: int
    session: int
    resolved: bool
    before: bool
    """It was accepted before the room's session was announced (again)."""


class Row(NamedTuple):
    """What the ledger knows of a room: its open session, or that there is none."""

    state: str
    agent: int = NO_AGENT
    session: int = 0
    may_land: bool = False
    """A request was sent for it of which nobody knows what became (``unknown_at``)."""
    over: bool = False
    """The inbox told of its end while the request was under way (``resolve_seen``)."""
    again: bool = False
    """The customer wrote again (``again_at``): another session begins where this one ends."""
    check: bool = False
    """The room is to be read."""


NONE, WAITING, RESERVED, DOUBT, ASSIGNED = "no session", "WAITING", "RESERVED", "DOUBT", "ASSIGNED"
NO_ROW = Row(NONE)


class Change(NamedTuple):
    """What one transaction writes."""

    room: int
    row: Row
    recorded: int = 0
    """The id of the event that it takes in."""
    after_quarantine: bool = False
    """The slot is freed because no request can land any more, as far as the writer knows."""


class Ledger(NamedTuple):
    """Postgres."""

    rows: tuple[Row, ...]
    recorded: int
    """The id of the last event that was written down."""
    epoch: int
    leader: int
    """Who began the term."""
    held: frozenset[tuple[int, int]]
    """Rooms and agents: slots that an end did not free, because a request may still land."""


class Task(NamedTuple):
    """An announcement in an allocator's memory."""

    stage: str
    agent: int


AFTER_INBOX, TO_SEND, CHECKED, SENT = "after inbox", "to send", "checked", "sent"
DONE, REFUSED, OVER, UNKNOWN, NOT_SENT = "done", "somebody is there", "room is resolved", "unknown", "not sent"
OUTCOMES = frozenset({DONE, REFUSED, OVER, UNKNOWN, NOT_SENT})


class View(NamedTuple):
    """What a reading of a room showed, not yet written down."""

    agents: tuple[int, ...]
    resolved: bool
    quarantine_over: bool


class Allocator(NamedTuple):
    """What a process has in memory; all of it is gone after a crash."""

    role: str
    epoch: int
    tasks: tuple[Task | None, ...]
    views: tuple[View | None, ...]
    hand: Event | None = None
    """What was taken out of the stream (only where that comes first)."""
    seen: tuple[Row, ...] | None = None
    """Rows as they were read (only where no fence makes reading and writing one step)."""
    unsure: bool = False
    """A commit had no reply."""


FOLLOWS, WON, LEADS = "follows", "won the lease", "leads"


class Request(NamedTuple):
    """``assign_agent`` on its way. ``owner`` waits for the answer, if anybody does."""

    room: int
    agent: int
    owner: int


class Room(NamedTuple):
    """The platform's truth about a room."""

    session: int
    agents: tuple[int, ...]
    resolved: bool


class World(NamedTuple):
    """Everything."""

    stream: tuple[Event, ...]
    accepted: int
    """The id of the last event that came."""
    ledger: Ledger
    lease: int
    allocators: tuple[Allocator, ...]
    wire: tuple[Request, ...]
    rooms: tuple[Room, ...]
    offline: frozenset[int]
    left: Faults
    capacity: int
    agents: int
    pending: Change | None = None
    """A transaction that the server has not ended, and whose writer has no reply."""
    standby: Ledger | None = None
    """What the standby has that Postgres may fail over to."""
    forgetful: bool = False
    """Postgres may fail over to a standby that lags: then terms, too, may come again. Else only whether a term is in
    force matters about it, not how many there were; so numbers are used again that nobody has in mind.
    """
    jumped: bool = False
    """A request landed in a session that the ledger did not know of, while somebody waited who came before."""


def new_world(left: Faults, *, allocators: int, rooms: int, agents: int, capacity: int) -> World:
    """Each room's customer waits, and the webhook is acknowledged. A late arrival is one that is read late."""
    return World(
        stream=tuple(Event(room + 1, room, 1, resolved=False, before=False) for room in range(rooms)),
        accepted=rooms,
        ledger=Ledger((NO_ROW,) * rooms, 0, 0, NOBODY, frozenset()),
        lease=NOBODY,
        allocators=(follower(rooms),) * allocators,
        wire=(),
        rooms=(Room(1, (), resolved=False),) * rooms,
        offline=frozenset(),
        left=left,
        capacity=capacity,
        agents=agents,
        forgetful=left.failovers > 0,
    )


def follower(rooms: int) -> Allocator:
    """An allocator that has just started, or begins anew."""
    return Allocator(FOLLOWS, 0, (None,) * rooms, (None,) * rooms)


def put(items: tuple[T, ...], index: int, item: T) -> tuple[T, ...]:
    """``items`` with ``item`` at ``index``."""
    return (*items[:index], item, *items[index + 1 :])


def with_allocator(world: World, who: int, allocator: Allocator) -> World:
    """``world`` after ``who`` changed its mind."""
    return world._replace(allocators=put(world.allocators, who, allocator))


def with_task(allocator: Allocator, room: int, task: Task | None) -> Allocator:
    """``allocator`` with another announcement for ``room``."""
    return allocator._replace(tasks=put(allocator.tasks, room, task))


def with_view(allocator: Allocator, room: int, view: View | None) -> Allocator:
    """``allocator`` with another reading of ``room``."""
    return allocator._replace(views=put(allocator.views, room, view))


def without_owner(wire: Sequence[Request], who: int) -> tuple[Request, ...]:
    """Nobody waits any more for the answers that ``who`` waited for."""
    return tuple(sorted(one._replace(owner=NOBODY) if one.owner == who else one for one in wire))


def name(who: int) -> str:
    """What an allocator is called in stories."""
    return "ABCDEFGH"[who]


def number(room: int) -> int:
    """What a room is called in stories."""
    return room + 1
