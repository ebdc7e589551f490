"""Runs the tests of cases with pytest, and reads what became of them from the report of `support.cases`."""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from support.cases import MISSING

ROOT = Path(__file__).parents[2]
LOGS = ROOT / ".data" / "faults"
FOLDERS = ("tests/scenarios", "tests/crash")
POLL_S = 0.2


class CannotRun(Exception):
    """The tests could not even be collected; the text is pytest's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A test, and the cases that it shows."""

    test: str
    numbers: tuple[int, ...]
    t_s: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What became of a test with a seed. ``outcome``: survived, failed, missing tool, skipped, did not run."""

    shown: Shown
    seed: int
    outcome: str
    why: str = ""
    seconds: float = 0.0
    row: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """How the tests are to be run."""

    seed: int
    jobs: int
    long: bool = False
    timeout_s: int = 300


def collect() -> list[Shown]:
    """All tests that show cases. Raises :class:`CannotRun`."""
    with tempfile.TemporaryDirectory(prefix="antre-faults-") as folder:
        report = Path(folder) / "tests.jsonl"
        words = [*_pytest(report), "--collect-only", "-q", *_folders()]
        done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
        lines = [line for line in _lines(report) if "of" in line]
    if done.returncode not in (0, 5):
        raise CannotRun(done.stdout + done.stderr)
    return [_shown(line) for line in lines]


def run(tests: Sequence[Shown], wish: Wish, log: Path) -> Iterator[Result]:
    """Run the tests; a result for each, as soon as it is there. pytest's own words go to ``log``."""
    log.parent.mkdir(parents=True, exist_ok=True)
    open_tests = {one.test: one for one in tests}
    with tempfile.TemporaryDirectory(prefix="antre-faults-") as folder, log.open("w") as output:
        report = Path(folder) / "report.jsonl"
        process = subprocess.Popen(_command(tests, wish, report), cwd=ROOT, stdout=output, stderr=subprocess.STDOUT)
        try:
            for phases in _finished(report, process):
                shown = open_tests.pop(phases[0]["test"], None)
                if shown is not None:
                    yield _result(shown, wish.seed, phases)
        finally:
            _end(process)
    for shown in open_tests.values():
        yield Result(shown=shown, seed=wish.seed, outcome="did not run", why=f"pytest broke off: see {log}")


def _command(tests: Iterable[Shown], wish: Wish, report: Path) -> list[str]:
    long = ["--long-form"] if wish.long else []
    workers = ["-n", str(wish.jobs), "--dist", "worksteal"]
    bounds = ["--timeout", str(wish.timeout_s), "--tb=short", "-v"]
    return [*_pytest(report), *workers, *bounds, *long, "--seed", str(wish.seed), *(one.test for one in tests)]


def _pytest(report: Path) -> list[str]:
    return [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-m", "case", "--case-report", str(report)]


def _folders() -> list[str]:
    return [name for name in FOLDERS if (ROOT / name).is_dir()]


def _finished(report: Path, process: subprocess.Popen[bytes]) -> Iterator[list[dict[str, Any]]]:
    """The phases of each test that came to its end, while pytest runs and after it."""
    phases: dict[str, list[dict[str, Any]]] = {}
    read, is_over = 0, False
    while not is_over:
        is_over = process.poll() is not None  # looked at before the last reading
        lines = list(_lines(report))
        for line in lines[read:]:
            if "phase" in line:
                phases.setdefault(line["test"], []).append(line)
                if line["phase"] == "teardown":
                    yield phases.pop(line["test"])
        read = len(lines)
        time.sleep(POLL_S)


def _lines(report: Path) -> Iterator[dict[str, Any]]:
    """The lines that are complete."""
    text = report.read_text() if report.exists() else ""
    for line in text.splitlines(keepends=True):
        if line.endswith("\n"):
            yield json.loads(line)


def _shown(line: Mapping[str, Any]) -> Shown:
    case = line["case"]
    return Shown(test=line["of"], numbers=tuple(case["numbers"]) or (0,), t_s=case["t_s"])


def _result(shown: Shown, seed: int, phases: Sequence[Mapping[str, Any]]) -> Result:
    worst = max(phases, key=lambda phase: ("passed", "skipped", "failed").index(phase["outcome"]))
    return Result(
        shown=shown,
        seed=seed,
        outcome=_outcome(worst),
        why=worst["why"],
        seconds=sum(phase["seconds"] for phase in phases),
        row={name: value for phase in phases for name, value in phase["row"].items()},
    )


def _outcome(phase: Mapping[str, Any]) -> str:
    if phase["outcome"] == "skipped":
        return "missing tool" if phase["why"].startswith(MISSING) else "skipped"
    return "survived" if phase["outcome"] == "passed" else "failed"


def _end(process: subprocess.Popen[bytes]) -> None:
    """An end in good order, so that no server is left behind."""
    if process.poll() is None:
        process.terminate()
    process.wait(60)


def folder_for(root: Path = LOGS) -> Path:
    """Where the logs of this run go: a folder of its own, so that runs side by side do not meet."""
    folder = root / f"{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}"
    folder.mkdir(parents=True, exist_ok=True)
    return folder
