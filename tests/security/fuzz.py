"""Throws wrong inputs at a gateway of its own, before a Redis of its own, and says what came of it.

    PYTHONPATH=tests .venv/bin/python -m security.fuzz --runs 1000000 --seed 7

Bodies come from the recorded webhooks, changed at chance; one that takes a new way through the translation is kept and
changed further. Ends with status 1 at the first input that does what none may do; the input is saved, and the command
that tries it again is printed.
"""

import argparse
import asyncio
import random
import secrets
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import redis
from integration.webhook_gateway.talk import OLD_TOKEN, TOKEN, Gateway, starter

from one_machine.stores import Valkey
from security.campaign import Campaign, Failed, Tally, save, saved
from support import Processes
from support.judgement import discreet

EVERY_S = 5.0
GROWTH_MAX_MB = 64.0
"""What is alive stays at a few megabytes (`tracemalloc`). The rest is what bodies in cycles, of connections that were
cut off, took at most before they were collected; it grows for some 400,000 inputs and then stays."""
LONG = 1_000_000
LATE_GROWTH_MAX_MB = 16.0
"""In the second half of so many inputs or more."""
LOG_MAX_BYTES = 20_000_000
WARM_UP = 4_000
TOKENS = f"{TOKEN},{OLD_TOKEN}"
UNSAVED = {"appendonly": "no", "appendfsync": "no"}


def main() -> int:
    """The program."""
    asked = _arguments()
    seed = secrets.randbelow(2**32) if asked.seed is None else asked.seed
    _say(f"seed {seed}")
    with _own_gateway() as (gateway, store):
        campaign = Campaign(gateway, store, random.Random(seed))
        try:
            asyncio.run(_again(campaign, asked.replay) if asked.replay else _all(campaign, asked.runs))
        except Failed as failed:
            _say(failure(failed, seed, campaign.tally))
            return 1
    return 0


def failure(failed: Failed, seed: int, tally: Tally) -> str:
    """Save the inputs that failed; what a person must know about them."""
    file = Path(tempfile.gettempdir()) / f"antre-fuzz-{seed}.json"
    save(failed.inputs, file)
    again = f"PYTHONPATH=tests .venv/bin/python -m security.fuzz --replay {file}"
    return f"FAILED after {tally.inputs} inputs of seed {seed}: {failed}\ntry it again: {again}"


async def _all(campaign: Campaign, runs: int) -> None:
    gateway, began, told_at = campaign.gateway, time.monotonic(), 0.0
    before_mb = half_mb = 0.0
    async for tally in campaign.run(runs):
        if not before_mb and (tally.inputs >= WARM_UP or tally.inputs >= runs):
            before_mb = gateway.resident_mb
        if not half_mb and tally.inputs >= runs / 2:
            half_mb = gateway.resident_mb
        if time.monotonic() - told_at > EVERY_S:
            told_at = time.monotonic()
            _say(_progress(campaign, runs, told_at - began))
    after_mb = gateway.resident_mb
    _say(_progress(campaign, runs, time.monotonic() - began))
    _say(f"the gateway's memory: {before_mb:.1f} MB after {min(WARM_UP, runs)} inputs, {half_mb:.1f} MB at half time")
    _say(f"and {after_mb:.1f} MB at the end")
    _say(f"its log: {len(gateway.running.output)} bytes")
    check_what_is_left(gateway, after_mb - before_mb)
    if runs >= LONG and after_mb - half_mb > LATE_GROWTH_MAX_MB:
        raise Failed(f"the gateway's memory grew by {after_mb - half_mb:.1f} MB in the second half", [])


async def _again(campaign: Campaign, file: Path) -> None:
    await campaign.try_all(saved(file))
    check_what_is_left(campaign.gateway, 0.0)
    _say("all is well with these inputs now")


def check_what_is_left(gateway: Gateway, growth_mb: float) -> None:
    """Raise :class:`Failed` for what a campaign must not leave behind: memory, a traceback, somebody's data."""
    if growth_mb > GROWTH_MAX_MB:
        raise Failed(f"the gateway's memory grew by {growth_mb:.1f} MB", [])
    log = gateway.running.output
    complaints = discreet("the log", log, [TOKEN, OLD_TOKEN]) + discreet("/metrics", gateway.metrics(), [TOKEN])
    if '"fault"' in log:
        complaints.append("the log tells of a fault of ours")
    if len(log) > LOG_MAX_BYTES:
        complaints.append(f"the log has {len(log)} bytes")
    if complaints:
        raise Failed("; ".join(complaints), [])


def _progress(campaign: Campaign, runs: int, took_s: float) -> str:
    tally: Tally = campaign.tally
    answers = ", ".join(f"{status}: {count:,}" for status, count in sorted(tally.statuses.items()))
    return (
        f"{tally.inputs:,} of {runs:,} inputs, {tally.inputs / took_s:,.0f} a second; {len(campaign.ways.taken)} ways "
        f"through the translation; {tally.events:,} events; answers {answers}; {campaign.gateway.resident_mb:.1f} MB"
    )


@contextmanager
def _own_gateway() -> Iterator[tuple[Gateway, redis.Redis]]:
    with tempfile.TemporaryDirectory(prefix="antre-fuzz-") as name:
        folder, processes = Path(name), Processes(Path(name))
        server = Valkey(folder / "redis", settings=UNSAVED).start()
        try:
            gateway = starter(processes, server.url)(ANTRE_WEBHOOK_TOKENS=TOKENS, ANTRE_LOG_LEVEL="info")
            with redis.Redis.from_url(server.url) as store:
                yield gateway, store
        finally:
            processes.end_all()
            server.remove()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m security.fuzz", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=100_000, help="how many inputs (default: %(default)s)")
    parser.add_argument("--seed", type=int, help="where all chance comes from (default: a fresh one, printed)")
    parser.add_argument("--replay", type=Path, metavar="FILE", help="try the saved inputs of a failure again")
    return parser.parse_args()


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
