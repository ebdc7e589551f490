"""The simulator's control API, as a test speaks it, and what its record of truth comes to. Blocking calls."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx

Entry = Mapping[str, Any]
"""One entry of the record, without its empty fields."""

NO_ARRIVALS = 0.0
PAGE = 10_000
GOOD_DAY: Mapping[str, object] = {
    "latency_s": 0,
    "counter_lag_s": 1.0,
    "list_lag_s": 1.0,
    "retry_after_s": 2.0,
    "late_effect_s": 20.0,
    "hang_s": 30.0,
}
"""What a fault is set to when it ends; all others end with 0."""


@dataclass(slots=True)
class Stay:
    """One session, as the record has it. ``seats``: who sits there now -> whether the API put them there."""

    app: str
    room: str
    acknowledged: bool = False
    assigned: bool = False
    by_hand: bool = False
    resolved: bool = False
    seats: dict[int, bool] = field(default_factory=dict)

    def see(self, entry: Entry) -> None:
        """Take in what happened next."""
        by_api = entry.get("what") == "api"
        match entry["kind"]:
            case "webhook_answered":
                self.acknowledged |= entry["what"] == "allocate" and entry.get("status") == 200
            case "assigned":
                self.seats.pop(entry.get("other", 0), None)
                self.seats.setdefault(entry["agent"], by_api)
                self.assigned |= by_api
                self.by_hand |= not by_api
            case "removed":
                self.seats.pop(entry["agent"], None)
                self.by_hand = True
            case "resolved":
                self.resolved = True
                self.by_hand |= entry.get("what") == "hand"


def stays(entries: Iterable[Entry]) -> dict[int, Stay]:
    """Every session of the record."""
    found: dict[int, Stay] = {}
    for entry in entries:
        session = entry.get("session", 0)
        if entry["kind"] == "arrived":
            found[session] = Stay(app=entry["app"], room=entry["room"])
        elif session in found:
            found[session].see(entry)
    return found


class Simulator:
    """A running simulator at ``url``. The record is kept here as far as it has been read."""

    def __init__(self, url: str, apps: Iterable[str]) -> None:
        self.url = url
        self.apps = list(apps)
        self._record: list[Entry] = []
        self._client = httpx.Client(base_url=url, timeout=30.0, trust_env=False)

    def get(self, path: str, **query: Any) -> Any:
        """GET ``/simulator/<path>``."""
        return self._told(self._client.get(f"/simulator/{path}", params=query))

    def post(self, path: str, **body: Any) -> Any:
        """POST ``/simulator/<path>``."""
        return self._told(self._client.post(f"/simulator/{path}", json=body))

    def each(self, path: str, **body: Any) -> None:
        """The same POST for every app."""
        for app in self.apps:
            self.post(path, app_id=app, **body)

    def faults(self, **faults: object) -> None:
        """Set faults for every app; the others stay."""
        self.each("faults", **faults)

    def calm(self) -> None:
        """A good day again, for every app."""
        for app in self.apps:
            now = self.get("faults", app_id=app)
            self.post("faults", app_id=app, **{name: GOOD_DAY.get(name, 0) for name in now})

    def waiting(self) -> int:
        """How many wait, over all apps."""
        return sum(self.get("state", app_id=app)["waiting"] for app in self.apps)

    def record(self) -> list[Entry]:
        """The whole record so far. Only a full page has a next one: an empty page may never come, where more happens
        than a slow machine can read.
        """
        while True:
            page = self.get("record", after=len(self._record), limit=PAGE)
            self._record.extend(page)
            if len(page) < PAGE:
                return self._record

    def assigned(self, after: float = 0.0) -> list[Entry]:
        """The assignments by the API that took effect later than ``after`` (Unix time), in order."""
        return [one for one in self.of_kind("assigned", after) if one["what"] == "api"]

    def of_kind(self, kind: str, after: float = 0.0) -> Iterator[Entry]:
        """The entries of a kind later than ``after`` (Unix time), in order."""
        return (entry for entry in self.record() if entry["kind"] == kind and entry["at"] > after)

    def verdict(self, tolerance_s: float = 1.0, grace_s: float = 5.0) -> dict[str, Any]:
        """The judgement over all apps."""
        return dict(self.get("verdict", tolerance_s=tolerance_s, grace_s=grace_s))

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    @staticmethod
    def _told(answer: httpx.Response) -> Any:
        assert answer.status_code == 200, f"the simulator refused {answer.request.url}: {answer.text}"
        return answer.json()
