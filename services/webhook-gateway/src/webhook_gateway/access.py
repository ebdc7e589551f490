"""One line for each webhook: refused ones at info, accepted ones at debug. A line names the route's template, never
the path: the path holds the token.
"""

from collections.abc import Callable
from time import monotonic
from typing import Any

REFUSALS_PER_S = 20
"""More than so many lines of refusals a second tell nobody anything; what is left out is counted in the next line."""


class AccessLog:
    """Writes to ``log``, a structlog logger. ``verbose``: whether debug lines are wanted at all."""

    def __init__(self, log: Any, *, verbose: bool, clock: Callable[[], float] = monotonic) -> None:
        self._log = log
        self._verbose = verbose
        self._clock = clock
        self._second = -1
        self._lines = 0
        self._left_out = 0

    def accepted(self, route: str, status: int, reason: str) -> None:
        """A webhook was answered as its sender hoped."""
        if self._verbose:
            self._log.debug("webhook", route=route, status=status, outcome=reason)

    def refused(self, route: str, status: int, reason: str) -> None:
        """A webhook was not taken."""
        second = int(self._clock())
        if second != self._second:
            self._second, self._lines = second, 0
        if self._lines >= REFUSALS_PER_S:
            self._left_out += 1
            return
        self._lines += 1
        left_out, self._left_out = self._left_out, 0
        self._log.info("webhook_refused", route=route, status=status, outcome=reason, left_out=left_out)
