"""How answers look."""

import time
from datetime import UTC, datetime, timedelta

import pytest

from allocator.commands import showing

NOW = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)


def test_a_table_fits_the_terminal_and_the_widest_column_gives_way():
    lines = showing.table(("room", "why"), [("1" * 10, "x" * 100), ("2", "short")], width=40)
    assert max(map(len, lines)) == 40
    assert lines[1].startswith("1" * 10 + "  x")
    assert lines[1].endswith("…")
    assert lines[2] == "2           short"


def test_what_is_not_there_is_a_dash():
    assert showing.table(("a", "b"), [(None, 0)], width=40)[1] == "-  0"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 s"),
        (59.9, "59 s"),
        (60, "1 min"),
        (200, "3 min 20 s"),
        (7500, "2 h 5 min"),
        (90_000, "1 d 1 h"),
        (-3, "0 s"),
    ],
)
def test_a_duration_has_two_units(seconds, words):
    assert showing.lasting(seconds) == words


def test_times_are_in_the_readers_zone_and_name_the_day_where_it_is_another(monkeypatch):
    monkeypatch.setenv("TZ", "Asia/Jakarta")
    time.tzset()
    try:
        assert showing.when(NOW, NOW) == "19:00:00"
        assert showing.when(NOW - timedelta(days=1), NOW) == "2026-11-25 19:00"
        assert showing.zone(NOW) == "WIB"
    finally:
        monkeypatch.undo()
        time.tzset()
