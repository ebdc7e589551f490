"""What is old is taken away in small batches, and a round does not notice."""

import statistics
import time
from datetime import UTC, datetime, timedelta

import pytest
from integration.allocator.conftest import APP

from allocator.adapters.statements import FORGET_MAX

SESSIONS = 1_000_000
OLD = SESSIONS // 10
CHUNK = 10_000
FILL = f"""
INSERT INTO session (id, app, room, lane, state, waiting_since, verify, tries, refusals, avoid, resolve_seen,
                     reopened, ended_at, ending, epoch)
SELECT gen_random_uuid(), '{APP}', 'r' || n, 'wa', 'resolved', now() - (n || ' seconds')::interval, false, 0, 0, '{{}}',
       false, false, now() - (n || ' seconds')::interval, 'resolved', 1
FROM generate_series($1::int, $2::int) n
"""


@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_cleaning_costs_the_same_however_many_are_kept(world):
    before = datetime.now(UTC) - timedelta(seconds=SESSIONS - OLD)
    epoch = await world.ledger.begin_term("a")

    async def seconds(times, sessions_before):
        taken, gone = [], 0
        for _ in range(times):
            started = time.perf_counter()
            async with world.ledger.transaction(epoch) as tx:
                gone += await tx.forget(before, sessions_before)
            taken.append(time.perf_counter() - started)
        return statistics.median(taken), gone

    empty, _ = await seconds(5, before)
    for first in range(1, SESSIONS, CHUNK):
        async with world.ledger._connection() as connection:
            await connection.rows(FILL, first, first + CHUNK - 1)
    async with world.ledger._connection() as connection:
        await connection.rows("ANALYZE session")
    nothing, gone = await seconds(5, before - timedelta(days=365))
    assert gone == 0
    batch, gone = await seconds(5, before)
    assert gone == 5 * FORGET_MAX
    seen = f"nothing there {empty:.4f} s, nothing old {nothing:.4f} s, a batch of {FORGET_MAX} {batch:.4f} s"
    assert nothing < 10 * empty + 0.02, seen
