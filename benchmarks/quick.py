"""Unit costs that do not depend on the machine's mood, compared with benchmarks/record.json.

    make bench-quick                    fails where a cost is more than 10 % above its record
    make bench-quick ARGS=--write       renew the record, when a cost grew for a reason (say it in the commit)

What is counted: calls of functions (Python's and C's, by `sys.setprofile`), statements and transactions of Postgres,
bytes, modules. No seconds. A cost that fell by more is said as well: then the record should be renewed, or the next
regression hides in the gap.
"""

import argparse
import asyncio
import json
import subprocess
import sys
import tracemalloc
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Self

import plan as plans
from prometheus_client import CollectorRegistry
from rig import APP, Platform, Rig, Stores, stores, waiting

from allocator.core.plan import plan
from chassis.logs import logger
from contract import encode
from contract.apps import App
from webhook_gateway.access import AccessLog
from webhook_gateway.app import ALLOCATION, Gateway, create_app
from webhook_gateway.authenticate import Gate
from webhook_gateway.exchange import patience
from webhook_gateway.metrics import Metrics
from webhook_gateway.ports import Entry
from webhook_gateway.publisher import Limits, Publisher, Watch

RECORD = Path(__file__).parent / "record.json"
TOLERANCE = 0.10
WEBHOOKS = 200
AT_ONCE = 64
CROWD = 640
BODY = json.dumps({"app_id": APP, "room_id": "12345678", "source": "wa", "extras": "x" * 1_000}).encode()
MODULES = {
    "gateway": "import webhook_gateway.__main__",
    "allocator": "import allocator.__main__, allocator.commands.allocate",
}


def main() -> int:
    """Count, compare; 1 where something grew."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true", help="renew the record")
    words = parser.parse_args()
    found = _count()
    if words.write:
        RECORD.write_text(json.dumps(found, indent=1) + "\n")
        print(f"written: {RECORD.name}, {len(found)} unit costs")
        return 0
    return _compared(found, json.loads(RECORD.read_text()))


def _count() -> dict[str, float]:
    found = asyncio.run(_gateway())
    found |= _plan() | _events() | {f"modules of the {name}": _modules(code) for name, code in MODULES.items()}
    with stores() as made, asyncio.Runner() as runner:
        found |= runner.run(_allocator(made))
    return {name: round(value, 3) for name, value in found.items()}


def _compared(found: dict[str, float], record: dict[str, float]) -> int:
    grown = [name for name, value in found.items() if value > record.get(name, 0.0) * (1 + TOLERANCE)]
    for name, value in found.items():
        known = record.get(name)
        change = "no record" if not known else f"{value / known - 1:+.1%}"
        fell = known and value < known * (1 - TOLERANCE)
        mark = "  GREW" if name in grown else "  fell: renew the record" if fell else ""
        print(f"{name:<64} {value:>12,.2f}   {change}{mark}")
    if grown:
        print(f"\n{len(grown)} grew by more than {TOLERANCE:.0%}. Mend it, or renew: make bench-quick ARGS=--write")
    return 1 if grown else 0


# --- counting calls


class Calls:
    """How many functions are called in the block, of Python and of C."""

    def __enter__(self) -> Self:
        self.count = 0
        sys.setprofile(self._note)
        return self

    def __exit__(self, *_: object) -> None:
        sys.setprofile(None)

    def _note(self, _frame: object, event: str, _argument: object) -> None:
        if event in {"call", "c_call"}:
            self.count += 1


# --- the gateway, without sockets


class _Inbox:
    """Durable at once."""

    async def append(self, _batch: Sequence[Entry]) -> None:
        """See the port."""
        await asyncio.sleep(0)

    async def ping(self) -> None:
        """See the port."""


async def _gateway() -> dict[str, float]:
    publisher = Publisher(_Inbox(), Limits(batch_max=500, pending_max=5_000, timeout_s=2.0), Watch())
    gateway = Gateway(
        gate=Gate([App(id=APP, secret_key=None, base_url=None, tokens=("token",))]),
        publisher=publisher,
        inbox=_Inbox(),
        metrics=Metrics(CollectorRegistry(), "0", lambda: 0),
        access=AccessLog(logger("bench"), verbose=False),
        patience=patience(10.0),
    )
    app: Any = create_app(gateway)
    await _webhooks(app, WEBHOOKS)  # what is made once is there now
    with Calls() as calls:
        await _webhooks(app, WEBHOOKS)
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    await _webhooks(app, WEBHOOKS)
    kept = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    assert kept < WEBHOOKS * 100, f"{kept} bytes stay after {WEBHOOKS} webhooks"
    return {"gateway: calls of functions a webhook": calls.count / WEBHOOKS}


async def _webhooks(app: Any, count: int) -> None:
    """``AT_ONCE`` at a time, as so many connections would bring them."""
    scope = {
        "type": "http",
        "method": "POST",
        "path": f"{ALLOCATION}/token",
        "headers": [(b"content-length", str(len(BODY)).encode())],
    }
    answers: list[int] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": BODY, "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            answers.append(message["status"])

    for start in range(0, count, AT_ONCE):
        await asyncio.gather(*(app(dict(scope), receive, send) for _ in range(min(AT_ONCE, count - start))))
    assert answers == [200] * count


# --- plain counts


def _plan() -> dict[str, float]:
    snapshot = plans.snapshot(plans.BUDGET)
    with Calls() as calls:
        plan(snapshot)
    return {"plan(): calls of functions, 1,000 agents and 10,000 heads": float(calls.count)}


def _events() -> dict[str, float]:
    event = waiting(12_345_678)
    return {"bytes of an event in the inbox": float(len(encode(event)))}


def _modules(code: str) -> float:
    command = [sys.executable, "-c", f"{code}; import sys; print(len(sys.modules))"]
    return float(subprocess.run(command, capture_output=True, check=True).stdout)


# --- the allocator, round by round


async def _allocator(made: Stores) -> dict[str, float]:
    database = await made.new_database("quick")
    rig = Rig(made, database, "quick", Platform(CROWD, 0.0), {"capacity": {"default": 1}})
    leader = rig.leader
    await leader._begin_term(rig.ledger.begin_term, leader._recover)  # noqa: SLF001 - rounds one by one, by hand
    await one_round(rig)  # the policy
    rig.send(*map(waiting, range(CROWD)))
    found = {"inbox: bytes of Redis for each event": rig.inbox_bytes() / CROWD}
    before = _so_far(rig)
    while len(rig.platform.assigned) < CROWD:
        await one_round(rig)
    await one_round(rig)  # the last answers are written down
    rounds, statements = (now - then for now, then in zip(_so_far(rig), before, strict=True))
    found["allocator: statements for each assignment at saturation"] = statements / CROWD
    found["allocator: transactions for each assignment at saturation"] = rounds / CROWD
    found["allocator: statements of a round at saturation"] = statements / rounds
    found["allocator: statements of a round with nothing to do"] = await _statements_of(rig, lambda: None)
    room = rig.platform.assigned[0]
    rig.send(waiting(CROWD))
    await one_round(rig)
    found["allocator: statements from a resolve to the next assignment told"] = await _statements_of(
        rig, lambda: rig.resolve(room), rounds=2
    )
    await leader.close()
    await rig.close()
    return found


async def one_round(rig: Rig) -> None:
    """Read, one round, and all that it started comes back."""
    leader = rig.leader
    leader._entries = await rig.inbox.read(500, 0.001)  # noqa: SLF001 - in place of the reader beside the rounds
    await leader.round()
    while leader.calls._tasks:  # noqa: SLF001 - until nothing is under way
        await asyncio.gather(*leader.calls._tasks)  # noqa: SLF001


def _so_far(rig: Rig) -> tuple[int, int]:
    return rig.ledger.transactions, rig.ledger.statements


async def _statements_of(rig: Rig, happens: Callable[[], None], rounds: int = 1) -> float:
    happens()
    before = rig.ledger.statements
    for _ in range(rounds):
        await one_round(rig)
    return float(rig.ledger.statements - before)


if __name__ == "__main__":
    sys.exit(main())
