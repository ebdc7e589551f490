"""The stores of one machine: they start, they are killed, the data stays, nothing is left behind."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from one_machine.stores import Postgres, StoreError, Valkey
from support import free_port

DEBIAN_POSTGRES = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
MACHINE_REDIS = shutil.which("redis-server") or shutil.which("valkey-server")


@pytest.fixture(params=["wheel", "machine"])
def postgres(request: pytest.FixtureRequest, store_folder: Path) -> Iterator[Postgres]:
    """PostgreSQL of the wheel, and the one that the machine has."""
    if request.param == "machine" and not DEBIAN_POSTGRES:
        pytest.skip("this machine has no PostgreSQL of its own below /usr/lib/postgresql")
    programs = DEBIAN_POSTGRES[-1].parent if request.param == "machine" else None
    server = Postgres(store_folder / f"postgres-{free_port()}", bin_folder=programs)
    yield server.start()
    server.remove()


@pytest.fixture(params=["wheel", "machine"])
def valkey(request: pytest.FixtureRequest, store_folder: Path) -> Iterator[Valkey]:
    """Valkey of the wheel, and the Redis or Valkey that the machine has."""
    if request.param == "machine" and not MACHINE_REDIS:
        pytest.skip("this machine has no redis-server and no valkey-server of its own")
    program = Path(MACHINE_REDIS) if request.param == "machine" and MACHINE_REDIS else None
    server = Valkey(store_folder / f"valkey-{free_port()}", program=program)
    yield server.start()
    server.remove()


ENDS = ["restart", "stop_immediately", "kill"]


@pytest.mark.parametrize("end", ENDS)
def test_committed_rows_survive(postgres: Postgres, end: str) -> None:
    """What was committed is there after every kind of end, at the same address."""
    url = postgres.url
    postgres.execute("CREATE TABLE kept (word text)")
    postgres.execute("INSERT INTO kept VALUES ('still here')")
    getattr(postgres, end)()
    postgres.start()
    assert postgres.execute("SELECT word FROM kept") == "still here"
    assert postgres.url == url


@pytest.mark.parametrize("end", ["restart", "kill"])
def test_acknowledged_entries_survive(valkey: Valkey, end: str) -> None:
    """A write that was answered is there after every kind of end, at the same address."""
    url = valkey.url
    assert valkey.execute("SET", "word", "still here") == b"+OK\r\n"
    getattr(valkey, end)()
    valkey.start()
    assert b"still here" in valkey.execute("GET", "word")
    assert valkey.url == url


def test_a_killed_store_is_seen_as_not_running(valkey: Valkey) -> None:
    """After SIGKILL the process is gone; a start brings a new one."""
    before = valkey.pid
    os.kill(before, signal.SIGKILL)
    valkey.process.wait(5)
    assert not valkey.is_running
    assert valkey.start().pid != before


def test_a_paused_store_goes_on(valkey: Valkey) -> None:
    """SIGSTOP and SIGCONT lose nothing."""
    valkey.pause()
    valkey.resume()
    assert valkey.execute("PING") == b"+PONG\r\n"


def test_valkey_is_durable_and_evicts_nothing(valkey: Valkey) -> None:
    """The settings under which an answer of 200 may mean durable."""
    for name, value in {"appendfsync": b"always", "appendonly": b"yes", "maxmemory-policy": b"noeviction"}.items():
        assert value in valkey.execute("CONFIG", "GET", name)


def test_databases_are_made_once_and_dropped(postgres: Postgres) -> None:
    """`ensure_database` may be called at every start."""
    assert postgres.ensure_database("antre") == postgres.ensure_database("antre")
    postgres.drop_database("antre")
    assert postgres.execute("SELECT count(*) FROM pg_database WHERE datname = 'antre'") == "0"


def test_a_refused_statement_says_why(postgres: Postgres) -> None:
    """The server's own sentence comes back."""
    with pytest.raises(StoreError, match="does not exist"):
        postgres.execute("SELECT * FROM nowhere")


def test_a_port_that_is_taken_is_an_error_with_the_log(valkey: Valkey, store_folder: Path) -> None:
    """A given port is not silently changed."""
    other = Valkey(store_folder / "second", port=valkey.port)
    with pytest.raises(StoreError, match="does not start"):
        other.start()


ORPHANS = """
import sys, time
from pathlib import Path
from one_machine.stores import Postgres, Valkey
folder = Path(sys.argv[1])
print(Postgres(folder / "p").start().pid, Valkey(folder / "v").start().pid, flush=True)
time.sleep(60)
"""


def test_stores_end_with_the_process_that_started_them(store_folder: Path) -> None:
    """Even SIGKILL of the parent leaves no server behind."""
    folder = store_folder / "orphans"
    folder.mkdir()
    command = [sys.executable, "-c", ORPHANS, str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        pids = [int(word) for word in parent.stdout.readline().split()]
        parent.kill()
    assert len(pids) == 2
    assert _within(5, lambda: not any(_is_alive(pid) for pid in pids))


def _is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def _within(seconds: float, condition: Callable[[], bool]) -> bool:
    until = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > until:
            return False
        time.sleep(0.02)
    return True
