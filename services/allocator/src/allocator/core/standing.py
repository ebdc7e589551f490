"""What an ``AllocationPolicy`` says of itself: its conditions. Pure.

Accepted   it is a policy, as it is now
Conflict   another object names an app of its; the older of the two counts
Live       the allocator really goes by it, in the version that is named
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from allocator.core.claims import EVERY_APP, Claims, PolicyObject
from allocator.core.ids import AppId

NAMES_SHOWN = 5
WAITING = "Waiting"
"""The reason of a policy that is given and not used yet: the next round of the leader takes it up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """One of them. ``reason`` is a word for programs, ``message`` a sentence for people."""

    type: str
    holds: bool
    reason: str
    message: str
    good: bool
    """Whether nobody need do anything about it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Versions:
    """What is in the store: the newest version of each app's own policy and of :data:`EVERY_APP`, and what is used."""

    given: Mapping[AppId, int]
    own: Collection[AppId]
    """Apps that have a policy of their own in force."""
    in_use: Mapping[AppId, int]


def conditions_of(claims: Claims, versions: Versions) -> tuple[Condition, Condition, Condition]:
    """The three of them."""
    return _accepted(claims), _conflict(claims), _live(claims, versions)


def status_of(
    one: PolicyObject, claims: Claims, versions: Versions, conditions: Sequence[Condition], now: datetime
) -> dict[str, Any]:
    """The status as the object carries it. What did not change keeps its time."""
    before = {found.get("type"): found for found in one.status.get("conditions", ())}
    apps = [*claims.held, *claims.lost]
    return {
        "observedGeneration": one.generation,
        "apps": "every other" if apps == [EVERY_APP] else _names(apps) or "-",
        "version": max((versions.given.get(app, 0) for app in claims.held), default=0),
        "conditions": [_written(found, before.get(found.type, {}), one.generation, now) for found in conditions],
    }


def news(one: PolicyObject, conditions: Sequence[Condition]) -> list[Condition]:
    """Those that are not as they were when the object was looked at last; of a new one what is done, or amiss."""
    before = {
        found.get("type"): (found.get("status"), found.get("reason")) for found in one.status.get("conditions", ())
    }
    return [found for found in conditions if _is_news(found, before.get(found.type))]


def _is_news(found: Condition, before: tuple[Any, Any] | None) -> bool:
    if before is None:
        return found.holds or not found.good
    return before != (str(found.holds), found.reason)


def _accepted(claims: Claims) -> Condition:
    if claims.refused is not None:
        kept = "; what was accepted before stays live" if claims.held else ""
        return Condition(type="Accepted", holds=False, reason="NoPolicy", message=f"{claims.refused}{kept}", good=False)
    return Condition(type="Accepted", holds=True, reason="Accepted", message="it is a policy", good=True)


def _conflict(claims: Claims) -> Condition:
    if claims.lost:
        text = "; ".join(f"{_app(app)}: {holder} is older and counts" for app, holder in _few(claims.lost))
        return Condition(type="Conflict", holds=True, reason="OlderCounts", message=text, good=False)
    if claims.won:
        text = "; ".join(
            f"{_app(app)}: also named by {_names(others)}, this one is older and counts"
            for app, others in _few(claims.won)
        )
        return Condition(type="Conflict", holds=True, reason="NamedTwice", message=text, good=False)
    return Condition(type="Conflict", holds=False, reason="None", message="no other policy names its apps", good=True)


def _live(claims: Claims, versions: Versions) -> Condition:
    if not claims.held:
        why = "it is no policy" if claims.refused is not None else "older policies name all of its apps"
        return Condition(type="Live", holds=False, reason="NotUsed", message=why, good=False)
    behind, unserved = _behind(claims, versions)
    if behind:
        text = f"given; {_names(behind)} will go by it within the allocator's next rounds"
        return Condition(type="Live", holds=False, reason=WAITING, message=text, good=True)
    if unserved:
        return Condition(type="Live", holds=False, reason="NotServed", message=unserved, good=False)
    number = max(versions.given.get(app, 0) for app in claims.held)
    return Condition(type="Live", holds=True, reason="InUse", message=f"in use, version {number}", good=True)


def _behind(claims: Claims, versions: Versions) -> tuple[list[AppId], str]:
    """The served apps that do not go by it yet; and who is not served, in words."""
    if claims.held == [EVERY_APP]:
        served = [app for app in versions.in_use if app not in versions.own]
        missing = "" if served else "no app without a policy of its own is served here (or nobody has led yet)"
        return [app for app in served if versions.in_use[app] != versions.given.get(EVERY_APP)], missing
    unknown = [app for app in claims.held if app not in versions.in_use]
    missing = f"not served here (or nobody has led yet): {_names(unknown)}" if unknown else ""
    return [
        app for app in claims.held if versions.in_use.get(app, versions.given.get(app)) != versions.given.get(app)
    ], missing


def _written(found: Condition, before: Mapping[str, Any], generation: int, now: datetime) -> dict[str, Any]:
    status = str(found.holds)
    since = before.get("lastTransitionTime") if before.get("status") == status else None
    return {
        "type": found.type,
        "status": status,
        "reason": found.reason,
        "message": found.message[:1024],
        "observedGeneration": generation,
        "lastTransitionTime": since or now.strftime("%Y-%m-%dT%H:%M:%SZ"),
    }


def _few(found: Mapping[AppId, Any]) -> list[tuple[AppId, Any]]:
    return list(found.items())[:NAMES_SHOWN]


def _app(app: AppId) -> str:
    return "every other app" if app == EVERY_APP else f"app {app}"


def _names(names: Sequence[str]) -> str:
    more = f" and {len(names) - NAMES_SHOWN} more" if len(names) > NAMES_SHOWN else ""
    return ", ".join("every other app" if name == EVERY_APP else name for name in names[:NAMES_SHOWN]) + more
