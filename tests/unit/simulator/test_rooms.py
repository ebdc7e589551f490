"""The list of rooms: newest first, a timestamp as cursor, late."""

from dataclasses import replace

import pytest

from qiscus_simulator.forms import zoned
from qiscus_simulator.rooms import RoomQuery, page
from qiscus_simulator.values import CHANNEL_BY_KEY, Customer

START = 1_700_000_000.0
ALL = RoomQuery(serve_status="", status="", cursor_after="", cursor_before="", limit=50)
UNSERVED = replace(ALL, serve_status="unserved")


def arrive(platform, at):
    return platform.arrive(CHANNEL_BY_KEY["wa"], Customer(name="Siti", user_id="62"), START + at)


def listed(platform, query, now, lag=0):
    return [room.id for room, _ in page(platform, query, START + now, START + now - lag)]


def test_the_newest_comment_comes_first_and_a_customer_who_writes_jumps_up(platform):
    rooms = [arrive(platform, at) for at in range(3)]
    assert listed(platform, ALL, 5) == [rooms[2].id, rooms[1].id, rooms[0].id]
    platform.write(rooms[0], START + 6)
    assert listed(platform, ALL, 7)[0] == rooms[0].id


def test_the_cursor_is_the_second_so_rows_that_share_it_are_skipped(platform):
    rooms = [arrive(platform, at) for at in (0.0, 1.2, 1.7)]
    query = replace(ALL, limit=1)
    assert listed(platform, query, 5) == [rooms[2].id]
    following = replace(query, cursor_after=zoned(START + 1.7))
    assert listed(platform, following, 5) == [rooms[0].id]


def test_before_a_cursor_come_the_newer_rows(platform):
    rooms = [arrive(platform, at) for at in range(4)]
    query = replace(ALL, limit=2, cursor_before=zoned(START))
    assert listed(platform, query, 9) == [rooms[2].id, rooms[1].id]


def test_unserved_means_waiting_and_served_means_neither_waiting_nor_resolved(platform):
    waiting, served, resolved = (arrive(platform, at) for at in range(3))
    platform._seat(served, platform.agents[1], START + 4)
    platform.resolve(resolved.id, 9, START + 4)
    assert listed(platform, UNSERVED, 5) == [waiting.id]
    assert listed(platform, replace(ALL, serve_status="served"), 5) == [served.id]
    assert listed(platform, replace(ALL, status="resolved"), 5) == [resolved.id]
    assert set(listed(platform, replace(ALL, status="unresolved"), 5)) == {waiting.id, served.id}
    assert listed(platform, replace(ALL, status="expired"), 5) == []


def test_the_list_lags(platform):
    room = arrive(platform, 0)
    assert listed(platform, UNSERVED, 0.5, lag=1) == []
    assert listed(platform, UNSERVED, 1.5, lag=1) == [room.id]
    platform.resolve(room.id, 9, START + 10)
    assert listed(platform, UNSERVED, 10.5, lag=1) == [room.id]
    assert listed(platform, UNSERVED, 11.5, lag=1) == []


def test_a_cursor_that_is_no_time_is_a_value_error(platform):
    with pytest.raises(ValueError, match="abc"):
        page(platform, replace(ALL, cursor_after="abc"), START, START)
