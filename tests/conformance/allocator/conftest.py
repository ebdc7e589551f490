"""A database with our schema, empty, for each test."""

import pytest
from conformance.allocator.ledger_case import cases

from support.ledgers import migrated_database


@pytest.fixture
def schema_url(postgres_server):
    """The address of a database with our schema and nothing in it."""
    postgres_server.start()
    name = migrated_database(postgres_server)
    yield postgres_server.url_of(name)
    postgres_server.drop_database(name)


@pytest.fixture(params=["memory", "remote", "postgres"])
async def case(request):
    """A ledger in its first term."""
    async for made in cases(request.param, request):
        yield made
