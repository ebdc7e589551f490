"""When to leave an app's platform alone: a circuit breaker, as values.

Counts failures in a row; from ``FAILURES_MAX`` on, calls pause for a time that doubles, and then one call at a
time may try. A 429 pauses for as long as the platform says, refused credentials until they may have been
mended. It pauses calls, never intake, and it never costs a session its place. ``now`` is seconds on a clock
that does not jump.
"""

from dataclasses import dataclass, replace

from allocator.core import outcomes as o
from allocator.core.reasons import WaitReason

FAILURES_MAX = 5
FIRST_PAUSE_S = 1.0
LONGEST_PAUSE_S = 4.0
CREDENTIALS_PAUSE_S = 15.0
RETRY_AFTER_MAX_S = 300.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Breaker:
    """What is known of one app's platform. ``closed()`` is where it starts."""

    failures: int
    open_until: float
    reason: WaitReason | None
    """Why it is, or was last, open. None: calls flow."""


def closed() -> Breaker:
    """Calls flow."""
    return Breaker(failures=0, open_until=0.0, reason=None)


def after(breaker: Breaker, outcome: object, now: float) -> Breaker:
    """``breaker`` once a call had ``outcome`` (of any kind of call)."""
    match outcome:
        case o.NotNow(retry_after_s):
            pause = min(max(retry_after_s, FIRST_PAUSE_S), RETRY_AFTER_MAX_S)
            return replace(breaker, open_until=now + pause, reason=WaitReason.PLATFORM_UNAVAILABLE)
        case o.CredentialsRefused():
            return replace(breaker, open_until=now + CREDENTIALS_PAUSE_S, reason=WaitReason.CREDENTIALS_REFUSED)
        case o.Unknown():
            return _failed(breaker, now)
        case o.NotSent():
            return breaker
        case _ if now < breaker.open_until and breaker.failures < FAILURES_MAX:
            return breaker  # it was under way when the platform asked for a pause
        case _:  # whatever it was, the platform answered
            return closed()


def may_call(breaker: Breaker, now: float) -> bool:
    """Whether calls may start."""
    return now >= breaker.open_until


def is_trying(breaker: Breaker, now: float) -> bool:
    """Whether the pause is over and nothing has succeeded since: one call at a time."""
    return breaker.reason is not None and may_call(breaker, now)


def _failed(breaker: Breaker, now: float) -> Breaker:
    failures = breaker.failures + 1
    if failures < FAILURES_MAX:
        return replace(breaker, failures=failures)
    if now < breaker.open_until:  # calls that were under way when it opened
        return breaker
    pause = min(FIRST_PAUSE_S * 2.0 ** min(failures - FAILURES_MAX, 16), LONGEST_PAUSE_S)
    return Breaker(failures=failures, open_until=now + pause, reason=WaitReason.PLATFORM_UNAVAILABLE)
