"""What happens in a run: a list of happenings, drawn from a seed. A value: it can be cut, and played again."""

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, replace
from random import Random

from simulation.place import DIVISION, EVERY_SOURCE

LENGTH_S = 24.0
SOURCES = ("wa", "ig")
NEAR = ((0.0001, 0.0005), (0.0005, 0.004), (0.0005, 0.004), (0.005, 0.05))
FAR = ((0.0005, 0.004), (0.01, 0.05), (0.02, 0.3))
STRATEGIES = (("leastLoaded", "longestIdle"), ("leastLoaded", "longestIdle"), ("longestIdle",), ("platform",))


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """Something that happens at ``at``; ``who`` it happens to, for how long, and how much."""

    at: float
    what: str
    who: str = ""
    for_s: float = 0.0
    value: float = 0.0

    def __str__(self) -> str:
        words = [self.what, self.who, f"for {self.for_s:.1f} s" if self.for_s else "", _number(self.value)]
        return f"t={self.at:.2f} " + " ".join(word for word in words if word)


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """A run. ``seed``: of everything that is not written here (delays, what is lost, who resolves when)."""

    seed: int
    allocators: int
    gateways: int
    agents: int
    capacity: int
    strategy: tuple[str, ...]
    service_s: float
    delays_s: tuple[tuple[float, float], ...]
    """How long a packet takes, to and from Redis, Postgres and the platform."""
    counts_late_s: float
    """How late the platform's counts are, on a good day."""
    happenings: tuple[Happening, ...]

    @property
    def ends_at(self) -> float:
        """From when on nothing goes wrong any more."""
        return max((one.at + one.for_s for one in self.happenings), default=0.0)

    def policy(self, capacity: int) -> dict[str, object]:
        """The policy, with so many customers an agent. In every other run it uses every field, so that all there is to
        read and count is read and counted, and nobody is kept from anything but by the capacity.
        """
        plain: dict[str, object] = {"capacity": {"default": capacity}, "strategy": list(self.strategy)}
        if self.seed % 2 or self.strategy == ("platform",):
            return plain
        numbers = list(range(1, self.agents + 1))
        return {
            "capacity": {
                "default": 0,
                "total": 10 * self.agents * capacity + 100,
                "agents": [{"id": number, "max": capacity} for number in numbers],
                "divisions": [{"name": DIVISION, "max": 0}],
                "channels": [{"source": EVERY_SOURCE[0], "max": capacity}],
            },
            "eligibility": [{"when": {"sources": [EVERY_SOURCE[0]]}, "divisions": [DIVISION]}, {"agents": numbers}],
            "strategy": ["sticky", *self.strategy],
            "sticky": {"for": "1h"},
            "hours": {"timezone": "Asia/Jakarta"},
        }

    @property
    def troubles(self) -> frozenset[str]:
        """What goes wrong in it."""
        stores = ("redis", "postgres")
        words = (f"{one.who} {one.what}" if one.who in stores else one.what for one in self.happenings)
        return frozenset(words) - {"customer", "message"}


_Trouble = Callable[[Random, "Shape"], Iterator[Happening]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """How many there are of what, for those who draw happenings."""

    allocators: int
    gateways: int
    agents: int
    capacity: int


def script_of(seed: int, only: Collection[str] = ()) -> Script:
    """The script of ``seed``; with ``only``, these troubles and no others."""
    dice = Random(f"script {seed}")
    shape = Shape(
        allocators=dice.choice((1, 2, 2, 2, 3)),
        gateways=dice.choice((1, 1, 2, 3)),
        agents=dice.randint(1, 4),
        capacity=dice.choice((1, 1, 2, 3)),
    )
    return Script(
        seed=seed,
        allocators=shape.allocators,
        gateways=shape.gateways,
        agents=shape.agents,
        capacity=shape.capacity,
        strategy=dice.choice(STRATEGIES),
        service_s=dice.choice((0.5, 2.0, 5.0)),
        delays_s=(dice.choice(NEAR), dice.choice(NEAR), dice.choice(FAR)),
        counts_late_s=dice.choice((0.2, 1.0, 1.4)),
        happenings=tuple(sorted(_happenings(dice, shape, only), key=lambda one: one.at)),
    )


def _happenings(dice: Random, shape: Shape, only: Collection[str]) -> Iterator[Happening]:
    yield from _customers(dice, busy=bool(only))
    names = [name for name, (weight, _) in TROUBLES.items() for _ in range(weight) if not only or name in only]
    often = min(len(names), dice.choice((0, 1, 1, 2, 2, 3, 4)) if not only else len(only))
    for name in dice.sample(names, k=often):
        draw = TROUBLES[name][1]
        for _ in range(dice.choice((1, 1, 2, 3)) if not only else dice.randint(2, 5)):
            yield from draw(dice, shape)


def _customers(dice: Random, *, busy: bool) -> Iterator[Happening]:
    """They come alone or all at once, to new rooms and old ones, and some write twice."""
    rooms, count = (dice.randint(3, 6), 40) if busy else (dice.randint(3, 12), dice.randint(4, 22))
    rush = dice.uniform(1, LENGTH_S / 2)
    for _ in range(count):
        at = dice.choice((rush, dice.uniform(0.5, LENGTH_S)))
        room = str(100 + dice.randrange(rooms))
        yield Happening(at=at, what="customer", who=room)
        if dice.random() < 1 / 4:
            yield Happening(at=at + dice.uniform(0.001, 3), what="message", who=room)


def _allocator(dice: Random, shape: Shape) -> str:
    return dice.choice(("leader", "leader", f"allocator-{dice.randint(1, shape.allocators)}"))


def _when(dice: Random) -> float:
    return dice.uniform(0.5, LENGTH_S)


def _kill(dice: Random, shape: Shape) -> Iterator[Happening]:
    yield Happening(at=_when(dice), what="killed", who=_allocator(dice, shape), for_s=dice.uniform(0.05, 8))


def _terminate(dice: Random, shape: Shape) -> Iterator[Happening]:
    yield Happening(at=_when(dice), what="terminated", who=_allocator(dice, shape), for_s=dice.uniform(0.05, 4))


def _pause(dice: Random, shape: Shape) -> Iterator[Happening]:
    yield Happening(at=_when(dice), what="paused", who=_allocator(dice, shape), for_s=dice.choice((0.5, 3, 6, 18)))


def _at_a_step(dice: Random, _: Shape) -> Iterator[Happening]:
    """Exactly when Postgres has committed (a reservation), or the platform has put an agent into a room, before
    anybody hears of it; or a moment later.
    """
    what, step = dice.choice(("killed", "paused")), dice.choice(("commit", "reserve", "reserve", "assign"))
    yield Happening(
        at=_when(dice),
        what=f"{what} at {step}",
        who="leader",
        for_s=dice.choice((0.3, 6, 18)),
        value=dice.choice((0, 0.02, 0.05)),
    )


def _succession(dice: Random, _: Shape) -> Iterator[Happening]:
    """A leader is killed when its requests have left, they land late, and there is a rush when the next one leads."""
    at = dice.uniform(0.5, LENGTH_S / 2)
    yield Happening(at=at, what="late", who="platform", for_s=3.0, value=1.0)
    yield Happening(at=at + 0.1, what="killed at reserve", who="leader", for_s=18, value=dice.choice((0.25, 0.35)))
    for number in range(12):
        yield Happening(at=at + dice.uniform(0.5, 4), what="customer", who=str(200 + number))


def _standstill(dice: Random, _: Shape) -> Iterator[Happening]:
    """A leader stands still when its reservations are written down and its requests have not left, for longer than they
    are held for; when it goes on, many wait in the rooms that they were for.
    """
    at, for_s = dice.uniform(0.5, LENGTH_S / 2), dice.uniform(9, 16)
    yield Happening(at=at, what="paused at reserve", who="leader", for_s=for_s, value=dice.uniform(0.001, 0.3))
    for number in range(12):
        yield Happening(at=at + for_s - dice.uniform(0, 2), what="customer", who=str(100 + number % 6))


def _clock(dice: Random, shape: Shape) -> Iterator[Happening]:
    jump = dice.choice((-3600.0, -5.0, 5.0, 3600.0))
    who = dice.choice(("redis", _allocator(dice, shape)))
    yield Happening(at=_when(dice), what="time of day jumps", who=who, value=jump)


def _gateway(dice: Random, shape: Shape) -> Iterator[Happening]:
    who = f"gateway-{dice.randint(1, shape.gateways)}"
    yield Happening(at=_when(dice), what=dice.choice(("killed", "paused")), who=who, for_s=dice.uniform(0.05, 4))


def _link(dice: Random, shape: Shape) -> Iterator[Happening]:
    server = dice.choice(("redis", "postgres", "platform"))
    how = dice.choice(("cut", "silent", "replies lost", "slow"))
    who = f"{_allocator(dice, shape)} > {server}"
    yield Happening(at=_when(dice), what=how, who=who, for_s=dice.uniform(0.2, 8), value=dice.uniform(0.1, 1.5))


def _gateway_link(dice: Random, shape: Shape) -> Iterator[Happening]:
    how = dice.choice(("cut", "silent", "replies lost", "slow"))
    who = f"gateway-{dice.randint(1, shape.gateways)} > redis"
    yield Happening(at=_when(dice), what=how, who=who, for_s=dice.uniform(0.1, 4), value=dice.uniform(0.1, 1.5))


def _store(dice: Random, _: Shape) -> Iterator[Happening]:
    who, how = dice.choice(("redis", "postgres")), dice.choice(("killed", "frozen"))
    yield Happening(at=_when(dice), what=how, who=who, for_s=dice.uniform(0.05, 5))


def _lease(dice: Random, _: Shape) -> Iterator[Happening]:
    how = dice.choice(("lease vanishes", "lease does not expire"))
    yield Happening(at=_when(dice), what=how)


def _redis_loses(dice: Random, _: Shape) -> Iterator[Happening]:
    how = dice.choice(("fails over", "fails over", "is emptied"))
    yield Happening(at=_when(dice), what=how, who="redis", value=dice.uniform(0.01, 2))


def _postgres_loses(dice: Random, _: Shape) -> Iterator[Happening]:
    yield Happening(at=_when(dice), what="fails over", who="postgres", value=dice.uniform(0.01, 2))


def _platform(dice: Random, _: Shape) -> Iterator[Happening]:
    how = dice.choice(("unanswered", "late", "error", "too many", "deaf", "late", "unanswered"))
    share = dice.choice((0.2, 0.5, 1.0))
    yield Happening(at=_when(dice), what=how, who="platform", for_s=dice.uniform(0.5, 6), value=share)


def _late_reads(dice: Random, _: Shape) -> Iterator[Happening]:
    what = dice.choice(("counts late", "reads late"))
    yield Happening(at=_when(dice), what=what, who="platform", for_s=dice.uniform(2, 10), value=dice.uniform(0.2, 1.4))


def _webhooks(dice: Random, _: Shape) -> Iterator[Happening]:
    how = dice.choice(("webhooks lost", "webhooks doubled", "webhooks reordered"))
    yield Happening(at=_when(dice), what=how, for_s=dice.uniform(1, 10), value=dice.choice((0.2, 0.5, 1.0)))


def _flap(dice: Random, shape: Shape) -> Iterator[Happening]:
    who = str(1 + dice.randrange(shape.agents))
    yield Happening(at=_when(dice), what="offline", who=who, for_s=dice.uniform(0.1, 8))


def _hand(dice: Random, _: Shape) -> Iterator[Happening]:
    how = dice.choice(("assigns by hand", "takes over", "removes", "resolves by hand"))
    yield Happening(at=_when(dice), what=how, who="somebody")


def _wish(dice: Random, _: Shape) -> Iterator[Happening]:
    """A pause is ended, some time."""
    kind, at = dice.choice(("withdraw", "withdraw", "withdraw", "requeue", "pause")), _when(dice)
    yield Happening(at=at, what=f"asks to {kind}", who="somebody")
    if kind == "pause":
        yield Happening(at=at + dice.uniform(0.5, 6), what="asks to resume", who="somebody")


def _policy(dice: Random, shape: Shape) -> Iterator[Happening]:
    yield Happening(at=_when(dice), what="capacity", value=float(dice.randint(1, shape.capacity + 1)))


def _dismiss(dice: Random, shape: Shape) -> Iterator[Happening]:
    if shape.agents > 1:
        yield Happening(at=_when(dice), what="deleted", who=str(1 + dice.randrange(1, shape.agents)))


TROUBLES: dict[str, tuple[int, _Trouble]] = {
    "kill": (2, _kill),
    "terminate": (1, _terminate),
    "pause": (2, _pause),
    "step": (2, _at_a_step),
    "succession": (1, _succession),
    "standstill": (1, _standstill),
    "clock": (1, _clock),
    "gateway": (1, _gateway),
    "link": (2, _link),
    "gateway link": (1, _gateway_link),
    "store": (1, _store),
    "lease": (1, _lease),
    "redis loses": (1, _redis_loses),
    "postgres loses": (1, _postgres_loses),
    "platform": (2, _platform),
    "late reads": (1, _late_reads),
    "webhooks": (1, _webhooks),
    "flap": (1, _flap),
    "hand": (1, _hand),
    "wish": (1, _wish),
    "policy": (1, _policy),
    "dismiss": (1, _dismiss),
}
"""What can go wrong, by name; how often each is drawn, against the others."""


def without(script: Script, dropped: frozenset[int]) -> Script:
    """``script`` without the happenings at these positions."""
    kept = tuple(one for number, one in enumerate(script.happenings) if number not in dropped)
    return replace(script, happenings=kept)


def _number(value: float) -> str:
    return f"({value:.2f})" if value else ""
