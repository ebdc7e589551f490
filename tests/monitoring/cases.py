"""Series for `promtool test rules`: a healthy system, and for each alert what it takes to fire and what is not enough.

Samples come every 15 s: four are a minute. `a+bxN`: a, a+b, a+2b, …; `axN`: the same value N times more.
"""

from dataclasses import dataclass

EVERY_S = 15
APP = 'namespace="ns",app="demo"'
POD = 'namespace="ns",pod="a"'
LONG = 240
"""Samples: an hour. Longer windows see no more."""

HEALTHY = {
    'antre_build_info{namespace="ns",pod="g",service="webhook-gateway"}': f"1x{LONG}",
    f"antre_leader{{{POD}}}": f"1x{LONG}",
    'antre_leader{namespace="ns",pod="b"}': f"0x{LONG}",
    f"antre_lease_trust_seconds{{{POD}}}": f"8x{LONG}",
    f"antre_redis_durable{{{POD}}}": f"1x{LONG}",
    f"antre_postgres_durable{{{POD}}}": f"1x{LONG}",
    f"antre_policy_refused{{{POD}}}": f"0x{LONG}",
    f"antre_platform_circuit{{{APP}}}": f"0x{LONG}",
    f"antre_oldest_wait_seconds{{{APP}}}": f"3x{LONG}",
    f"antre_oldest_doubt_seconds{{{APP}}}": f"0x{LONG}",
    f"antre_sessions_parked{{{APP}}}": f"0x{LONG}",
    f"antre_inbox_head_age_seconds{{{APP}}}": f"0x{LONG}",
    f"antre_slots{{{APP}}}": f"20x{LONG}",
    f"antre_slots_used{{{APP}}}": f"15x{LONG}",
    f"antre_slots_foreign{{{APP}}}": f"0x{LONG}",
    f'antre_waiting{{{APP},reason="all_at_capacity"}}': f"5x{LONG}",
    f'antre_waiting{{{APP},reason="asking_who_may"}}': f"0x{LONG}",
    f'antre_platform_calls_total{{{APP},call="assign",outcome="done"}}': f"0+15x{LONG}",
    f'antre_drift_repaired_total{{{APP},kind="taken_over"}}': f"0+0.01x{LONG}",
    f'antre_drift_repaired_total{{{APP},kind="webhook_missed"}}': f"0x{LONG}",
    f"antre_assignments_total{{{APP}}}": f"0+15x{LONG}",
    'antre_webhooks_total{namespace="ns",outcome="accepted"}': f"0+30x{LONG}",
    'antre_webhooks_total{namespace="ns",outcome="unavailable"}': f"0x{LONG}",
    'antre_webhooks_total{namespace="ns",outcome="not-found"}': f"0x{LONG}",
    'antre_webhook_durable_seconds_bucket{namespace="ns",le="0.1"}': f"0+30x{LONG}",
    'antre_service_delay_seconds_bucket{namespace="ns",le="30.0"}': f"0+15x{LONG}",
    'antre_service_delay_seconds_count{namespace="ns"}': f"0+15x{LONG}",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """What differs from a healthy system, when one looks, and which alerts fire then: all of them, no other."""

    name: str
    differs: dict[str, str]
    fires: tuple[str, ...] = ()
    at: str = "30m"


def _of(name: str, **labels: str) -> str:
    """A series of `HEALTHY` by its name and some of its labels."""
    wanted = [f'{label}="{value}"' for label, value in labels.items()]
    (found,) = [one for one in HEALTHY if one.startswith(name + "{") and all(label in one for label in wanted)]
    return found


def _waits(reason: str, *, free: bool = True) -> dict[str, str]:
    return {
        f'antre_waiting{{{APP},reason="{reason}"}}': f"2x{LONG}",
        _of("antre_oldest_wait_seconds"): f"0+15x{LONG}",
        **({} if free else {_of("antre_slots_used"): f"20x{LONG}"}),
    }


LEADER, TRUST = _of("antre_leader", pod="a"), _of("antre_lease_trust_seconds")
SECOND = _of("antre_leader", pod="b")
CIRCUIT = _of("antre_platform_circuit")
DOUBT, PARKED = _of("antre_oldest_doubt_seconds"), _of("antre_sessions_parked")
HEAD = _of("antre_inbox_head_age_seconds")
LOST, TAKEN = (
    _of("antre_drift_repaired_total", kind="webhook_missed"),
    _of("antre_drift_repaired_total", kind="taken_over"),
)
NOT_FOUND = _of("antre_webhooks_total", outcome="not-found")
UNAVAILABLE = _of("antre_webhooks_total", outcome="unavailable")
FAST = _of("antre_webhook_durable_seconds_bucket")
SERVED = _of("antre_service_delay_seconds_bucket")
EXPIRES = 'certmanager_certificate_expiration_timestamp_seconds{namespace="ns",name="webhooks"}'
GONE = "1x60 _x240"

CASES = (
    Case(name="all is well", differs={}),
    Case(
        name="nobody leads any more", differs={LEADER: "1x60 0x240", TRUST: "8x60 0x240"}, fires=("AntreNobodyLeads",)
    ),
    Case(
        name="all allocators are gone",
        differs={LEADER: GONE, SECOND: GONE, TRUST: "8x60 _x240"},
        fires=("AntreNobodyLeads",),
    ),
    Case(name="the lead changes hands", differs={LEADER: "1x116 0x240", SECOND: "0x118 1x240", TRUST: "8x116 0x240"}),
    Case(name="two lead", differs={SECOND: f"1x{LONG}"}, fires=("AntreTwoLead",)),
    Case(name="two seem to lead between two scrapes", differs={SECOND: "0x118 1x240", LEADER: "1x119 0x240"}),
    *(
        Case(name=f"{reason} with free slots", differs=_waits(reason), fires=("AntreBacklogThoughSlotsFree",))
        for reason in ("asking_who_may", "calls_at_limit", "verifying", "backing_off")
    ),
    *(
        Case(name=f"{reason} with free slots is as it should be", differs=_waits(reason))
        for reason in ("all_at_capacity", "no_eligible_agent", "outside_hours", "paused", "paused_by_hand")
    ),
    Case(name="asking while all are full", differs=_waits("asking_who_may", free=False)),
    Case(
        name="free slots that others' customers have",
        differs={**_waits("asking_who_may"), _of("antre_slots_foreign"): f"5x{LONG}"},
    ),
    Case(
        name="credentials are refused",
        differs={CIRCUIT: "0x60 3x240", **_waits("credentials_refused")},
        fires=("AntrePlatformRefusesCredentials",),
    ),
    Case(name="credentials were refused, and are good again", differs={CIRCUIT: "0x20 3x20 0x240"}),
    Case(
        name="the platform is down",
        differs={CIRCUIT: "0x60 2x10 1x1 2x240", **_waits("platform_unavailable"), DOUBT: "0+15x240"},
        fires=("AntrePlatformDown",),
    ),
    Case(name="the platform pauses now and then", differs={CIRCUIT: "0 2 0 0 2 1 0 2 0x240"}),
    Case(name="a doubt does not settle", differs={DOUBT: "0x60 0+15x240"}, fires=("AntreDoubtDoesNotSettle",)),
    Case(name="doubts come and settle", differs={DOUBT: "0x100 0 15 30 45 60 0 15 30 45 0x240"}),
    Case(name="somebody is parked", differs={PARKED: "0x60 1x240"}, fires=("AntreSessionsParked",)),
    Case(name="somebody was parked for a moment", differs={PARKED: "0x60 1x10 0x240"}),
    Case(name="the inbox is not emptied", differs={HEAD: "0x60 0+15x240"}, fires=("AntreInboxGrows",)),
    Case(name="who has the lease cannot begin a term", differs={LEADER: "1x60 0x240"}, fires=("AntreInboxGrows",)),
    Case(name="the inbox is emptied a little late", differs={HEAD: "0x60 20x240"}),
    Case(name="webhooks are rejected", differs={NOT_FOUND: "0x40 0+5x240"}, fires=("AntreWebhooksRejected",)),
    Case(name="somebody tries addresses", differs={NOT_FOUND: "0+0.2x240"}),
    Case(
        name="Redis has no append-only file",
        differs={_of("antre_redis_durable"): "1x60 0x240"},
        fires=("AntreRedisNotDurable",),
    ),
    Case(name="Redis is asked for the first time", differs={_of("antre_redis_durable"): "0x2 1x240"}, at="2m"),
    Case(
        name="Postgres does not sync",
        differs={_of("antre_postgres_durable"): "1x60 0x240"},
        fires=("AntrePostgresNotDurable",),
    ),
    Case(name="Postgres syncs again soon", differs={_of("antre_postgres_durable"): "1x60 0x8 1x240"}),
    Case(name="the sweep found somebody", differs={LOST: "0x60 1x240"}, fires=("AntreWebhooksMissed",)),
    Case(name="the sweep found somebody yesterday", differs={LOST: "1x240"}),
    Case(name="people move customers all the time", differs={TAKEN: "0+5x240"}, fires=("AntreDriftAboveNormal",)),
    Case(name="people move a customer now and then", differs={TAKEN: "0+1x240"}),
    Case(
        name="a policy is refused", differs={_of("antre_policy_refused"): "0x60 1x240"}, fires=("AntrePolicyRejected",)
    ),
    Case(name="a policy is refused and mended", differs={_of("antre_policy_refused"): "0x60 1x8 0x240"}),
    Case(
        name="a certificate expires in three days",
        differs={EXPIRES: f"259200x{LONG}"},
        fires=("AntreCertificateExpires",),
    ),
    Case(name="a certificate expires in a month", differs={EXPIRES: f"2592000x{LONG}"}),
    Case(
        name="one in two is served late",
        differs={SERVED: "0+15x120 1800+7.5x120"},
        fires=("AntreServedLate critical", "AntreServedLate warning"),
        at="1h",
    ),
    Case(
        name="one in ten is served late, for hours",
        differs={SERVED: "0+13.5x240"},
        fires=("AntreServedLate warning",),
        at="1h",
    ),
    Case(name="one in a hundred is served late", differs={SERVED: "0+14.85x240"}, at="1h"),
    Case(
        name="webhooks are told to come again",
        differs={UNAVAILABLE: "0x120 0+5x120"},
        fires=("AntreDurableLate critical", "AntreDurableLate warning"),
        at="1h",
    ),
    Case(
        name="one webhook in a hundred is slow, for hours",
        differs={FAST: "0+29.7x240"},
        fires=("AntreDurableLate warning",),
        at="1h",
    ),
    Case(
        name="one webhook of a quiet night is slow",
        differs={
            'antre_webhooks_total{namespace="ns",outcome="accepted"}': "0x200 1x40",
            FAST: "0x240",
        },
        at="55m",
    ),
    Case(name="one webhook in two thousand is slow", differs={FAST: "0+29.985x240"}, at="1h"),
)
