"""What each weaker setting of Redis and Postgres gains, and what it costs when something fails.

python benchmarks/durability.py --seconds 5

Real servers, the real gateway, real signals. "Machine fails" is what would be left had the power gone: the append-only
file is cut to what was synced by then, as strace saw it (without strace that column says so). A kernel may have written
more by itself, so for `appendfsync no` that is the worst case.
"""

import argparse
import asyncio
import json
import os
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import redis
from traced_file import STRACE, Traced
from webhooks import APP, Customers, Gateway, Sent

from allocator.adapters.postgres import connect
from contract import AppId, Keys
from one_machine.stores import Postgres, Valkey

INBOX = Keys().inbox(AppId(APP))
ROOM_LEFT_BYTES = 300_000
CONNECTIONS_TO_POSTGRES = 4
REDIS = {
    "appendfsync always": {},
    "appendfsync everysec": {"appendfsync": "everysec"},
    "appendfsync no": {"appendfsync": "no"},
    "appendonly no": {"appendonly": "no"},
}
POSTGRES = {
    "synchronous_commit on": {},
    "synchronous_commit off": {"synchronous_commit": "off"},
    "synchronous_commit off, sessions as the allocator's": {"synchronous_commit": "off"},
    "fsync off": {"fsync": "off"},
}
POLICIES = ("noeviction", "allkeys-lru", "volatile-lru")


def main() -> None:
    """Measure and print."""
    words = _parser().parse_args()
    print(f"{os.cpu_count()} cores; the machine's load before: {os.getloadavg()[0]:.1f}")
    with tempfile.TemporaryDirectory(prefix="antre-durability-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o755)  # a server's account may have to reach what is in it
        if words.only != "postgres":
            asyncio.run(_redis(folder, words.seconds, words.customers, words.rounds))
        if words.only != "redis":
            asyncio.run(_postgres(folder, words.seconds, words.rounds))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=5.0, help="how long each measurement lasts (5)")
    parser.add_argument("--customers", type=int, default=64, help="how many send webhooks at once (64)")
    parser.add_argument("--rounds", type=int, default=3, help="speed is the best of so many turns (3)")
    parser.add_argument("--only", choices=["redis", "postgres"], help="one of the stores")
    return parser


# --- Redis


async def _redis(folder: Path, seconds: float, customers: int, rounds: int) -> None:
    _table(
        f"Webhooks through one gateway, {customers} senders, {seconds:g} s, best of {rounds}",
        ["setting", "accepted/s", "p50 ms", "p99 ms", "lost, server SIGKILLed", "lost, machine fails"],
    )
    best = await _fastest(folder, seconds, customers, rounds)
    for name, settings in REDIS.items():
        sent = best[name]
        figures = f"{len(sent.accepted) / seconds:.0f}", _ms(sent.seconds, 0.5), _ms(sent.seconds, 0.99)
        with _server(folder / "killed", settings) as server:
            killed = await _killed(server, seconds, customers)
        with _server(folder / "powerless", settings) as server:
            powerless = await _powerless(server, seconds, customers)
        _row(name, *figures, killed, powerless)
    _table("Redis full, appendfsync always", ["maxmemory-policy", "accepted", "503", "lost", "lease"])
    for policy in POLICIES:
        with _server(folder / policy, {"maxmemory-policy": policy}) as server:
            _row(policy, *await _full(server, seconds, customers))


async def _fastest(folder: Path, seconds: float, customers: int, rounds: int) -> dict[str, Sent]:
    """Of several turns of every setting the best: whatever else the machine does only slows."""
    best: dict[str, Sent] = {}
    for _ in range(rounds):
        for name, settings in REDIS.items():
            with _server(folder / "fast", settings) as server:
                sent = await _load(server, seconds, customers)
            if len(sent.accepted) > len(best.get(name, Sent()).accepted):
                best[name] = sent
    return best


@contextmanager
def _server(folder: Path, settings: dict[str, str]) -> Iterator[Valkey]:
    server = Valkey(folder, settings=settings).start()
    try:
        yield server
    finally:
        server.remove()


async def _load(server: Valkey, seconds: float, customers: int, then: Callable[[], None] = lambda: None) -> Sent:
    """``then`` is done while they are still sending."""
    gateway = Gateway(server.url, server.data.parent)
    try:
        async with Customers(gateway, customers) as sent:
            await asyncio.sleep(seconds)
            await asyncio.to_thread(then)
    finally:
        gateway.end()
    return sent


async def _killed(server: Valkey, seconds: float, customers: int) -> str:
    sent = await _load(server, seconds, customers, server.kill)
    server.start()
    return _lost(sent, server)


async def _powerless(server: Valkey, seconds: float, customers: int) -> str:
    files = list((server.data / "appendonlydir").glob("*.incr.aof"))
    if not files:
        return "as when SIGKILLed"
    if STRACE is None:
        return "strace is not installed"
    with Traced(server.pid, files[0], server.data.with_suffix(".strace")) as traced:
        sent = await _load(server, seconds, customers, server.kill)
        synced = traced.synced()
    with files[0].open("r+b") as file:
        file.truncate(synced)
    server.start()
    return _lost(sent, server)


async def _full(server: Valkey, seconds: float, customers: int) -> tuple[str, str, str, str]:
    with redis.Redis.from_url(server.url) as client:
        client.set(Keys().lease, "owner|0", px=600_000)
        client.config_set("maxmemory", client.info("memory")["used_memory"] + ROOM_LEFT_BYTES)
        sent = await _load(server, seconds, customers)
        lease = "kept" if client.exists(Keys().lease) else "dropped"
    return str(len(sent.accepted)), str(sent.statuses[503]), _lost(sent, server), lease


def _lost(sent: Sent, server: Valkey) -> str:
    with redis.Redis.from_url(server.url) as client:
        there = {json.loads(fields[b"event"])["room"] for _, fields in client.xrange(INBOX)}
    return f"{len(set(sent.accepted) - there)} of {len(sent.accepted)}"


# --- Postgres


async def _postgres(folder: Path, seconds: float, rounds: int) -> None:
    _table(
        f"Commits of one row, {CONNECTIONS_TO_POSTGRES} connections, {seconds:g} s, best of {rounds}",
        ["setting", "commits/s", "p50 ms", "p99 ms", "lost, server SIGKILLed (all turns)"],
    )
    turns: dict[str, list[Turn]] = {name: [] for name in POSTGRES}
    for _ in range(rounds):
        for name, settings in POSTGRES.items():
            server = Postgres(folder / f"postgres-{len(turns[name])}", settings=settings).start()
            try:
                turns[name].append(await _commits(server, seconds, as_the_allocator="allocator" in name))
            finally:
                server.remove()
    for name, found in turns.items():
        best = max(found, key=lambda turn: turn.per_s)
        lost = f"{sum(turn.lost for turn in found)} of {sum(len(turn.took) for turn in found)}"
        _row(name, f"{best.per_s:.0f}", _ms(best.took, 0.5), _ms(best.took, 0.99), lost)


@dataclass(frozen=True, slots=True)
class Turn:
    """What came of committing for a while, and of the SIGKILL at the end."""

    per_s: float
    took: list[float]
    lost: int


async def _commits(server: Postgres, seconds: float, *, as_the_allocator: bool) -> Turn:
    server.execute("CREATE TABLE committed (n bigint PRIMARY KEY)")
    done: list[int] = []
    took: list[float] = []
    numbers = iter(range(1 << 62))

    async def commit() -> None:
        connection = await (connect if as_the_allocator else asyncpg.connect)(server.url)
        try:
            while True:
                number, began = next(numbers), time.perf_counter()
                await connection.execute("INSERT INTO committed VALUES ($1)", number)
                done.append(number)
                took.append(time.perf_counter() - began)
        except (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError):
            pass  # the server was killed

    tasks = [asyncio.create_task(commit()) for _ in range(CONNECTIONS_TO_POSTGRES)]
    await asyncio.sleep(seconds)
    per_s = len(done) / seconds
    await asyncio.to_thread(server.kill)
    await asyncio.gather(*tasks)
    server.start()
    there = {int(number) for number in server.execute("SELECT n FROM committed").split()}
    return Turn(per_s, took, len(set(done) - there))


# --- the tables


def _ms(seconds: Sequence[float], share: float) -> str:
    return f"{1000 * sorted(seconds)[int(share * (len(seconds) - 1))]:.1f}" if seconds else "none"


def _table(title: str, columns: Iterable[str]) -> None:
    names = list(columns)
    print(f"\n{title}\n")
    _row(*names)
    _row(*("---" for _ in names))


def _row(*cells: str) -> None:
    print(f"| {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
