"""Looks at the processes once a second and says what an operations person wants to know."""

import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import httpx

from one_machine.metrics import Sample, by_label, largest, parse, total
from one_machine.parts import Part

SCRAPE_TIMEOUT_S = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What the processes told at one moment; `None`: it did not answer."""

    at: float
    pages: Mapping[str, list[Sample] | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What the view shows. Rates are per second since the reading before; waits in seconds.

    `leader` is the name of the allocator that leads, `None` when nobody says so.
    """

    leader: str | None
    term: int
    webhooks_per_s: float
    waiting: int
    longest_wait_s: float
    slots_used: int
    slots_total: int
    assignments_per_s: float
    reasons: dict[str, int]
    silent: tuple[str, ...]


class Watch:
    """Asks all parts at once; one that stands still costs half a second, not more."""

    def __init__(self) -> None:
        # Never by a proxy of the environment: everything is on this machine.
        self._client = httpx.Client(timeout=SCRAPE_TIMEOUT_S, trust_env=False)
        self._pool = ThreadPoolExecutor(max_workers=4, thread_name_prefix="watch")

    def read(self, parts: Sequence[Part]) -> Reading:
        """The pages of all parts that have one."""
        asked = [part for part in parts if part.metrics_url]
        pages = self._pool.map(lambda part: self._page(part.metrics_url or ""), asked)
        return Reading(at=time.monotonic(), pages=dict(zip((part.name for part in asked), pages, strict=True)))

    def close(self) -> None:
        """Let go of connections and threads."""
        self._pool.shutdown()
        self._client.close()

    def _page(self, address: str) -> list[Sample] | None:
        try:
            return parse(self._client.get(address).raise_for_status().text)
        except httpx.HTTPError:
            return None


def figures(now: Reading, before: Reading) -> Figures:
    """What two readings tell. What waits and who serves is taken from the leader: the other one may be behind."""
    leader = _leader(now)
    page = now.pages.get(leader or "") or []
    return Figures(
        leader=leader,
        term=int(largest(page, "antre_term")),
        webhooks_per_s=_rate(now, before, "antre_webhooks_total"),
        waiting=int(total(page, "antre_waiting")),
        longest_wait_s=largest(page, "antre_oldest_wait_seconds"),
        slots_used=int(total(page, "antre_slots_used")),
        slots_total=int(total(page, "antre_slots")),
        assignments_per_s=_rate(now, before, "antre_assignments_total"),
        reasons={name: int(count) for name, count in by_label(page, "antre_waiting", "reason").items()},
        silent=tuple(name for name, each in now.pages.items() if each is None),
    )


def _leader(reading: Reading) -> str | None:
    """Who says that it leads; of two (an old one that has not noticed yet) the one with the higher term."""
    claims = [
        (largest(page, "antre_term"), name)
        for name, page in reading.pages.items()
        if page is not None and total(page, "antre_leader") == 1
    ]
    return max(claims)[1] if claims else None


def _rate(now: Reading, before: Reading, name: str) -> float:
    seconds = now.at - before.at
    if seconds <= 0:
        return 0.0
    grown = sum(_growth(page, before.pages.get(part), name) for part, page in now.pages.items())
    return grown / seconds


def _growth(page: list[Sample] | None, earlier: list[Sample] | None, name: str) -> float:
    if page is None or earlier is None:
        return 0.0
    # A process that was started anew counts from 0 again.
    return max(0.0, total(page, name) - total(earlier, name))
