"""What the gateway's metrics and logs cost at its peak: `python benchmarks/metrics.py --seconds 4 --rounds 5`.

Two gateways of the same code, one of which has its metrics and its lines of webhooks taken out, take turns under as
many customers as keep them busy. Compared are the webhooks in a second, and the CPU time that one costs the gateway's
process, which other programs on the machine change less. Both are scraped once a second, as they would be.
"""

import argparse
import asyncio
import os
import statistics
import sys
import tempfile
import urllib.request
from pathlib import Path

from webhooks import Customers, Gateway

from one_machine.ports import HOST
from one_machine.stores import Valkey

CUSTOMERS = 64
WITHOUT = """
from webhook_gateway.access import AccessLog
from webhook_gateway.metrics import Metrics
for name in ("accepted", "refused"):
    setattr(AccessLog, name, lambda *_: None)
for name in ("answered", "durable", "committed", "failed"):
    setattr(Metrics, name, lambda *_: None)
from webhook_gateway.__main__ import main
main()
"""


class Silent(Gateway):
    """The gateway, less its metrics and the lines that it logs of webhooks."""

    command = (sys.executable, "-c", WITHOUT)


def main() -> None:
    """Measure and print."""
    words = _parser().parse_args()
    print(f"{os.cpu_count()} cores; the machine's load before: {os.getloadavg()[0]:.1f}")
    with tempfile.TemporaryDirectory(prefix="antre-metrics-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o755)
        with Valkey(folder / "redis") as redis:
            asyncio.run(_measure(redis, folder, words.seconds, words.rounds))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=4.0, help="how long each turn is")
    parser.add_argument("--rounds", type=int, default=5, help="how many turns each has")
    return parser


async def _measure(redis: Valkey, folder: Path, seconds: float, rounds: int) -> None:
    gateways = {"with": Gateway(redis.url, folder), "without": Silent(redis.url, folder)}
    costs: dict[str, list[float]] = {name: [] for name in gateways}
    rates: dict[str, list[float]] = {name: [] for name in gateways}
    try:
        for number in range(rounds + 1):
            for name in sorted(gateways, reverse=bool(number % 2)):
                cost, rate = await _turn(gateways[name], seconds if number else 1.0)
                if number:  # the first is for warming up
                    costs[name].append(cost)
                    rates[name].append(rate)
            redis.execute("FLUSHALL")
    finally:
        for gateway in gateways.values():
            gateway.end()
    for name in gateways:
        cost_us, rate = 1e6 * statistics.median(costs[name]), statistics.median(rates[name])
        print(f"{name:8} {cost_us:6.1f} µs of CPU a webhook, {rate:6.0f}/s")
    for what, found in (("CPU", costs), ("webhooks in a second", rates)):
        ratios = [one / other for one, other in zip(found["with"], found["without"], strict=True)]
        by_turns = ", ".join(f"{ratio:.3f}" for ratio in ratios)
        print(f"{what}, with / without, by turns: {by_turns}; median {statistics.median(ratios):.3f}")


async def _turn(gateway: Gateway, seconds: float) -> tuple[float, float]:
    """Seconds of CPU for a webhook, and webhooks a second."""
    before = _cpu_s(gateway.pid)
    async with Customers(gateway, CUSTOMERS) as sent:
        for _ in range(max(1, int(seconds))):
            await asyncio.sleep(1)
            await asyncio.to_thread(_scrape, gateway.metrics_port)
    count = len(sent.accepted)
    return (_cpu_s(gateway.pid) - before) / count, count / seconds


def _scrape(port: int) -> None:
    with urllib.request.urlopen(f"http://{HOST}:{port}/metrics", timeout=5) as page:
        page.read()


def _cpu_s(pid: int) -> float:
    user, system = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    main()
