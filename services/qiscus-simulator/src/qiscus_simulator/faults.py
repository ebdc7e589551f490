"""What can go wrong on demand: a table of names, units and limits, and one frozen value with all of them.

A probability is 0..1 per request (or per webhook); ``_s`` is seconds; rates are events per second; ``latency_s`` is a
span ``min:max``. Everything is off by default except the two lags that the platform has on a good day.
"""

from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Final

from qiscus_simulator.late import MAX_LAG_S

Span = tuple[float, float]

RATE_MAX: Final = 1000.0
HANG_MAX_S: Final = 600.0
RATES: Final = frozenset({"agent_flaps_per_s", "hand_assign", "takeover", "hand_resolve", "remove_agent"})
SECONDS: Final = {
    "retry_after_s": HANG_MAX_S,
    "late_effect_s": HANG_MAX_S,
    "hang_s": HANG_MAX_S,
    "counter_lag_s": MAX_LAG_S,
    "room_lag_s": MAX_LAG_S,
    "list_lag_s": MAX_LAG_S,
    "webhook_reordered": MAX_LAG_S,
}
SPAN_PARTS: Final = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Faults:
    """All faults of one app. The defaults are a good day."""

    latency_s: Span = (0.0, 0.0)
    """Every REST call takes this long; its effect happens in the middle."""
    error_5xx: float = 0.0
    """500, 502 or 503 before any effect."""
    too_many: float = 0.0
    """429 before any effect, with ``Retry-After``."""
    retry_after_s: float = 2.0
    effect_then_timeout: float = 0.0
    """assign_agent takes effect, then there is no answer."""
    timeout_no_effect: float = 0.0
    """assign_agent has no effect and there is no answer."""
    late_effect: float = 0.0
    """assign_agent is not answered and takes effect ``late_effect_s`` after it was received."""
    late_effect_s: float = 20.0
    hang_s: float = 30.0
    """How long an unanswered call stays open unless the caller leaves; then the connection is cut."""
    html_answer: float = 0.0
    """200 with a page of HTML; half of the assigns answered so took effect."""
    half_json: float = 0.0
    """The call takes effect, its answer is cut in the middle."""
    other_shape: float = 0.0
    """The other recorded form: ``data`` as an array, ``data.service`` beside ``added_agent``, errors as an object."""
    redirect: float = 0.0
    """302 to another place, no effect."""
    unauthorized: float = 0.0
    forbidden_traceid: float = 0.0
    refuse_agent: float = 0.0
    """assign_agent is refused with 400 because of the agent."""
    refuse_offline: float = 0.0
    """assign_agent is refused with 400 when the agent is offline; the platform itself does not look."""
    counter_lag_s: float = 1.0
    """``current_customer_count`` and ``count`` are what they were this long ago."""
    room_lag_s: float = 0.0
    """One room and the list of rooms are told as they were this long ago."""
    list_lag_s: float = 1.0
    """The list of rooms only; the larger of the two lags counts."""
    reads_down: float = 0.0
    """GETs and the list of rooms: 503."""
    assign_down: float = 0.0
    """assign_agent: 503, no effect."""
    webhook_lost_allocate: float = 0.0
    webhook_lost_resolve: float = 0.0
    webhook_doubled: float = 0.0
    """Any webhook a second time, within a second, not in order."""
    webhook_reordered: float = 0.0
    """Seconds: every webhook is held back by up to this long and order is not kept."""
    agent_flaps_per_s: float = 0.0
    """An agent goes offline and comes back within seconds."""
    hand_assign: float = 0.0
    """A person gives a waiting room to an agent, capacity or not."""
    takeover: float = 0.0
    """An agent takes a room over from another."""
    hand_resolve: float = 0.0
    """A person resolves a room, waiting or served."""
    remove_agent: float = 0.0
    """A supervisor removes an agent from a room, which waits again."""


NAMES: Final = tuple(field.name for field in fields(Faults))


def with_changes(faults: Faults, changes: dict[str, Any]) -> Faults:
    """Return the faults with some of them set anew. ValueError with a sentence for a wrong name or value."""
    values: dict[str, Any] = {name: _value(name, raw) for name, raw in changes.items()}
    return replace(faults, **values)


def as_json(faults: Faults) -> dict[str, Any]:
    """Return every fault by name; ``latency_s`` as a list of two."""
    return asdict(faults)


def _value(name: str, raw: object) -> float | Span:
    if name not in NAMES:
        raise ValueError(f"there is no fault '{name}'; the faults are {', '.join(NAMES)}")
    if name == "latency_s":
        return span(name, raw, HANG_MAX_S)
    return _number(name, raw, RATE_MAX if name in RATES else SECONDS.get(name, 1.0))


def span(name: str, raw: object, most: float) -> Span:
    """Read ``1.5:4``, ``[1.5, 4]`` or one number; both ends within 0..most, the first not the larger."""
    parts = raw.split(":") if isinstance(raw, str) else raw if isinstance(raw, list | tuple) else [raw]
    if len(parts) > SPAN_PARTS or not parts:
        raise ValueError(f"{name} is '{raw}'; allowed: seconds, or min:max seconds")
    low, high = _number(name, parts[0], most), _number(name, parts[-1], most)
    if low > high:
        raise ValueError(f"{name} is '{raw}'; allowed: min:max seconds with min not above max")
    return low, high


def _number(name: str, raw: object, most: float) -> float:
    sentence = f"{name} is '{raw}'; allowed: a number from 0 to {most:g}"
    if isinstance(raw, bool) or not isinstance(raw, str | int | float):
        raise ValueError(sentence)  # noqa: TRY004 - one kind of error for every wrong value
    try:
        number = float(raw)
    except ValueError:
        raise ValueError(sentence) from None
    if not 0.0 <= number <= most:
        raise ValueError(sentence)
    return number
