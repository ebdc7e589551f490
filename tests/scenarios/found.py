"""Customers whose webhooks were lost with a store: who they are, and that the sweep finds them."""

import time

from support.system import SWEEP_S

ONCE = {"chatter_s": "0"}
"""Customers say nothing twice: what was lost, only the sweep finds."""
QUIET = {**ONCE, "returning_share": "0"}
"""And nobody comes back, where resolves are lost with a store: whoever does before the ledger has heard that the
session before is over is taken for somebody who waits again, at the old place.
"""
STAMP_S = 1.0
"""The platform tells to the second since when somebody waits: so far a place that only the sweep knows may be off."""
AGREED_S = SWEEP_S + 5
"""What is promised: within a sweep and five seconds."""


def unserved(antre):
    """The rooms of the customers who wait on the platform now."""
    sessions = {one["session"]: one["room"] for one in antre.platform.of_kind("arrived")}
    for kind in ("assigned", "resolved"):
        for one in antre.platform.of_kind(kind):
            sessions.pop(one.get("session"), None)
    return set(sessions.values())


def must_be_found(antre, rooms, *, since, within_s=AGREED_S):
    """All of them are given an agent, later than ``since``; how long it takes from now on is measured."""

    def found():
        return rooms <= {one["room"] for one in antre.platform.assigned(since)}

    began = time.time()
    antre.must("all who were missed are served", found, within_s=within_s)
    antre.measure("found", time.time() - began)
