"""Whatever comes in, through the translation and through a real door: what is promised comes back, and nothing else.

Here a few thousand inputs from a fresh seed; ``python -m security.fuzz`` throws as many as one likes.
"""

import asyncio
import json
import secrets
from collections import Counter
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from integration.webhook_gateway.talk import TOKEN

from security import nasty
from security.campaign import Body, Campaign, Failed, Stream
from security.door import request, says
from security.fuzz import check_what_is_left, failure
from security.mutation import mutated
from security.streams import stream

RUNS = 4_000
THOROUGH = settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
PATHS = st.sampled_from([nasty.ALLOCATION, nasty.RESOLVE])
CHANCE = st.randoms(use_true_random=False)


@pytest.fixture(autouse=True)
def _nothing_is_left(gateway, redis_url):
    before = gateway.resident_mb
    yield
    check_what_is_left(gateway, gateway.resident_mb - before)


async def test_of_thousands_of_wrong_inputs_none_does_what_none_may_do(gateway, store):
    seed = secrets.randbelow(2**32)
    print(f"seed {seed}: PYTHONPATH=tests .venv/bin/python -m security.fuzz --runs {RUNS} --seed {seed}")  # noqa: T201
    campaign = Campaign(gateway, store, Random(seed))
    try:
        tallies = [tally async for tally in campaign.run(RUNS)]
    except Failed as failed:
        pytest.fail(failure(failed, seed, campaign.tally))
    assert tallies[-1].inputs == RUNS
    assert tallies[-1].events > RUNS / 20
    assert {200, 400, 403, 404, 413} <= tallies[-1].statuses.keys()


@THOROUGH
@given(PATHS, st.binary(max_size=400))
def test_any_bytes_are_answered_as_the_translation_says(gateway, store, path, data):
    asyncio.run(Campaign(gateway, store, Random(0)).try_all([Body(path, data)]))


@THOROUGH
@given(PATHS, CHANCE)
def test_recorded_webhooks_with_something_wrong_in_them_are_answered_as_the_translation_says(
    gateway, store, path, chance
):
    body = Body(path, mutated(chance, nasty.samples(path)))
    asyncio.run(Campaign(gateway, store, Random(0)).try_all([body]))


@THOROUGH
@given(CHANCE)
def test_broken_requests_get_the_answers_that_are_promised(gateway, store, chance):
    pieces = stream(chance, TOKEN, chance.choice(nasty.everything()))
    asyncio.run(Campaign(gateway, store, Random(0)).try_all([Stream(pieces)]))


async def test_who_leaves_before_several_answers_leaves_no_traceback(gateway):
    webhooks = request(f"{nasty.ALLOCATION}/{TOKEN}", b'{"room_id": "1"}') * 5
    for number in range(8):
        _, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
        writer.write(webhooks)
        await asyncio.sleep(0.0005 * number)
        writer.transport.abort()
    await asyncio.sleep(0.3)
    assert "Traceback" not in gateway.running.output


async def test_nonsense_after_several_webhooks_leaves_no_traceback(gateway):
    for path in (f"{nasty.ALLOCATION}/{TOKEN}", f"{nasty.ALLOCATION}/wrong-token-00000"):
        webhooks = request(path, b'{"room_id": "1"}') * 3
        assert (await says(gateway.port, [webhooks + b"\x00\x01\r\n\r\n"])).startswith(b"HTTP/1.1 ")
    await asyncio.sleep(0.8)  # a wrong token is listened to for a while before its connection is closed
    assert "Traceback" not in gateway.running.output


async def test_nonsense_fills_no_log(start):
    gateway = start()
    for _ in range(8):
        await asyncio.gather(*(says(gateway.port, [b"\x00\r\n\r\n"]) for _ in range(40)))
    lines = [json.loads(line) for line in gateway.running.output.splitlines()]
    warnings = Counter(line["timestamp"][:19] for line in lines if "Invalid HTTP request" in line["event"])
    assert warnings
    assert warnings.total() < 20 * (len(warnings) + 2)


async def test_addresses_without_end_fill_no_memory(gateway):
    before = gateway.resident_mb
    for turn in range(10):
        lines = [b"GET %b/%d-%d" % (nasty.ALLOCATION.encode(), turn, one) + b"y" * 15_000 for one in range(50)]
        await asyncio.gather(*(says(gateway.port, [line + b" HTTP/1.1\r\nhost: a\r\n\r\n"]) for line in lines))
    assert gateway.resident_mb - before < 8
