"""What every figure shares: turns that alternate, ratios of neighbours, what a result is."""

import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

PACKAGES = ("litestar", "uvicorn", "uvloop", "fastapi", "pydantic", "redis", "hiredis", "SQLAlchemy", "asyncpg")
SYNCS = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """A figure: ``values`` are the ratios (or, where there is no baseline, the values) of each pair of turns; ``ours``
    and ``theirs`` say the absolute figures in words. ``at_least``: whether more is better.
    """

    number: str
    figure: str
    baseline: str
    target: float
    at_least: bool
    unit: str
    values: Sequence[float]
    ours: str
    theirs: str

    @property
    def value(self) -> float:
        """The median."""
        return statistics.median(self.values)

    @property
    def is_reached(self) -> bool:
        """Whether the target is."""
        return self.value >= self.target if self.at_least else self.value <= self.target


@dataclass(frozen=True, slots=True, kw_only=True)
class Unmeasured:
    """A figure that could not be had, and why."""

    number: str
    figure: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Effort:
    """How long and how often things are measured."""

    seconds: float
    turns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """Something to measure; one measurement may bring several results. ``about_s``: how long it takes on two cores when
    nobody asks for more or less.
    """

    numbers: Sequence[str]
    about_s: float
    measure: Callable[[Effort], Sequence[Result | Unmeasured]]


def alternating(turns: int, *sides: Callable[[], float]) -> list[list[float]]:
    """What each side brought in each turn. They take turns, so what else the machine does hits them alike."""
    brought: list[list[float]] = [[] for _ in sides]
    for _ in range(turns):
        for values, side in zip(brought, sides, strict=True):
            values.append(side())
    return brought


def ratios(ours: Sequence[float], theirs: Sequence[float]) -> list[float]:
    """Of neighbours in time."""
    return [one / other for one, other in zip(ours, theirs, strict=True)]


def middle(values: Sequence[float], unit: str = "", scale: float = 1.0) -> str:
    """A median in words."""
    found = statistics.median(values) * scale
    digits = 0 if found >= 100 else 1 if found >= 10 else 2  # noqa: PLR2004 - three digits say enough
    return f"{found:,.{digits}f}{unit}"


def seconds_of(code: str) -> float:
    """How long an interpreter takes that starts, runs ``code`` and ends."""
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True)
    return time.perf_counter() - began


def machine() -> dict[str, str]:
    """On what this was measured."""
    return {
        "date": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
        "commit": _commit(),
        "cores": str(os.cpu_count()),
        "load before": f"{os.getloadavg()[0]:.1f}",
        "fdatasync of 1.3 kB": "p50 {:.2f} ms, p99 {:.2f} ms".format(*_sync_ms()),
        "Python": platform.python_version(),
        "kernel": platform.release(),
        "packages": ", ".join(f"{name} {version(name)}" for name in PACKAGES),
    }


def _commit() -> str:
    command = ["git", "describe", "--always", "--dirty"]
    told = subprocess.run(command, capture_output=True, text=True, check=False)
    return told.stdout.strip() or "unknown"


def _sync_ms() -> tuple[float, float]:
    took = []
    with tempfile.NamedTemporaryFile(dir=Path(tempfile.gettempdir())) as file:
        for _ in range(SYNCS):
            file.write(b"x" * 1_300)
            file.flush()
            began = time.perf_counter()
            os.fdatasync(file.fileno())
            took.append(1000 * (time.perf_counter() - began))
    took.sort()
    return took[SYNCS // 2], took[SYNCS * 99 // 100]


def say(text: str) -> None:
    """Progress, on a line of its own."""
    print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)
