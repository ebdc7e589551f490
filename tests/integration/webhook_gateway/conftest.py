"""Gateways to test: one that lasts, and as many of its own as a test wants."""

from collections.abc import Iterator

import pytest
import redis
from integration.webhook_gateway.talk import CUSTOMER, OLD_TOKEN, TOKEN, Gateway, Start, starter

from one_machine.stores import Valkey
from support import Processes


@pytest.fixture
def start(processes: Processes, redis_url: str) -> Start:
    """Starts gateways of the test's own."""
    return starter(processes, redis_url)


@pytest.fixture(scope="session")
def _lasting(tmp_path_factory: pytest.TempPathFactory, redis_server: Valkey) -> Iterator[Gateway]:
    processes = Processes(tmp_path_factory.mktemp("gateway"))
    yield starter(processes, redis_server.url)(ANTRE_WEBHOOK_TOKENS=f"{TOKEN},{OLD_TOKEN}")
    processes.end_all()


@pytest.fixture
def gateway(_lasting: Gateway, redis_url: str) -> Iterator[Gateway]:
    """One gateway for many tests, with an empty Redis: what one test does to it, it must have got over in the next.

    After each test its log must hold no token and nothing of a customer's.
    """
    yield _lasting
    assert _lasting.running.status is None
    for secret in (TOKEN, OLD_TOKEN, CUSTOMER, "Traceback", '"fault"'):
        assert secret not in _lasting.running.output


@pytest.fixture
def store(redis_url: str) -> Iterator["redis.Redis[str]"]:
    """The Redis behind the gateway."""
    with redis.Redis.from_url(redis_url, decode_responses=True) as client:
        yield client
