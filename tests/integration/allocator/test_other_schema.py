"""What an operator reads when the schema is not this version's."""

import asyncpg
import pytest

from allocator.adapters.postgres import PostgresLedger
from allocator.core.ids import AppId
from allocator.ports import Unavailable


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("DROP TABLE session CASCADE", "the schema is missing; `allocator migrate`"),
        ("ALTER TABLE session DROP COLUMN ending CASCADE", "the schema is of another version; `allocator migrate`"),
    ],
    ids=["missing", "another version"],
)
async def test_the_error_names_the_schema_and_what_brings_it(schema_url, change, said):
    connection = await asyncpg.connect(schema_url)
    await connection.execute(change)
    await connection.close()
    ledger = PostgresLedger(schema_url, 3.0)
    epoch = await ledger.begin_term("a")
    with pytest.raises(Unavailable, match=said):
        async with ledger.transaction(epoch) as tx:
            await tx.unsettled([AppId("demo")])
    await ledger.close()
