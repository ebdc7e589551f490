"""A value that is told late: the platform's counters and lists run behind the truth."""

from collections import deque
from typing import Generic, TypeVar

T = TypeVar("T")

MAX_LAG_S = 60.0
"""The longest lag that can be asked for; what is older is forgotten."""


class Late(Generic[T]):
    """One value with as much of its past as the longest lag needs."""

    __slots__ = ("_past",)

    def __init__(self, value: T, at: float) -> None:
        """Begin with ``value``, known since ``at``."""
        self._past = deque([(at, value)])

    @property
    def now(self) -> T:
        """The truth."""
        return self._past[-1][1]

    def set(self, value: T, at: float) -> None:
        """Let the truth be ``value`` from ``at`` on."""
        past = self._past
        past.append((at, value))
        # The second one answers every question the first one could still be asked.
        while past[1][0] <= at - MAX_LAG_S:
            past.popleft()

    def as_of(self, at: float) -> T:
        """Return what was true at ``at``, or the oldest value known when that is before the beginning."""
        for since, value in reversed(self._past):
            if since <= at:
                return value
        return self._past[0][1]

    def known_at(self, at: float) -> bool:
        """Tell whether there was a value at all at ``at``."""
        return self._past[0][0] <= at
