"""The real thing: a system is broken, a real Prometheus looks at it, and the right alert fires, and no other."""

import time

import pytest

from monitoring.broken import CASES
from support.shape import PATIENCE

FIRES_S = 60.0
LOOKS_S = 3.0
ALWAYS = ("both allocators are frozen", "the platform is down")
"""These run with all the other tests; `make alerts` runs them all."""


def cases():
    for case in CASES:
        marks = [pytest.mark.system(**{"agents": 4, **case.shape})]
        if case.name not in ALWAYS:
            marks.append(pytest.mark.alerts)
        yield pytest.param(case, marks=marks, id=case.name)


@pytest.mark.parametrize("case", list(cases()))
def test_the_right_alert_fires_and_no_other(case, antre, prometheus, record_property):
    record_property("case", case.name)
    antre.must("Prometheus has seen them all", lambda: len(prometheus.query("antre_build_info")) == len(antre.parts))
    began = time.monotonic()
    case.how(antre)
    seen = until(lambda: firing(prometheus) >= set(case.raises), prometheus)
    record_property("after", f"{time.monotonic() - began:.0f} s")
    time.sleep(case.settles_s or LOOKS_S)
    looks = [prometheus.alerts() for _ in range(3) if time.sleep(LOOKS_S / 3) is None]
    record_property("seen", ", ".join(sorted(firing(prometheus))))
    assert all(set(look) == set(case.raises) for look in looks), (seen, looks)
    assert firing(prometheus) == set(case.raises)
    assert prometheus.wrong() == []


def firing(prometheus):
    return {name for name, state in prometheus.alerts().items() if state == "firing"}


def until(check, prometheus):
    """Wait for it; everything that was seen meanwhile."""
    seen, give_up_at = [], time.monotonic() + FIRES_S * PATIENCE
    while not check():
        look = prometheus.alerts()
        if not seen or seen[-1] != look:
            seen.append(look)
        assert time.monotonic() < give_up_at, f"seen only {seen}; {waiting(prometheus)}"
        time.sleep(0.5)
    return seen


def waiting(prometheus):
    """For a failing test: how the system stands."""
    names = (
        "antre_waiting|antre_platform_circuit|antre_oldest.*|antre_sessions_.*|antre_inbox.*|antre_slots.*|antre_leader"
    )
    found = prometheus.query(f'{{__name__=~"{names}"}} != 0')
    return [
        ({k: v for k, v in one["metric"].items() if k not in ("namespace", "job", "instance")}, one["value"][1])
        for one in found
    ]
