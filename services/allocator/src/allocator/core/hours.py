"""Business hours. An instant is open by what the clock on the wall of the time zone shows then.

An interval belongs to the day on which it begins. It contains its first minute and not its last; one that ends
before it begins goes on after midnight. A closed day has nothing open from midnight to midnight, and an interval
that would begin on it does not begin, so nothing of it is left after midnight either.

Daylight saving needs no rule of its own: where the clock jumps from 02:00 to 03:00, an interval from 02:30 opens at
03:00; where it shows 01:30 twice, it means both.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

DAY = timedelta(days=1)
SECOND = timedelta(seconds=1)
WEEK = 7
MINUTES_A_DAY = 24 * 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """Open on ``days`` (Monday is 0), from one minute of the day to another, which may be on the next day."""

    days: frozenset[int]
    begins: int
    ends: int

    @property
    def over_midnight(self) -> bool:
        """Whether it goes on on the next day."""
        return self.ends < self.begins


@dataclass(frozen=True, slots=True, kw_only=True)
class Hours:
    """When customers are given to agents."""

    zone: ZoneInfo
    intervals: tuple[Interval, ...]
    closed: frozenset[date]
    holds: bool
    """Whether customers are held outside of them."""

    def is_open(self, now: datetime) -> bool:
        """Whether ``now`` is within."""
        local = now.astimezone(self.zone)
        today, minute = local.date(), local.hour * 60 + local.minute
        return today not in self.closed and any(self._contains(one, today, minute) for one in self.intervals)

    def opens_at(self, now: datetime) -> datetime | None:
        """The first instant after ``now`` that is open although the one before is not; None: there is none."""
        first = now.astimezone(self.zone).date()
        for ahead in range(-1, WEEK * (len(self.closed) + 2)):
            found = [one for one in self._openings(first + ahead * DAY) if one > now]
            if found:
                return min(found)
        return None

    def _contains(self, interval: Interval, today: date, minute: int) -> bool:
        if not interval.over_midnight:
            return today.weekday() in interval.days and interval.begins <= minute < interval.ends
        yesterday = today - DAY
        late = today.weekday() in interval.days and minute >= interval.begins
        early = yesterday.weekday() in interval.days and minute < interval.ends and yesterday not in self.closed
        return late or early

    def _openings(self, day: date) -> Iterator[datetime]:
        """The instants of ``day`` at which it opens, in no order."""
        for instant in self._candidates(day):
            if self.is_open(instant) and not self.is_open(instant - SECOND):
                yield instant

    def _candidates(self, day: date) -> Iterator[datetime]:
        """Nothing opens but where an interval begins, which a clock that is set back shows twice, or where the clock
        is set.
        """
        midnight = datetime.combine(day, time(), self.zone)
        for interval in self.intervals:
            begins = midnight + timedelta(minutes=interval.begins)
            yield begins.replace(fold=0).astimezone(UTC)
            yield begins.replace(fold=1).astimezone(UTC)
        yield midnight.astimezone(UTC)
        change = self._clock_set(midnight.astimezone(UTC))
        if change is not None:
            yield change

    def _clock_set(self, begins: datetime) -> datetime | None:
        """The instant within a day of ``begins`` at which the clock is set, if it is."""
        ends = begins + DAY
        offset = begins.astimezone(self.zone).utcoffset()
        if ends.astimezone(self.zone).utcoffset() == offset:
            return None
        while ends - begins > SECOND:
            middle = begins + (ends - begins) // 2
            if middle.astimezone(self.zone).utcoffset() == offset:
                begins = middle
            else:
                ends = middle
        return ends.replace(microsecond=0)
