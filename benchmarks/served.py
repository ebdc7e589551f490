"""Servers that take webhooks, each a process on a core of its own, and the load on them."""

import json
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from load import APP, Load
from slow_disk import slow_disk

from one_machine.ports import HOST, free_port
from one_machine.spawn import spawn
from one_machine.stores import Valkey

BIN = Path(sys.executable).parent
HERE = Path(__file__).parent
PATH = "/allocate-agent/webhook"
START_S = 60.0
POLL_S = 0.005
GATEWAY = "gateway"
LITESTAR = "litestar_one_call"
FASTAPI = "fastapi_one_call"
BARE = "bare"
SERVER_CORES, OTHER_CORES = {0}, set(range(1, os.cpu_count() or 1)) or {0}
"""The server has a core for itself; Redis and the generator share the others."""


@dataclass(frozen=True, slots=True)
class Server:
    """A running one. ``start_s``: from its start until it was ready."""

    process: subprocess.Popen[bytes]
    port: int
    start_s: float

    @property
    def memory_mb(self) -> float:
        """What is resident now."""
        lines = Path(f"/proc/{self.process.pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) / 1000

    @property
    def cpu_s(self) -> float:
        """Seconds on a core so far."""
        words = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")

    def load(self, seconds: float, connections: int = 64, rate: float | None = None) -> Load:
        """Webhooks by a generator of its own."""
        words = ["--port", str(self.port), "--path", PATH, "--seconds", str(seconds), "--connections", str(connections)]
        words += ["--rate", str(rate)] if rate else []
        command = [sys.executable, str(HERE / "load.py"), *words]
        told = subprocess.run(command, capture_output=True, check=True, preexec_fn=_apart)
        values = json.loads(told.stdout)
        return Load(**values)


def _apart() -> None:
    os.sched_setaffinity(0, OTHER_CORES)


@contextmanager
def redis(folder: Path, sync_s: float = 0.0) -> Iterator[Valkey]:
    """A server with ``appendfsync always``, away from the core of the server that is measured. ``sync_s``: by how much
    its disk is slower.
    """
    program = slow_disk(folder, sync_s) if sync_s else None
    with Valkey(folder / "redis", program=program) as server:
        os.sched_setaffinity(server.pid, OTHER_CORES)
        try:
            yield server
        finally:
            server.remove()


@contextmanager
def served(kind: str, redis_url: str, folder: Path, **more: str) -> Iterator[Server]:
    """One of the kinds above, ready."""
    port = free_port()
    environment = {"PATH": os.environ.get("PATH", ""), "REDIS_URL": redis_url, "QISCUS_APP_ID": APP} | more
    began = time.perf_counter()
    process = spawn(_command(kind, port), env=environment | _door(port), cwd=HERE, log=folder / f"{kind}.log")
    os.sched_setaffinity(process.pid, SERVER_CORES)
    try:
        until_ready(process, port, "/readyz" if kind != BARE else PATH)
        yield Server(process, port, time.perf_counter() - began)
    finally:
        process.terminate()
        process.wait()


def _command(kind: str, port: int) -> list[str | Path]:
    if kind == GATEWAY:
        return [BIN / "webhook-gateway"]
    words = ["--host", HOST, "--port", str(port), "--loop", "uvloop", "--http", "httptools", "--no-access-log"]
    return [BIN / "uvicorn", f"baselines.{kind}:app", *words, "--log-level", "warning"]


def _door(port: int) -> dict[str, str]:
    return {
        "ANTRE_HTTP_HOST": HOST,
        "ANTRE_HTTP_PORT": str(port),
        "ANTRE_METRICS_HOST": HOST,
        "ANTRE_METRICS_PORT": str(free_port()),
        "ANTRE_LOG_LEVEL": "error",
    }


def until_ready(process: subprocess.Popen[bytes], port: int, path: str) -> None:
    """Wait until it answers 200 there."""
    give_up_at = time.monotonic() + START_S
    while time.monotonic() < give_up_at and process.poll() is None:
        try:
            with urllib.request.urlopen(f"http://{HOST}:{port}{path}", timeout=1):
                return
        except OSError:
            time.sleep(POLL_S)
    raise RuntimeError("a server does not start; see its log")
