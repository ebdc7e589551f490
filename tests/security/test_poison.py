"""Entries that somebody put into Redis by hand, at the head of the inbox: put aside, and nobody behind them waits.

Postgres refuses a text with U+0000 in it, a number beyond 64 bits, a time beyond its calendar. None of that may come to
it, since a round whose transaction it refuses is tried again with the same entries, for ever.
"""

import json

import pytest
from integration.allocator.conftest import APP

from contract import Unreadable, decode
from security.nasty import TEXTS

GOOD = {
    "kind": "room_waiting",
    "v": "1.0",
    "id": "0190163d8694739bae5b0b1a2c3d4e5f",
    "app": APP,
    "room": "77",
    "received_ms": 1_700_000_000_000,
    "source": "wa",
    "channel": "3221",
    "previous": 7,
}
RESOLVE = {name: value for name, value in GOOD.items() if name not in {"source", "channel", "previous"}}
RESOLVE |= {"kind": "room_resolved", "service": 7}
TOO_LARGE = (2**63, 2**64, -1, 10**30, 10**400, 1.5)


def event(base=GOOD, **changes):
    return json.dumps(base | changes).encode()


HOSTILE = {
    **{f"{name} is {what}": event(**{name: text}) for name in GOOD if name != "v" for what, text in TEXTS.items()},
    **{f"previous is the {place}. of those too large": event(previous=one) for place, one in enumerate(TOO_LARGE)},
    **{
        f"service is the {place}. of those too large": event(RESOLVE, service=one)
        for place, one in enumerate(TOO_LARGE)
    },
    "NUL in bytes": event().replace(b'"77"', b'"7\x007"'),
    "a newer major version": event(v="2.0"),
    "of another app": event(app="somebody-else"),
    "no UTF-8": event().replace(b"77", b"\xff\xfe"),
    "deep": b"[" * 100_000,
    "no event": b"",
    "large": b'{"kind": "' + b"x" * 2_000_000 + b'"}',
}


@pytest.mark.parametrize("name", sorted(GOOD.keys() - {"v", "received_ms", "previous", "app"}))
@pytest.mark.parametrize("what", TEXTS)
def test_no_event_can_be_read_whose_text_is_more_than_an_identifier(name, what):
    with pytest.raises(Unreadable):
        decode(event(**{name: TEXTS[what]}))


@pytest.mark.parametrize("number", TOO_LARGE)
@pytest.mark.parametrize(("name", "base"), [("previous", GOOD), ("service", RESOLVE)])
def test_no_event_can_be_read_whose_number_is_beyond_the_ledgers(name, base, number):
    with pytest.raises(Unreadable):
        decode(event(base, **{name: number}))


async def test_whatever_is_at_the_head_of_the_inbox_is_put_aside_and_those_behind_it_are_served(world):
    world.platform.agent(1)
    for data in HOSTILE.values():
        await world.redis.xadd(world.stream, {"event": data})
    async with world.leading() as leader:
        await world.writes("100")
        await world.until_states(assigned=1)
        await world.until(world.is_read)
        assert leader._failing_since is None
    assert world.watch.aside == [APP] * len(HOSTILE)
    kept = [fields[b"event"] for _, fields in await world.redis.xrange(aside(world))]
    assert kept == list(HOSTILE.values())


ODD_ENTRIES = {
    "other fields": {"something": "else", "": "", "event ": event()},
    "two fields": {"event": b"{", "why": b"mine"},
    "fields by the thousand": {f"field-{number}": number for number in range(9_000)},
}


@pytest.mark.parametrize("name", ODD_ENTRIES)
async def test_an_entry_of_other_fields_is_put_aside(world, name):
    world.platform.agent(1)
    await world.redis.xadd(world.stream, ODD_ENTRIES[name])
    async with world.leading():
        await world.writes("100")
        await world.until_states(assigned=1)
        await world.until(world.is_read)
    assert world.watch.aside == [APP]
    ((_, fields),) = await world.redis.xrange(aside(world))
    assert len(fields) >= min(len(ODD_ENTRIES[name]), 500)


@pytest.mark.parametrize("entry_id", ["18446744073709551614-5", "253402300800000-1", "9223372036854775-7"])
async def test_an_entry_from_beyond_the_calendar_holds_nobody_up(world, entry_id):
    """From then on Redis gives every entry such a number: those behind it are customers."""
    world.platform.agent(1)
    await world.redis.xadd(world.stream, {"event": event()}, id=entry_id)
    async with world.leading():
        await world.writes("100")
        await world.until(lambda: "100" in world.sent())
        await world.until(world.is_read)


@pytest.mark.parametrize("received_ms", [0, 2**62, 10**18, 10**30])
async def test_a_time_that_is_only_a_figure_holds_nobody_up(world, received_ms):
    world.platform.agent(1)
    world.platform.customer("77")
    await world.redis.xadd(world.stream, {"event": event(received_ms=received_ms)})
    async with world.leading():
        await world.until(world.is_read)
        await world.writes("100")
        await world.until(lambda: "100" in world.sent())


def aside(world):
    return world.stream.replace(":inbox", ":put-aside")
