"""Stores and processes for the tests. Each xdist worker has its own; nothing is shared.

`ANTRE_TEST_POSTGRES_BIN` (a folder with `postgres` and `initdb`) and `ANTRE_TEST_REDIS_SERVER`
(a `redis-server` or `valkey-server`) make the tests use what the machine has, instead of the wheels.
"""

import os
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from one_machine.stores import Postgres, Valkey
from support import Processes

pytest_plugins = ["support.cases"]

# A killed process loses nothing that the kernel has, and no test pulls the plug of the machine.
POSTGRES_SETTINGS = {"fsync": "off", "max_connections": "200"}
AS_STARTED = {"appendonly": "yes", "appendfsync": "always", "maxmemory": "0", "maxmemory-policy": "noeviction"}
"""What a test may have set otherwise in its Redis."""


@pytest.fixture(scope="session")
def store_folder() -> Iterator[Path]:
    """A folder that the unprivileged account of a server may reach (pytest's own are closed)."""
    with tempfile.TemporaryDirectory(prefix="antre-test-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder


@pytest.fixture(scope="session")
def postgres_server(store_folder: Path) -> Iterator[Postgres]:
    """This worker's PostgreSQL; a test that hurts it may leave it stopped or paused."""
    given = os.environ.get("ANTRE_TEST_POSTGRES_BIN")
    server = Postgres(store_folder / "postgres", bin_folder=Path(given) if given else None, settings=POSTGRES_SETTINGS)
    yield server.start()
    server.remove()


@pytest.fixture(scope="session")
def redis_server(store_folder: Path) -> Iterator[Valkey]:
    """This worker's Valkey (or Redis); a test that hurts it may leave it stopped or paused."""
    given = os.environ.get("ANTRE_TEST_REDIS_SERVER")
    server = Valkey(store_folder / "redis", program=Path(given) if given else None)
    yield server.start()
    server.remove()


@pytest.fixture
def database_url(postgres_server: Postgres) -> Iterator[str]:
    """A database with nothing in it, gone after the test: `postgresql://…`."""
    _revive(postgres_server)
    name = f"test_{uuid.uuid4().hex}"
    yield postgres_server.create_database(name)
    _revive(postgres_server)
    postgres_server.drop_database(name)


@pytest.fixture
def redis_url(redis_server: Valkey) -> Iterator[str]:
    """The address of an empty Redis: `redis://…`."""
    _revive(redis_server)
    _empty(redis_server)
    yield redis_server.url
    _revive(redis_server)
    _empty(redis_server)


@pytest.fixture
def processes(tmp_path: Path) -> Iterator[Processes]:
    """Starts our commands; whatever still runs at the end of the test is killed."""
    made = Processes(tmp_path)
    yield made
    made.end_all()


def _revive(server: Postgres | Valkey) -> None:
    server.resume()
    server.start()


def _empty(server: Valkey) -> None:
    """Also of settings that a test changed."""
    for setting in AS_STARTED.items():
        server.execute("CONFIG", "SET", *setting)
    reply = server.execute("FLUSHALL")
    assert reply == b"+OK\r\n", f"Redis refused FLUSHALL: {reply!r}"
