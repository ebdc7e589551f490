"""When it is open: midnight, days that are closed, clocks that are set."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from allocator.core.policy import compile_spec

NEW_YORK = "America/New_York"
JAKARTA = "Asia/Jakarta"
WORKDAYS = {"days": ["Mon", "Tue", "Wed", "Thu", "Fri"], "from": "08:00", "to": "17:00"}
ALL = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]


def hours(*intervals, zone=JAKARTA, closed=(), **more):
    """The compiled hours; without intervals, around the clock."""
    spec = {"timezone": zone, "closed": [{"date": day} for day in closed]} | more
    if intervals:
        spec["open"] = list(intervals)
    return compile_spec({"hours": spec}, 1).hours


def at(text, zone=JAKARTA, fold=0):
    """An instant, by the clock on the wall of ``zone``."""
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone), fold=fold).astimezone(UTC)


@pytest.mark.parametrize(
    ("when", "is_open"),
    [
        ("2026-11-26T07:59:59", False),
        ("2026-11-26T08:00:00", True),
        ("2026-11-26T16:59:59", True),
        ("2026-11-26T17:00:00", False),
        ("2026-11-28T10:00:00", False),  # a Saturday
    ],
)
def test_the_first_minute_is_open_and_the_last_is_not(when, is_open):
    assert hours(WORKDAYS).is_open(at(when)) is is_open


def test_the_time_of_day_is_that_of_the_time_zone():
    assert hours(WORKDAYS).is_open(datetime(2026, 11, 26, 1, tzinfo=UTC))  # 08:00 in Jakarta
    assert not hours(WORKDAYS, zone="UTC").is_open(datetime(2026, 11, 26, 1, tzinfo=UTC))


def test_without_intervals_it_is_open_around_the_clock_but_for_closed_days():
    always = hours(closed=["2026-12-25"])
    assert always.is_open(at("2026-12-24T23:59:59"))
    assert not always.is_open(at("2026-12-25T00:00:00"))
    assert not always.is_open(at("2026-12-25T23:59:59"))
    assert always.is_open(at("2026-12-26T00:00:00"))


def test_an_interval_up_to_24_00_meets_one_from_00_00_without_a_gap():
    night = hours({"days": ["Thu"], "from": "20:00", "to": "24:00"}, {"days": ["Fri"], "from": "00:00", "to": "02:00"})
    assert night.is_open(at("2026-11-26T23:59:59"))
    assert night.is_open(at("2026-11-27T00:00:00"))
    assert not night.is_open(at("2026-11-27T02:00:00"))


OVER_MIDNIGHT = {"days": ["Thu"], "from": "22:00", "to": "02:00"}


@pytest.mark.parametrize(
    ("when", "is_open"),
    [
        ("2026-11-26T21:59:59", False),
        ("2026-11-26T22:00:00", True),
        ("2026-11-27T01:59:59", True),  # on Friday morning, of Thursday's interval
        ("2026-11-27T02:00:00", False),
        ("2026-11-26T01:00:00", False),  # on Thursday morning: that would be Wednesday's
    ],
)
def test_an_interval_over_midnight_belongs_to_the_day_on_which_it_begins(when, is_open):
    assert hours(OVER_MIDNIGHT).is_open(at(when)) is is_open


def test_a_closed_day_ends_an_interval_at_midnight_and_one_that_would_begin_on_it_does_not():
    nightly = hours({"days": ALL, "from": "22:00", "to": "02:00"}, closed=["2026-12-25"])
    assert nightly.is_open(at("2026-12-24T23:00:00"))
    assert not nightly.is_open(at("2026-12-25T01:00:00"))
    assert not nightly.is_open(at("2026-12-25T23:00:00"))
    assert not nightly.is_open(at("2026-12-26T01:00:00"))
    assert nightly.is_open(at("2026-12-26T23:00:00"))


def test_where_the_clock_jumps_ahead_an_interval_from_within_the_gap_opens_at_its_end():
    early = hours({"days": ["Sun"], "from": "02:30", "to": "05:00"}, zone=NEW_YORK)  # 2026-03-08 02:00 is 03:00
    assert not early.is_open(datetime(2026, 3, 8, 6, 59, 59, tzinfo=UTC))
    assert early.is_open(datetime(2026, 3, 8, 7, 0, tzinfo=UTC))
    assert early.opens_at(datetime(2026, 3, 8, 5, tzinfo=UTC)) == datetime(2026, 3, 8, 7, tzinfo=UTC)


def test_where_the_clock_shows_a_time_twice_an_interval_means_both():
    early = hours({"days": ["Sun"], "from": "01:00", "to": "01:30"}, zone=NEW_YORK)  # 2026-11-01 02:00 is 01:00
    first, second = at("2026-11-01T01:10", NEW_YORK), at("2026-11-01T01:10", NEW_YORK, fold=1)
    assert second - first == timedelta(hours=1)
    assert early.is_open(first)
    assert early.is_open(second)
    assert not early.is_open(at("2026-11-01T01:40", NEW_YORK))
    assert early.opens_at(first) == at("2026-11-01T01:00", NEW_YORK, fold=1)


def test_an_interval_that_begins_within_the_hour_that_comes_twice_opens_twice():
    early = hours({"days": ["Sun"], "from": "01:15", "to": "01:30"}, zone=NEW_YORK)
    assert early.opens_at(at("2026-11-01T01:20", NEW_YORK)) == at("2026-11-01T01:15", NEW_YORK, fold=1)


def test_a_clock_that_is_set_back_into_an_interval_opens_it_again():
    early = hours({"days": ["Sun"], "from": "00:30", "to": "01:30"}, zone=NEW_YORK)
    assert early.opens_at(at("2026-11-01T01:40", NEW_YORK)) == at("2026-11-01T01:00", NEW_YORK, fold=1)


def test_the_next_opening_is_after_the_night_the_weekend_and_the_closed_days():
    office = hours(WORKDAYS, closed=["2026-11-30", "2026-12-01"])
    assert office.opens_at(at("2026-11-26T05:00:00")) == at("2026-11-26T08:00:00")
    assert office.opens_at(at("2026-11-27T18:00:00")) == at("2026-12-02T08:00:00")


def test_where_every_day_is_closed_for_long_the_next_opening_is_still_found():
    days = [(date(2026, 11, 26) + timedelta(days=n)).isoformat() for n in range(399)]
    assert hours(closed=days).opens_at(at("2026-11-26T05:00:00")) == at("2027-12-30T00:00:00")


def test_what_is_always_open_never_opens():
    assert hours().opens_at(at("2026-11-26T05:00:00")) is None


MINUTE = st.integers(0, 1439).map(lambda minute: f"{minute // 60:02}:{minute % 60:02}")
INTERVAL = st.builds(
    lambda days, begins, ends: {"days": sorted(days), "from": begins, "to": ends},
    st.sets(st.sampled_from(ALL), min_size=1),
    MINUTE,
    MINUTE,
).filter(lambda one: one["from"] != one["to"])


@settings(max_examples=40, deadline=None)
@given(
    st.lists(INTERVAL, min_size=1, max_size=3),
    st.sampled_from([NEW_YORK, JAKARTA, "Australia/Lord_Howe", "Europe/Lisbon"]),
    st.datetimes(datetime(2026, 1, 1), datetime(2026, 12, 31)),  # noqa: DTZ001 - UTC is put on below
)
@example([{"days": ["Sun"], "from": "02:30", "to": "02:45"}], NEW_YORK, datetime(2026, 3, 7, 12))  # noqa: DTZ001
def test_between_now_and_the_next_opening_nothing_opens(intervals, zone, now):
    """Against the slow way: to look at every minute."""
    now = now.replace(second=0, microsecond=0, tzinfo=UTC)
    found = hours(*intervals, zone=zone)
    opens_at = found.opens_at(now)
    minute, was_open = now, found.is_open(now)
    while minute < now + timedelta(days=3):
        minute += timedelta(minutes=1)
        is_open = found.is_open(minute)
        if is_open and not was_open:
            assert opens_at == minute
            return
        was_open = is_open
    assert opens_at is None or opens_at > minute
