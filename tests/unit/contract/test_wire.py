"""The wire form of events: bytes that older and newer services must agree on."""

import contextlib
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract import AppId, EventId, RoomId, RoomResolved, RoomWaiting, Unreadable, decode, encode
from contract.events import traced

ID = EventId("0190163d8694739bae5b0b1a2c3d4e5f")
APP = AppId("demoo-a1b2c3d4e5f6g7h")

EVENTS = {
    "waiting": RoomWaiting(id=ID, app=APP, room=RoomId("187250792"), received_ms=1_700_000_000_123, source="qiscus"),
    "waiting-with-channel": RoomWaiting(
        id=ID, app=APP, room=RoomId("301234567"), received_ms=0, source="wa", channel="3221"
    ),
    "traced": RoomWaiting(
        v="1.1",
        id=ID,
        app=APP,
        room=RoomId("187250792"),
        received_ms=1_700_000_000_123,
        source="qiscus",
        trace="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    ),
    "resolved": RoomResolved(id=ID, app=APP, room=RoomId("187259779"), received_ms=1_700_000_000_124, service=78906598),
    "resolved-without-service": RoomResolved(id=ID, app=APP, room=RoomId("1"), received_ms=1),
}
GOLDEN = dict(
    line.split(" ", 1)
    for version in ("1.0", "1.1")
    for line in (Path(__file__).parent / f"wire-{version}.golden").read_text("utf-8").splitlines()
    if line
)


@pytest.mark.parametrize("name", EVENTS)
def test_the_bytes_are_those_of_the_golden_file(name):
    assert encode(EVENTS[name]).decode() == GOLDEN[name]


@pytest.mark.parametrize("name", EVENTS)
def test_the_golden_bytes_are_read_as_the_event(name):
    assert decode(GOLDEN[name].encode()) == EVENTS[name]


def test_every_golden_line_is_of_an_event():
    assert GOLDEN.keys() == EVENTS.keys()


def test_fields_of_a_newer_minor_version_are_skipped():
    newer = with_fields("waiting", v="1.7", mood={"of": ["tomorrow"]}, priority=3)
    event = decode(newer)
    assert event.room == "187250792"
    assert event.v == "1.7"


@pytest.mark.parametrize("trace", ["", "Jane Doe", "00-0-0-01", "01-" + "0" * 32 + "-" + "0" * 16 + "-01", "x" * 5000])
def test_a_trace_that_is_none_costs_the_event_nothing(trace):
    event = decode(with_fields("traced", trace=trace))
    assert event.room == "187250792"
    assert "trace" not in msgspec.json.decode(encode(event))


def test_a_traced_event_is_the_event_and_its_trace():
    assert traced(EVENTS["waiting"], EVENTS["traced"].trace) == EVENTS["traced"]


@pytest.mark.parametrize("version", ["2.0", "2", "10.0", "0.9", "", "x", "1x"])
def test_another_major_version_is_refused(version):
    with pytest.raises(Unreadable):
        decode(with_fields("waiting", v=version))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{}",
        b"[]",
        b"null",
        b'{"kind":"room_waiting"}',
        b'{"kind":"room_on_fire","v":"1.0"}',
        b"\xff\xfe",
        b"[" * 5000,
        b'{"kind":"room_resolved","v":"1.0","id":7}',
    ],
)
def test_what_is_no_event_is_unreadable(data):
    with pytest.raises(Unreadable):
        decode(data)


@pytest.mark.parametrize(
    "fields",
    [{"room": "Jane Doe jane@example.com"}, {"source": "jane@example.com"}, {"app": "Jane Doe"}, {"id": "Jane Doe"}],
)
def test_what_is_unreadable_is_not_quoted(fields):
    with pytest.raises(Unreadable) as caught:
        decode(with_fields("waiting", **fields))
    assert "Jane" not in str(caught.value)
    assert "jane" not in str(caught.value)
    assert caught.value.__cause__ is None


@given(st.binary(max_size=200))
def test_any_bytes_are_an_event_or_unreadable(data):
    with contextlib.suppress(Unreadable):
        decode(data)


def with_fields(name, **fields):
    return msgspec.json.encode(msgspec.json.decode(GOLDEN[name]) | fields)
