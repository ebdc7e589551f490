"""What customers and agents do, drawn from one seed: who comes, where, how long they talk. Pure but for its draws.

Every concern has a stream of its own: asking for one more service time does not change who arrives next.
"""

from dataclasses import dataclass
from random import Random
from typing import Final

from qiscus_simulator.chance import happens, stream
from qiscus_simulator.faults import Span
from qiscus_simulator.values import CHANNELS, Channel, Customer

NAMES: Final = ("Budi", "Siti Rahayu", "𰹧䄧", "Nguyễn Văn An", "O'Brien", "Ayu 🌺", "محمد", "customer#2", "Dewi")
DOUBLE_AFTER_S: Final[Span] = (0.002, 1.0)
FLAP_AWAY_S: Final[Span] = (0.5, 3.0)
RESOLVERS: Final = ("agent", "agent", "agent", "agent", "agent", "agent", "admin", "supervisor")
NOTES: Final = (None, None, None, "selesai.")
TRIES: Final = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class TrafficOptions:
    """How customers behave. Shares are 0..1, spans are seconds."""

    returning_share: float
    doubled_share: float
    chatter_s: Span


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """One customer's decision to come. ``returning``: into an old room, when there is one."""

    returning: bool
    channel: Channel
    customer: Customer
    doubled_after_s: float | None


class Traffic:
    """The draws of one app."""

    def __init__(self, seed: int, app_id: str, options: TrafficOptions) -> None:
        """Derive one stream per concern from ``seed``."""
        self._options = options
        self._seed, self._app_id = seed, app_id
        self._arrivals = self.stream("arrivals")
        self._doubles = self.stream("doubles")
        self._chatter = self.stream("chatter")
        self._service = self.stream("service")
        self._resolvers = self.stream("resolvers")
        self._flaps = self.stream("flaps")
        self._old_rooms = self.stream("old rooms")

    def stream(self, concern: str) -> Random:
        """Return a new stream for a concern of this app."""
        return stream(self._seed, self._app_id, concern)

    def arrival(self) -> Arrival:
        """Draw the next customer."""
        random = self._arrivals
        returning = happens(random, self._options.returning_share)
        channel = random.choice(CHANNELS)
        return Arrival(
            returning=returning,
            channel=channel,
            customer=self._customer(channel),
            doubled_after_s=self.doubled_after_s(),
        )

    def customer(self, channel: Channel) -> Customer:
        """Draw a customer for a given channel."""
        return self._customer(channel)

    def doubled_after_s(self) -> float | None:
        """Decide whether a first webhook comes twice, and how much later."""
        doubled = happens(self._doubles, self._options.doubled_share)
        return self._doubles.uniform(*DOUBLE_AFTER_S) if doubled else None

    def chatter_gap_s(self) -> float:
        """Draw how long a waiting customer keeps still."""
        return self._chatter.uniform(*self._options.chatter_s)

    def service_s(self, span: Span) -> float:
        """Draw how long an agent talks."""
        return self._service.uniform(*span)

    def resolver(self) -> str:
        """Draw who resolves: mostly the agent."""
        return self._resolvers.choice(RESOLVERS)

    def notes(self) -> str | None:
        """Draw the resolver's notes."""
        return self._resolvers.choice(NOTES)

    def away_s(self) -> float:
        """Draw how long a flapping agent is away."""
        return self._flaps.uniform(*FLAP_AWAY_S)

    def old_rooms(self, count: int) -> list[int]:
        """Draw a few places among ``count`` rooms, to look for one whose customer may come back."""
        return [self._old_rooms.randrange(count) for _ in range(TRIES)] if count else []

    def _customer(self, channel: Channel) -> Customer:
        random = self._arrivals
        number = random.randrange(10**9)
        return Customer(name=f"{random.choice(NAMES)} {number % 1000}", user_id=_user_id(channel.key, number))


def _user_id(key: str, number: int) -> str:
    if key == "wa":
        return f"6281{number:09d}"
    if key == "line":
        return f"U{number:032x}"
    if key in {"fb", "ig", "telegram"}:
        return f"47{number:014d}"
    return f"customer{number}@example.com"
