"""The things of the platform as values: channels, agents, customers, rooms, sessions.

Times are seconds (float) on one clock, the simulator's: Unix time at its start, monotonic from there on.
"""

from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from qiscus_simulator.late import Late

Json = dict[str, Any]


class AgentType(IntEnum):
    """What the platform calls ``type``; lists mix all three."""

    ADMIN = 1
    AGENT = 2
    SUPERVISOR = 3

    @property
    def word(self) -> str:
        """Return the platform's ``type_as_string``."""
        return self.name.lower()


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """One way in. ``key`` is the ``source`` of webhooks, an open set."""

    id: int
    key: str
    name: str


CHANNELS = (
    Channel(id=3221, key="wa", name="WhatsApp Support"),
    Channel(id=459, key="line", name="LINE Official"),
    Channel(id=611, key="telegram", name="Telegram"),
    Channel(id=557, key="qiscus", name="Web Widget"),
    Channel(id=758, key="fb", name="Facebook"),
    Channel(id=759, key="ig", name="Instagram"),
    Channel(id=272, key="ceria", name="Ceria (custom)"),
)
CHANNEL_BY_KEY = {channel.key: channel for channel in CHANNELS}
ALL_KEYS = frozenset(CHANNEL_BY_KEY)

DIVISION = "Default"
"""The division that everybody is of who is of no other; the platform calls divisions roles."""


@dataclass(slots=True, kw_only=True)
class Agent:
    """A person who serves. ``capacity`` is what the checker holds an allocator to; the platform knows no cap.

    ``count`` is the number of open rooms the agent sits in, with its past, because the platform tells it late.
    """

    id: int
    name: str
    email: str
    type: AgentType
    online: bool
    channels: frozenset[str]
    divisions: frozenset[str]
    capacity: int
    deleted: bool
    count: Late[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Customer:
    """Who writes. ``user_id`` is a phone number, a LINE id, digits or an e-mail, by channel."""

    name: str
    user_id: str


@dataclass(slots=True, kw_only=True)
class Session:
    """One wait-and-serve in a room. ``id`` is the ``service.id`` of the resolve webhook: unique and growing."""

    id: int
    opened_at: float
    retrieved_at: float | None
    resolved_at: float | None
    resolved_by: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RoomView:
    """What the platform tells about a room, frozen at one moment, so that it can be told late."""

    is_waiting: bool
    is_resolved: bool
    sender: str
    sender_type: str
    text: str
    last_comment_at: float
    last_customer_at: float
    customer_text: str


@dataclass(slots=True, kw_only=True)
class Room:
    """A conversation. It lives through many sessions; ``seated`` are its agents, first come first."""

    id: str
    row: int
    channel: Channel
    customer: Customer
    session: Session
    past: Session | None
    seated: list[int]
    views: Late[RoomView]

    @property
    def is_resolved(self) -> bool:
        """Whether the room's last session is over."""
        return self.session.resolved_at is not None

    @property
    def is_waiting(self) -> bool:
        """Whether a customer is here and no agent is."""
        return not self.seated and not self.is_resolved
