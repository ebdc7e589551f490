"""Whether a store keeps what it acknowledged: asked at the start, and every few seconds after.

    an adapter asks ──▶ note(doubts) ──▶ a line in the log for what is new, two gauges, an objection

Where the installation *requires* durability, doubts at the start are a refusal to start, and doubts that come later an
:meth:`Durability.objection` for readiness. Knows no store: whoever asks is an adapter.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import nan
from typing import NoReturn

from prometheus_client import CollectorRegistry, Gauge

from chassis.logs import logger
from chassis.settings import SettingError

EVERY_S = 5.0
"""A setting that was changed while everything runs is seen after so long at most."""
SOON_S = 1.0
"""As long as the store never answered."""
FIRST_LOOK_S = 5.0
"""A store that takes longer at the start is taken to be away; it is asked again later."""

_log = logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Doubt:
    """One thing for which a store may lose what it acknowledged."""

    reason: str
    """A word of ours, for a metric's label."""
    meaning: str
    """What is set, and what may be lost by it."""
    remedy: str
    is_known: bool = True
    """False: the store does not say."""
    loses_events: bool = True
    """False: what may be lost costs time, but no customer."""


Ask = Callable[[], Awaitable[Sequence[Doubt] | None]]
"""The doubts that a store gives reason for; None: it did not answer."""


class Durability:
    """What is known of one store. ``store``: its name, as people write it."""

    def __init__(self, store: str, registry: CollectorRegistry, *, required: bool) -> None:
        self._store = store
        self._required = required
        self._found: tuple[Doubt, ...] | None = None
        name = f"antre_{store.lower()}"
        self._durable = Gauge(
            f"{name}_durable", f"1: {store} keeps what it acknowledged; 0: not; NaN: unknown.", registry=registry
        )
        self._doubts = Gauge(f"{name}_doubts", f"1: why {store} may lose something.", ["reason"], registry=registry)
        self._durable.set(nan)

    def note(self, doubts: Sequence[Doubt] | None) -> None:
        """Take in what was found; while nobody answers, what was known before stands."""
        if doubts is None:
            return
        before, self._found = self._found or (), tuple(doubts)
        for doubt in set(before) - set(self._found):
            self._doubts.labels(doubt.reason).set(0)
        for doubt in self._found:
            self._doubts.labels(doubt.reason).set(1)
        self._durable.set(_figure(self._found))
        self._tell(before, self._found)

    def begin(self, doubts: Sequence[Doubt] | None) -> None:
        """Take in what was found at the start. Raises :class:`SettingError` for doubts where there may be none."""
        if self._required and doubts:
            variable = f"ANTRE_REQUIRE_DURABLE_{self._store.upper()}"
            reasons = "; ".join(doubt.meaning for doubt in doubts)
            remedies = " and ".join(dict.fromkeys(doubt.remedy for doubt in doubts))
            raise SettingError(
                f"{variable} is true, but {self._store} may lose what it acknowledged: {reasons}. To mend it, "
                f"{remedies}; to start in spite of it, set {variable} to false"
            )
        self.note(doubts)

    def objection(self) -> str | None:
        """For readiness: None, or why what is required is not so."""
        return self._words(self._found or ()) if self._required else None

    def threat(self) -> str | None:
        """None, or why nothing may be acknowledged: it might be lost, and that it is not is required."""
        return self._words([doubt for doubt in self._found or () if doubt.loses_events]) if self._required else None

    async def watch(self, ask: Ask) -> NoReturn:
        """Ask again and again."""
        while True:
            self.note(await ask())
            await asyncio.sleep(SOON_S if self._found is None else EVERY_S)

    def _words(self, doubts: Sequence[Doubt]) -> str | None:
        reasons = ", ".join(doubt.reason for doubt in doubts)
        return f"{self._store} is not durable ({reasons})" if reasons else None

    def _tell(self, before: tuple[Doubt, ...], now: tuple[Doubt, ...]) -> None:
        say = _log.error if self._required else _log.warning
        for doubt in now:
            if doubt not in before:
                say(
                    "not_durable",
                    store=self._store,
                    reason=doubt.reason,
                    meaning=doubt.meaning,
                    remedy=doubt.remedy,
                )
        if before and not now:
            _log.info("durable_again", store=self._store)


async def first_look(stores: Mapping[Durability, Ask]) -> None:
    """Ask all stores at once, and not for long. Raises :class:`SettingError` as :meth:`Durability.begin` does."""
    found = await asyncio.gather(*(_soon(ask) for ask in stores.values()))
    for durability, doubts in zip(stores, found, strict=True):
        durability.begin(doubts)


@contextlib.asynccontextmanager
async def watching(stores: Mapping[Durability, Ask]) -> AsyncIterator[None]:
    """Meanwhile ask the stores again and again."""
    tasks = [asyncio.create_task(durability.watch(ask)) for durability, ask in stores.items()]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def objection(stores: Iterable[Durability]) -> str | None:
    """The first of the stores' objections, if there is one."""
    return next(filter(None, (durability.objection() for durability in stores)), None)


async def _soon(ask: Ask) -> Sequence[Doubt] | None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(FIRST_LOOK_S):
            return await ask()
    return None


def _figure(doubts: Sequence[Doubt]) -> float:
    if any(doubt.is_known for doubt in doubts):
        return 0
    return nan if doubts else 1
