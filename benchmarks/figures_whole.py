"""The allocator as a process among others: figures 12, 13, 17b and 20b."""

import asyncio
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from measure import Effort, Figure, Result, middle, say, seconds_of
from rig import fill, stores
from served import until_ready
from whole import calls, led_at, whole

from allocator.settings import Settings
from chassis.settings import load
from one_machine.ports import HOST, free_port
from one_machine.spawn import spawn
from support.system import System

TTL_S = load(Settings, {"DATABASE_URL": "postgresql://nowhere/none"}).lease_ttl_s
"""As it is when nobody sets it."""
CLIENT_GO_S = 15.0
"""The LeaseDuration of client-go's leader election when nobody sets it."""
RUSH = {"agents": 30, "capacity": 2, "service_s": "0.3:0.9"}
RUSH_PER_S = 110.0
"""More than the agents of the rush can serve (about 100 a second), so that somebody waits at any moment."""
WARM = 60
STARTS = 5
BACKLOG = 1_000_000
AT_WORK = 600
KB = 1_000
IMPORTS = "import allocator.__main__, allocator.commands.allocate"


def hand_over(effort: Effort) -> Sequence[Result]:
    """Figures 12 and 13: how long nobody is assigned when the leader leaves in good order, and when it is killed."""
    gaps: list[float] = []
    crashes: list[float] = []
    with stores() as made, whole(made, "hand_over", **RUSH) as system:
        system.traffic(RUSH_PER_S)
        system.must_serve(WARM)
        for turn in range(min(effort.turns, 3)):
            gaps.append(_left(system))
            crashes.append(_killed(system))
            say(f"turn {turn + 1}: left {1000 * gaps[-1]:.0f} ms, killed {crashes[-1]:.1f} s")
    return [
        Result(
            number="12",
            figure="clean hand-over, last assign call of the old leader to the first of the new",
            baseline=f"the lease's time to live, {TTL_S:g} s",
            target=0.03,
            at_least=False,
            unit=" ×",
            values=[gap / TTL_S for gap in gaps],
            ours=middle(gaps, " ms", 1000),
            theirs=f"{TTL_S:g} s",
        ),
        Result(
            number="13",
            figure="the leader is killed, to the first assign call of the next",
            baseline="client-go's default lease, 15 s",
            target=0.75,
            at_least=False,
            unit=" ×",
            values=[took / CLIENT_GO_S for took in crashes],
            ours=middle(crashes, " s"),
            theirs=f"{CLIENT_GO_S:g} s",
        ),
    ]


def _left(system: System) -> float:
    """Seconds between calls around a leader's departure. The old one cannot call once the new one leads."""
    leader, told_at = system.leader(), time.time()
    status = system.running[leader].terminate()
    assert status == 0, f"the leader left with status {status}"
    since = _led_after(system, leader, told_at)
    old = [call["at"] for call in calls(system, told_at - 5) if call["at"] < since]
    _back(system, leader)
    return float(calls(system, since)[0]["at"] - old[-1])


def _killed(system: System) -> float:
    """Seconds from the leader's death to a call of the next one."""
    leader = system.leader()
    killed_at = system.kill(leader)
    since = _led_after(system, leader, killed_at)
    _back(system, leader)
    return float(calls(system, since)[0]["at"] - killed_at)


def _led_after(system: System, leader: str, moment: float) -> float:
    """When somebody else began to lead, once it has called the platform."""
    system.must("another leads", lambda: led_at(system, leader) > moment, within_s=2 * TTL_S)
    since = led_at(system, leader)
    system.must("the next one calls", lambda: calls(system, since))
    return since


def _back(system: System, name: str) -> None:
    """Two again, and some more served."""
    system.begin(name)
    system.until_ready(name)
    system.must_serve(WARM)


def memory(_effort: Effort) -> Sequence[Result]:
    """Figure 17, the allocator's part: what its process holds while a million wait."""
    with stores() as made, whole(made, "memory", agents=8, capacity=2, service_s="0.3:0.9") as system:
        system.customers(AT_WORK)
        system.must("they are in the ledger", lambda: system.inbox_length() == 0)
        for name in system.allocators:
            system.running[name].terminate()
        say(f"{BACKLOG:,} come to wait behind them")
        asyncio.run(fill(system.database_url, next(iter(system.apps)), BACKLOG, 0.0))
        _begin_both(system)
        system.must_serve(AT_WORK // 5, within_s=30)
        now, most = _memory_mb(system.running[system.leader()].pid)
    return [
        Result(
            number="17b",
            figure="memory of the allocator with 1,000,000 waiting, at work since its start",
            baseline="–",
            target=200.0,
            at_least=False,
            unit=" MB",
            values=[now],
            ours=f"{most:.0f} MB at most",
            theirs="–",
        )
    ]


def _begin_both(system: System) -> None:
    """Allocators that know nothing of how it was with fewer."""
    for name in system.allocators:
        system.begin(name)
    for name in system.allocators:
        system.until_ready(name)


def _memory_mb(pid: int) -> tuple[float, float]:
    """Resident now, and at most so far."""
    fields = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    return int(fields["VmRSS"].split()[0]) / KB, int(fields["VmHWM"].split()[0]) / KB


def start(_effort: Effort) -> Sequence[Result]:
    """Figure 20, the allocator's part: from its start until it is ready, stores warm."""
    with stores() as made, tempfile.TemporaryDirectory(prefix="antre-bench-") as folder:
        url = asyncio.run(made.new_database("start"))
        took = [_until_ready(url, made.redis.url, Path(folder)) for _ in range(STARTS)]
    imports = [seconds_of(IMPORTS) for _ in range(STARTS)]
    return [
        Result(
            number="20b",
            figure="start to ready, allocator, stores warm",
            baseline="–",
            target=1.0,
            at_least=False,
            unit=" s",
            values=took,
            ours=f"{middle(took, ' s')}, of which {middle(imports, ' s')} the interpreter and imports",
            theirs="–",
        )
    ]


def _until_ready(database_url: str, redis_url: str, folder: Path) -> float:
    port = free_port()
    environment = {
        "PATH": str(Path(sys.executable).parent),
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "QISCUS_APP_ID": "benchmark",
        "QISCUS_SECRET_KEY": "nobody is called",
        "QISCUS_BASE_URL": f"http://{HOST}:9",
        "ANTRE_METRICS_HOST": HOST,
        "ANTRE_METRICS_PORT": str(port),
        "ANTRE_LOG_LEVEL": "error",
    }
    began = time.perf_counter()
    command = [Path(sys.executable).parent / "allocator", "allocate"]
    process = spawn(command, env=environment, log=folder / "allocator.log")
    try:
        until_ready(process, port, "/readyz")
        return time.perf_counter() - began
    finally:
        process.terminate()
        process.wait()


FIGURES = [
    Figure(numbers=["12", "13"], about_s=70, measure=hand_over),
    Figure(numbers=["17b"], about_s=60, measure=memory),
    Figure(numbers=["20b"], about_s=20, measure=start),
]
