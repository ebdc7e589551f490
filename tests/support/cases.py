"""A pytest plugin: which tests show which of the 45 cases, and a report of their runs for `python -m faults`.

`@pytest.mark.case(24, t_s=3.0)`: the case's number (or several), and T, the time from the repair to the next
assignment that its row of the table allows, in the scenario's own short durations.
"""

import json
import shutil
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

SEED = 1
PROPERTY = "case"
MISSING = "missing tool: "
MARKS = (
    "case(number, ..., t_s=None): the faults (of 45) that the test shows, the T allowed; no number: beside the table",
    "alerts: breaks the system under a real Prometheus",
    "representative(reason): one of the cases that run with all the other tests, and what it guards",
)


def tool(name: str) -> str:
    """The path of a program that a case needs; without it the case is skipped, and is not survived."""
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"{MISSING}{name}")
    return found


def seed_of(config: pytest.Config) -> int:
    """Where the chance of this run comes from."""
    return int(config.getoption("seed", default=SEED))


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--seed` for whoever reads it, `--case-report` for the program."""
    parser.addoption("--seed", type=int, default=SEED, help="where the scenarios' chance comes from")
    parser.addoption("--case-report", default="", help="a file that gets a line of JSON for each test of a case")
    parser.addoption("--long-form", action="store_true", help="cases that have a long form are run in it")


def pytest_configure(config: pytest.Config) -> None:
    """Tell pytest of the mark; write the report, if wished, where all results come together."""
    for mark in MARKS:
        config.addinivalue_line("markers", mark)
    path = config.getoption("case_report")
    if path and not hasattr(config, "workerinput"):
        config.pluginmanager.register(Reporter(Path(path), seed_of(config)))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Let each report say which cases its test is of: it travels from the workers with that."""
    report = yield
    marks = list(item.iter_markers("case"))
    if marks:
        report.user_properties.append((PROPERTY, {"numbers": numbers(marks), "t_s": bound(marks)}))
    return report


@pytest.fixture(scope="session")
def is_long(pytestconfig: pytest.Config) -> bool:
    """Whether cases are to be run in their long form."""
    return bool(pytestconfig.getoption("long_form", default=False))


def numbers(marks: list[pytest.Mark]) -> list[int]:
    """The cases that the marks name."""
    return sorted({int(number) for mark in marks for number in mark.args})


def bound(marks: list[pytest.Mark]) -> float | None:
    """The T that the nearest mark with one allows."""
    return next((float(mark.kwargs["t_s"]) for mark in marks if mark.kwargs.get("t_s") is not None), None)


class Reporter:
    """Appends a line for each test of a case that is to be run, one for each of its phases, one when all is over."""

    def __init__(self, path: Path, seed: int) -> None:
        self._path = path
        self._seed = seed
        path.touch()

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """What is to be run is known (where workers run it, only they know; list it without them)."""
        for item in session.items:
            marks = list(item.iter_markers("case"))
            if marks:
                self._append({"of": item.nodeid, "case": {"numbers": numbers(marks), "t_s": bound(marks)}})

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """A phase (setup, call, teardown) of a test ended."""
        properties = dict(report.user_properties)
        if PROPERTY in properties:
            self._append(
                {
                    "test": report.nodeid,
                    "phase": report.when,
                    "outcome": report.outcome,
                    "seconds": report.duration,
                    "seed": self._seed,
                    "case": properties[PROPERTY],
                    "row": properties.get("scenario", {}),
                    "why": _why(report),
                }
            )

    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        """All is over; without this line the run broke off."""
        self._append({"exit": int(exitstatus)})

    def _append(self, line: dict[str, Any]) -> None:
        with self._path.open("a") as file:
            file.write(json.dumps(line, default=str) + "\n")


def _why(report: pytest.TestReport) -> str:
    """The reason of a skip, the last words of a failure."""
    if report.skipped and isinstance(report.longrepr, tuple):
        return str(report.longrepr[2]).removeprefix("Skipped: ")
    crash = getattr(report.longrepr, "reprcrash", None)
    return str(getattr(crash, "message", report.longrepr or ""))
