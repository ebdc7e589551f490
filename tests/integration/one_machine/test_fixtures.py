"""The fixtures that other tests stand on: empty at every start, whatever the test before did."""

import pytest

from one_machine.stores import Postgres, Valkey
from support import Processes


@pytest.mark.parametrize("time", [1, 2])
def test_a_database_is_empty_at_every_start(database_url: str, postgres_server: Postgres, time: int) -> None:
    """Two tests in a row do not see each other, though the first leaves the server dead."""
    assert database_url.startswith("postgresql://")
    postgres_server.kill()


@pytest.mark.parametrize("time", [1, 2])
def test_redis_is_empty_at_every_start(redis_url: str, redis_server: Valkey, time: int) -> None:
    """Two tests in a row do not see each other, though the first leaves the server paused."""
    assert redis_url.startswith("redis://")
    assert redis_server.execute("DBSIZE") == b":0\r\n"
    redis_server.execute("SET", "a", "b")
    redis_server.pause()


def test_a_process_shows_its_output_and_its_status(processes: Processes) -> None:
    """A command of this environment runs, prints and ends."""
    done = processes.run("python", "-c", "print('hello')")
    assert (done.status, done.output) == (0, "hello\n")


def test_a_process_gets_only_the_environment_it_is_given(processes: Processes, monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable of the developer's shell does not decide a test."""
    monkeypatch.setenv("REDIS_URL", "redis://elsewhere")
    done = processes.run("python", "-c", "import os; print('REDIS_URL' in os.environ, os.environ['A'])", env={"A": "b"})
    assert done.output == "False b\n"


def test_a_process_that_ignores_sigterm_is_killed_in_the_end(processes: Processes) -> None:
    """`end_all` leaves nothing, not even what is paused."""
    code = "import signal, time; signal.signal(15, signal.SIG_IGN); print('up', flush=True); time.sleep(60)"
    stubborn = processes.start("python", "-c", code).wait_output("up")
    stubborn.pause()
    processes.end_all()
    assert stubborn.status == -9
