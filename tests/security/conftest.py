"""A gateway that lasts, to be attacked: what one test does to it, it must have got over in the next."""

from collections.abc import AsyncIterator, Iterator

import pytest
import redis
from integration.allocator.conftest import World
from integration.webhook_gateway.talk import OLD_TOKEN, TOKEN, Gateway, Start, starter

from one_machine.stores import Postgres, Valkey
from support import Processes
from support.ledgers import migrated_database


@pytest.fixture(scope="session")
def gateway(tmp_path_factory: pytest.TempPathFactory, redis_server: Valkey) -> Iterator[Gateway]:
    """One gateway for many tests. That its log is clean in the end is for each of them to look at."""
    processes = Processes(tmp_path_factory.mktemp("attacked"))
    tokens = f"{TOKEN},{OLD_TOKEN}"
    yield starter(processes, redis_server.url)(ANTRE_WEBHOOK_TOKENS=tokens, ANTRE_LOG_LEVEL="info")
    processes.end_all()


@pytest.fixture
def start(processes: Processes, redis_url: str) -> Start:
    """Starts gateways of the test's own."""
    return starter(processes, redis_url)


@pytest.fixture(scope="session")
def store(redis_server: Valkey) -> Iterator[redis.Redis]:
    """The Redis behind the gateway."""
    with redis.Redis.from_url(redis_server.url) as client:
        yield client


@pytest.fixture
def schema_url(postgres_server: Postgres) -> Iterator[str]:
    """The address of a database with our schema and nothing in it."""
    name = migrated_database(postgres_server)
    yield postgres_server.url_of(name)
    postgres_server.drop_database(name)


@pytest.fixture
async def world(redis_url: str, schema_url: str) -> AsyncIterator[World]:
    """A leader's surroundings: real stores, and a platform in memory."""
    made = World(redis_url, schema_url)
    yield made
    await made.close()
