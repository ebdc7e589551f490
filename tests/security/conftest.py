"""A gateway that lasts, to be attacked: what one test does to it, it must have got over in the next."""

from collections.abc import Iterator

import pytest
import redis
from integration.webhook_gateway.talk import OLD_TOKEN, TOKEN, Gateway, Start, starter

from one_machine.stores import Valkey
from support import Processes


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
def store(redis_server: Valkey) -> Iterator["redis.Redis[bytes]"]:
    """The Redis behind the gateway."""
    with redis.Redis.from_url(redis_server.url) as client:
        yield client
