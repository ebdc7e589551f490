"""The whole system as processes: gateway, two allocators, stores, and the simulator as the platform.

It is the one of the scenarios (`tests/support/system.py`), but with the durations that it has when nobody sets any.
"""

import asyncio
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from rig import Stores, cpu_s

from support.logs import said
from support.processes import Processes
from support.shape import DURATIONS, Shape
from support.system import System

QUIET = {"returning_share": "0", "doubled_share": "0", "chatter_s": "0"}
"""Customers who come once, send one webhook, and say nothing while they wait."""
Call = Mapping[str, Any]


@contextmanager
def whole(made: Stores, name: str, **shape: Any) -> Iterator[System]:
    """All of it, up, on a database of its own and an empty Redis; somebody leads."""
    made.redis.execute("FLUSHALL")
    url = asyncio.run(made.new_database(name))
    with tempfile.TemporaryDirectory(prefix="antre-bench-", ignore_cleanup_errors=True) as folder:
        processes = Processes(Path(folder))
        system = System(
            Shape(**({"simulator": QUIET} | shape)),
            folder=Path(folder),
            processes=processes,
            postgres=made.postgres,
            redis=made.redis,
            database_url=url,
        )
        for part in system.parts.values():
            env = {name: value for name, value in part.env.items() if name not in DURATIONS}
            system.parts[part.name] = replace(part, env=env)
        try:
            system.start()
            yield system
        finally:
            processes.end_all()
            system.stop()


def calls(system: System, since: float = 0.0) -> Sequence[Call]:
    """The assign calls that the platform got later than ``since`` (Unix time), in order."""
    return [call for call in system.platform.of_kind("call", since) if call["what"] == "assign_agent"]


def led_at(system: System, other_than: str) -> float:
    """When somebody else last began to lead (Unix time); never: 0."""
    return max((at for name in system.allocators if name != other_than for at in _terms(system, name)), default=0.0)


def _terms(system: System, name: str) -> list[float]:
    return said(system.running[name], "leading")


def cores(system: System) -> dict[str, float]:
    """Seconds on a core that each process of ours took so far."""
    return {name: cpu_s(running.pid) for name, running in system.running.items()}


def must_have_served_well(system: System) -> None:
    """Nobody lost, doubled, out of turn or beyond what an agent can carry, as the platform's own record has it."""
    verdict = system.platform.verdict()
    wrongs = {word: verdict[word] for word in ("lost", "doubled", "over", "out_of_order") if verdict[word]}
    assert not wrongs, f"served, but {wrongs}"
