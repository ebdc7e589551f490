"""The frame of a scenario: a system of its own, a seed, a story when it fails, a line in the table when it ends."""

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from one_machine.stores import Postgres, Valkey
from support import Processes
from support.cases import bound, seed_of
from support.system import Shape, System

KEPT = pytest.StashKey[System]()


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "system(**shape): what the scenario's system is made of; see support.system")


@pytest.fixture(scope="session")
def migrated_database(postgres_server: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The name of a database with our schema, to be copied."""
    name = f"template_{uuid.uuid4().hex}"
    url = postgres_server.create_database(name)
    processes = Processes(tmp_path_factory.mktemp("migrate"))
    done = processes.run("allocator", "migrate", env={"DATABASE_URL": url})
    assert done.status == 0, done.output
    yield name
    postgres_server.drop_database(name)


@pytest.fixture
def ledger_url(postgres_server: Postgres, migrated_database: str) -> Iterator[str]:
    """A migrated database without rows."""
    _revive(postgres_server)
    name = f"scenario_{uuid.uuid4().hex}"
    postgres_server.execute(f'CREATE DATABASE "{name}" TEMPLATE "{migrated_database}"')
    yield postgres_server.url_of(name)
    _revive(postgres_server)
    postgres_server.drop_database(name)


@pytest.fixture
def antre(
    *,
    request: pytest.FixtureRequest,
    processes: Processes,
    postgres_server: Postgres,
    redis_server: Valkey,
    redis_url: str,
    ledger_url: str,
    tmp_path: Path,
) -> Iterator[System]:
    """A system, up and without customers, of the shape that the scenario's mark says."""
    marks = reversed(list(request.node.iter_markers("system")))  # the scenario's own mark last: it wins
    wished = {name: value for mark in marks for name, value in mark.kwargs.items()}
    system = System(
        Shape(seed=seed_of(request.config), **wished),
        folder=tmp_path,
        processes=processes,
        postgres=postgres_server,
        redis=redis_server,
        database_url=ledger_url,
    )
    system.allowed_s = bound(list(request.node.iter_markers("case")))
    request.node.stash[KEPT] = system
    try:
        system.start()
        yield system
    finally:
        processes.end_all()
        system.stop()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    """A failing scenario tells its story and how to see it again."""
    report = yield
    system = item.stash.get(KEPT, None)
    if system is None:
        return report
    if report.failed and call.when in ("setup", "call"):
        name, seed = item.name, seed_of(item.config)
        report.sections.append(("replay", f"seed {seed}: pytest -m case tests/scenarios -k '{name}' --seed {seed}"))
        report.sections.append(("the system", system.story()))
    if call.when == "call":
        report.user_properties.append(("scenario", system.row()))
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """One line for each scenario."""
    rows = [
        (report, dict(report.user_properties)["scenario"])
        for outcome in ("passed", "failed")
        for report in terminalreporter.stats.get(outcome, ())
        if report.when == "call" and "scenario" in dict(report.user_properties)
    ]
    if rows:
        terminalreporter.section(f"scenarios, seed {seed_of(config)}")
    for report, row in sorted(rows, key=lambda pair: pair[0].nodeid):
        figures = "  ".join(f"{name} {_short(value)}" for name, value in row.items())
        terminalreporter.write_line(f"{report.outcome:6} {report.nodeid.split('::')[-1]}: {figures}")


def _short(value: object) -> object:
    return f"{value:.2f}" if isinstance(value, float) else "-" if value is None else value


def _revive(server: Postgres | Valkey) -> None:
    server.resume()
    server.start()
