"""A broken system, and a real Prometheus that looks at it; a table of what it saw."""

import pytest

from monitoring.prometheus import Prometheus
from monitoring.rules import hurried
from one_machine.stores import Postgres
from scenarios.conftest import antre, ledger_url, migrated_database
from support.cases import tool

__all__ = ["antre", "ledger_url", "migrated_database"]

FACTOR = 20
"""Windows, `for:` and limits in seconds are so much shorter than in the rules as they are shipped."""
SEEN = "seen"


def pytest_configure(config):
    config.addinivalue_line("markers", "system(**shape): what the scenario's system is made of; see support.system")


@pytest.fixture(scope="session")
def postgres_server(store_folder):
    """A durable one: the others of the tests are not, and there is an alert for that."""
    server = Postgres(store_folder / "durable", settings={"max_connections": "100"})
    yield server.start()
    server.remove()


@pytest.fixture
def prometheus(antre, processes, tmp_path):
    """Scrapes all parts of the system."""
    program = tool("prometheus")
    targets = {name: part.metrics_port for name, part in antre.parts.items()}
    made = Prometheus(tmp_path, targets, hurried(FACTOR))
    made.start(processes, program)
    return made


def pytest_terminal_summary(terminalreporter):
    rows = [
        dict(report.user_properties)
        for outcome in ("passed", "failed")
        for report in terminalreporter.stats.get(outcome, ())
        if report.when == "call" and SEEN in dict(report.user_properties)
    ]
    if rows:
        terminalreporter.section(f"broken systems, windows {FACTOR} times shorter")
    for row in rows:
        terminalreporter.write_line(f"{row['case']:48} {row['after']:>6}  {row[SEEN] or 'silence'}")
