"""Webhooks come twice, late, in the wrong order, or are forged, while others come as they should."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from support.ledger import rows
from support.system import LAG_S
from support.webhooks import allocation, send

pytestmark = pytest.mark.system(allocators=1, simulator={"returning_share": "0"})
GAPS_S = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0)
FORGED = [f"9990000{number:02}" for number in range(30)]
GHOST_S = 1 + LAG_S
"""A wait that may be a ghost is looked at until it shows; others pass it meanwhile."""


@pytest.mark.case(3)
@pytest.mark.system(gateways=2)
def test_each_webhook_comes_twice_through_two_gateways(antre):
    antre.traffic(8)
    antre.must_serve(5)
    gaps = GAPS_S * 4
    rooms = antre.customers(len(gaps), send=False)
    with ThreadPoolExecutor(len(gaps)) as senders:
        answers = list(senders.map(lambda room, gap: _send_twice(antre, room, gap), rooms, gaps))
    assert [status for pair in answers for status in pair] == [200] * 2 * len(rooms)
    antre.must("all are served", lambda: set(rooms) <= _served(antre))
    antre.must_come_to_rest()
    assert {room: _times_served(antre, room) for room in rooms} == dict.fromkeys(rooms, 1)


@pytest.mark.case(4)
def test_a_webhook_comes_again_after_the_assignment_and_after_the_resolve(antre):
    antre.traffic(8)
    antre.must_serve(5)
    antre.platform.each("service", service_s=[3, 4])
    rooms = antre.customers(8, send=False)
    _send_all(antre, rooms)
    antre.must("all are served", lambda: set(rooms) <= _served(antre))
    _send_all(antre, rooms)
    antre.must("all are resolved", lambda: set(rooms) <= _resolved(antre))
    _send_all(antre, rooms)
    antre.must_serve(10)
    antre.must_come_to_rest(tolerance_s=GHOST_S)
    assert {room: _times_served(antre, room) for room in rooms} == dict.fromkeys(rooms, 1)


@pytest.mark.case(4)
def test_customers_come_back_in_the_same_room(antre):
    antre.traffic(8)
    antre.must_serve(5)
    rooms = antre.customers(8)
    for times in (1, 2, 3):
        antre.must("all are resolved", lambda: min(_times(antre, "resolved", rooms)) >= times)  # noqa: B023
        if times < 3:
            for room in rooms:
                antre.platform.post("customers", room_id=room)
    antre.must_come_to_rest()
    assert {room: _times_served(antre, room) for room in rooms} == dict.fromkeys(rooms, 3)


@pytest.mark.case(5)
def test_a_resolve_comes_before_its_allocation_webhook(antre):
    antre.traffic(8)
    antre.must_serve(5)
    rooms = antre.customers(8, send=False)
    for room in rooms:
        antre.platform.post("people", do="resolve", room_id=room)
    antre.must("their resolves are recorded", lambda: set(rooms) <= _recorded(antre, "room_resolved"))
    _send_all(antre, rooms)
    antre.must_serve(10)
    antre.must_come_to_rest(tolerance_s=GHOST_S)
    assert set(rooms) <= _recorded(antre, "room_waiting")
    assert not set(rooms) & _served(antre)


@pytest.mark.case(8)
def test_rooms_that_do_not_exist_hold_up_nobody(antre):
    antre.traffic(8)
    antre.must_serve(5)
    for _ in range(2):
        _send_all(antre, FORGED)
        antre.must_progress(time.time(), within_s=5)
    antre.must("they are put aside", lambda: _states(antre, FORGED) == {"parked"})
    antre.must_serve(10)
    antre.must_come_to_rest()
    assert not set(FORGED) & _served(antre)
    assert _agents_without_a_room(antre) == 0


def _send_twice(antre, room, gap_s):
    statuses = []
    for gateway in antre.gateways:
        statuses.append(_send(antre, room, gateway))
        time.sleep(gap_s)
    return statuses


def _send_all(antre, rooms):
    with ThreadPoolExecutor(4) as senders:
        assert set(senders.map(lambda room: _send(antre, room), rooms)) == {200}


def _send(antre, room, gateway=""):
    app = next(iter(antre.apps))
    return send(antre.webhook(app, "allocate-agent", gateway=gateway), allocation(app, room)).status_code


def _served(antre):
    return {entry["room"] for entry in antre.platform.assigned()}


def _times_served(antre, room):
    return [entry["room"] for entry in antre.platform.assigned()].count(room)


def _resolved(antre):
    return {entry["room"] for entry in antre.platform.of_kind("resolved")}


def _times(antre, kind, rooms):
    found = [entry["room"] for entry in antre.platform.of_kind(kind)]
    return [found.count(room) for room in rooms]


def _recorded(antre, kind):
    return {row["room"] for row in rows(antre.database_url, f"SELECT room FROM event WHERE kind = '{kind}'")}


def _states(antre, rooms):
    named = ", ".join(f"'{room}'" for room in rooms)
    found = rows(antre.database_url, f"SELECT DISTINCT state FROM session WHERE room IN ({named})")
    return {row["state"] for row in found}


def _agents_without_a_room(antre):
    return len(rows(antre.database_url, "SELECT 1 AS one FROM slot"))
