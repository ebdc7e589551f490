"""Curves of a webhook by how many gateways stand before one Redis, each with customers of its own."""

import json
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import redis as blocking
from draw import Panel, Series, the_same
from load import Load
from measure import say
from rig import cpu_s
from served import HERE
from webhooks import PATH, Gateway

from one_machine.stores import Valkey

GATEWAYS = (1, 2, 3, 4)
CONNECTIONS = 32
SECONDS, TURNS = 1.5, 3

_Spent = Counter[str]
"""Seconds on a core, commands and syncs; then for each webhook."""


def gateways() -> Sequence[Panel]:
    """CPU, commands and syncs of Redis for each webhook, by gateways."""
    found = [(float(many), _before_one_redis(many)) for many in GATEWAYS]
    across = f"gateways, each with {CONNECTIONS} connections that never rest"

    def series(name: str, key: str, scale: float = 1.0) -> Series:
        return the_same(name, [(many, scale * one[key]) for many, one in found])

    return [
        Panel("CPU for each webhook, µs", across, [series("gateways", "gateways", 1e6), series("Redis", "redis", 1e6)]),
        Panel("Of Redis, for each webhook", across, [series("commands", "commands"), series("syncs", "syncs")]),
    ]


def _before_one_redis(many: int) -> _Spent:
    """The cheapest of some turns."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="antre-bench-")))
        store = stack.enter_context(Valkey(folder / "redis"))
        stack.callback(store.remove)
        doors = [Gateway(store.url, folder) for _ in range(many)]
        for door in doors:
            stack.callback(door.end)
        _sent(doors, 1.0)  # warm
        turns = [_turn(store, doors) for _ in range(TURNS)]
    best = Counter({key: min(turn[key] for turn in turns) for key in turns[0]})
    say(f"{many}: " + ", ".join(f"{key} {value:.3g}" for key, value in best.items()))
    return best


def _turn(store: Valkey, doors: Sequence[Gateway]) -> _Spent:
    before = _so_far(store, doors)
    webhooks = _sent(doors, SECONDS)
    after = _so_far(store, doors)
    return Counter({key: (after[key] - before[key]) / webhooks for key in after})


def _sent(doors: Sequence[Gateway], seconds: float) -> int:
    """Webhooks that were accepted, of all; each gateway has a generator of its own."""
    words = ["--path", PATH, "--seconds", str(seconds), "--connections", str(CONNECTIONS)]
    command = [sys.executable, str(HERE / "load.py"), *words, "--port"]
    running = [subprocess.Popen([*command, str(door.port)], stdout=subprocess.PIPE) for door in doors]
    loads = [Load(**json.loads(process.communicate()[0])) for process in running]
    return sum(load.statuses["200"] for load in loads)


def _so_far(store: Valkey, doors: Sequence[Gateway]) -> _Spent:
    """Redis writes replies, one for each command, and its file, with a sync behind each write."""
    with blocking.Redis.from_url(store.url) as client:
        told = client.info("commandstats")
    commands = told.get("cmdstat_evalsha", {"calls": 0})["calls"]
    writes = next(
        int(line.split()[1]) for line in Path(f"/proc/{store.pid}/io").read_text().splitlines() if "syscw" in line
    )
    return Counter(
        {
            "gateways": sum(cpu_s(door.pid) for door in doors),
            "redis": cpu_s(store.pid),
            "commands": commands,
            "syncs": writes - commands,
        }
    )
