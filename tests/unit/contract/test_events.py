"""Events: what can be in them, and what cannot."""

import os
import time
import uuid

import pytest

from contract import AppId, EventId, RoomId, RoomResolved, RoomWaiting, new_event_id
from contract.events import is_app_id, is_channel, is_room_id, is_source

ID = EventId("0190163d8694739bae5b0b1a2c3d4e5f")

OF_A_CUSTOMER = [
    "jane@example.com",
    "Jane Doe",
    "+62 812 0000 0001",
    "+6281200000001",
    "(021) 555-0100",
    "Jalan Merdeka 1, Jakarta",
    "José",
    "𰹧䄧",
    "https://example.com/jane.png",
    "hello?",
    "",
    " ",
    "a\nb",
    "187250792\n",
    "\u0661\u0662",  # digits, but not ours
    "x" * 65,
]


@pytest.mark.parametrize("value", OF_A_CUSTOMER)
@pytest.mark.parametrize("field", ["app", "room", "source", "id", "channel"])
def test_what_looks_like_a_customers_cannot_be_put_into_an_event(field, value):
    with pytest.raises(ValueError, match=f"{field} is not an identifier"):
        waiting(**{field: value})


@pytest.mark.parametrize("value", OF_A_CUSTOMER)
@pytest.mark.parametrize("field", ["app", "room", "id"])
def test_nor_into_a_resolve(field, value):
    with pytest.raises(ValueError, match=f"{field} is not an identifier"):
        resolved(**{field: value})


def test_the_error_does_not_quote_the_value():
    with pytest.raises(ValueError, match="room") as caught:
        waiting(room="jane@example.com")
    assert "jane" not in str(caught.value)


@pytest.mark.parametrize("service", [-1, 2**63, 10**30])
def test_a_session_number_has_its_bounds(service):
    with pytest.raises(ValueError, match="service"):
        resolved(service=service)


def test_a_time_is_not_before_1970():
    with pytest.raises(ValueError, match="received_ms"):
        waiting(received_ms=-1)


def test_events_cannot_be_changed():
    event = waiting()
    with pytest.raises(AttributeError):
        event.room = RoomId("2")  # type: ignore[misc]


@pytest.mark.parametrize("room", ["187250792", "0", "a", "room-1_2.3", "9" * 64])
def test_ids_of_rooms(room):
    assert is_room_id(room)
    assert waiting(room=room).room == room


@pytest.mark.parametrize("source", ["wa", "line", "qiscus", "ig", "fb", "telegram", "tiktok", "ceria", "custom-1"])
def test_kinds_of_channels(source):
    assert is_source(source)
    assert waiting(source=source).source == source


def test_what_the_questions_say_no_to():
    assert not is_app_id("")
    assert not is_app_id("a/b")
    assert not is_source("WA")
    assert not is_channel("3221a")
    assert not is_channel("1" * 21)


def test_an_event_id_is_a_uuid_of_version_7():
    made = uuid.UUID(new_event_id())
    assert made.version == 7
    assert made.variant == uuid.RFC_4122


def test_an_event_id_begins_with_the_milliseconds():
    before = time.time_ns() // 1_000_000
    stamp = int(new_event_id()[:12], 16)
    after = time.time_ns() // 1_000_000
    assert before <= stamp <= after


def test_event_ids_of_later_milliseconds_sort_later(monkeypatch):
    now = iter(range(1_700_000_000_000_000_000, 1_700_000_000_000_000_000 + 200 * 1_000_000, 1_000_000))
    monkeypatch.setattr(time, "time_ns", lambda: next(now))
    made = [new_event_id() for _ in range(200)]
    assert made == sorted(made)


def test_event_ids_do_not_repeat():
    assert len({new_event_id() for _ in range(10_000)}) == 10_000


def test_parent_and_child_after_a_fork_make_different_event_ids():
    new_event_id()  # a block of chance is there now
    read, write = os.pipe()
    if (child := os.fork()) == 0:
        os.write(write, "".join(new_event_id()[12:] for _ in range(10)).encode())
        os._exit(0)
    os.waitpid(child, 0)
    os.close(write)
    with os.fdopen(read) as pipe:
        told = pipe.read()
    theirs = {told[start : start + 20] for start in range(0, len(told), 20)}
    assert len(theirs) == 10
    assert theirs.isdisjoint({new_event_id()[12:] for _ in range(300)})


def test_an_event_id_is_one_that_events_take():
    assert all(waiting(id=new_event_id()) for _ in range(100))


def waiting(**changes):
    fields = {
        "id": ID,
        "app": AppId("demo"),
        "room": RoomId("1"),
        "received_ms": 1,
        "source": "qiscus",
        "channel": "1",
    }
    return RoomWaiting(**(fields | changes))


def resolved(**changes):
    fields = {"id": ID, "app": AppId("demo"), "room": RoomId("1"), "received_ms": 1}
    return RoomResolved(**(fields | changes))
