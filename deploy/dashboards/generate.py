"""Writes the two Grafana dashboards of the chart: `make dashboards`. Their JSON is never edited by hand.

    python deploy/dashboards/generate.py           write them
    python deploy/dashboards/generate.py --check   exit status 1 and a sentence when they are stale

What belongs to the system as a whole is told by its leader alone: `max by` is right also while the lead changes hands.
What processes did is added up: `sum`, over rates.
"""

import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parents[1] / "helm" / "antre" / "dashboards"
WIDTH = 24
N = 'namespace=~"$namespace"'
A = f'{N},app=~"$app"'
RATE = "[$__rate_interval]"
DRIFT = f"sum by (kind) (increase(antre_drift_repaired_total{{{A}}}{RATE}))"
STATEMENTS_A_ROUND = ("antre_round_statements_total", "antre_round_seconds_count")


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """A picture: for each line what it is called and what is asked. ``kind``: timeseries, stat or table."""

    title: str
    lines: Sequence[tuple[str, str]]
    unit: str = "short"
    kind: str = "timeseries"
    says: str = ""
    width: int = 8
    red_from: float | None = None
    stacked: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """Panels under a heading."""

    title: str
    panels: Sequence[Panel]


def stands(metric: str, by: str = "app", more: str = "") -> str:
    """How the system stands, as its leader tells."""
    return f"max by ({by}) ({metric}{{{A}{more}}})"


def rate(metric: str, by: str, selector: str = A) -> str:
    """What all processes did, per second."""
    return f"sum by ({by}) (rate({metric}{{{selector}}}{RATE}))"


def quantile(share: float, metric: str, selector: str = A) -> str:
    """So large a share was quicker."""
    return f"histogram_quantile({share}, {rate(metric + '_bucket', 'le', selector)})"


def spread(metric: str, selector: str = A) -> list[tuple[str, str]]:
    """Half of them, and 99 of 100."""
    return [("half", quantile(0.5, metric, selector)), ("99 of 100", quantile(0.99, metric, selector))]


def or_nought(query: str, label: str = "none") -> str:
    """Nothing was ever counted: that is a nought, not an empty picture."""
    return f'({query}) or on() label_replace(vector(0), "{label}", "none", "", "")'


GLANCE = Row(
    title="Are customers being served?",
    panels=(
        Panel(
            title="Leaders",
            kind="stat",
            lines=[("leaders", or_nought(f"sum(antre_leader{{{N}}})"))],
            width=3,
            says="1: one leads. 0: nobody is assigned. 2: for longer than a scrape, look at the runbook.",
        ),
        Panel(
            title="Waiting", kind="stat", lines=[("waiting", f"sum({stands('antre_waiting', 'app, reason')})")], width=3
        ),
        Panel(
            title="Oldest wait",
            kind="stat",
            unit="s",
            lines=[("oldest", f"max(antre_oldest_wait_seconds{{{A}}})")],
            width=3,
            red_from=300,
        ),
        Panel(title="Slots in use", kind="stat", lines=[("used", f"sum({stands('antre_slots_used')})")], width=3),
        Panel(title="Slots", kind="stat", lines=[("slots", f"sum({stands('antre_slots')})")], width=3),
        Panel(
            title="Platform",
            kind="stat",
            lines=[("circuit", f"max(antre_platform_circuit{{{A}}})")],
            width=3,
            red_from=1,
            says="0: calls flow. 1: one at a time tries. 2: they pause. 3: our credentials are refused.",
        ),
        Panel(
            title="Oldest event in the inbox",
            kind="stat",
            unit="s",
            lines=[("age", f"max(antre_inbox_head_age_seconds{{{A}}})")],
            width=3,
            red_from=30,
        ),
        Panel(
            title="Parked",
            kind="stat",
            lines=[("parked", f"sum({stands('antre_sessions_parked')})")],
            width=3,
            red_from=1,
            says="Refused for good: a person must look.",
        ),
    ),
)
LEAD = Row(
    title="The lead",
    panels=(
        Panel(
            title="Who leads",
            lines=[("{{pod}}", f"antre_leader{{{N}}}")],
            says="The lines change places at a take-over.",
        ),
        Panel(title="Lease: trust left", unit="s", lines=[("{{pod}}", f"antre_lease_trust_seconds{{{N}}}")]),
        Panel(
            title="Changes of leader",
            lines=[
                ("changes", f"sum(increase(antre_leader_changes_total{{{N}}}{RATE}))"),
                ("term", f"max(antre_term{{{N}}})"),
            ],
        ),
    ),
)
WAY_IN = Row(
    title="The way in",
    panels=(
        Panel(
            title="Webhooks",
            unit="reqps",
            lines=[("{{kind}} {{outcome}}", rate("antre_webhooks_total", "kind, outcome", N))],
        ),
        Panel(title="Until durable", unit="s", lines=spread("antre_webhook_durable_seconds", N), red_from=0.1),
        Panel(title="Events in a batch", lines=spread("antre_publish_batch_size", N)),
        Panel(
            title="Inbox", lines=[("{{app}}", stands("antre_inbox_events"))], says="Durable in Redis, not yet recorded."
        ),
        Panel(title="Oldest event in the inbox", unit="s", lines=[("{{app}}", stands("antre_inbox_head_age_seconds"))]),
        Panel(
            title="Not durable",
            lines=[
                ("redis {{pod}}", f"antre_redis_durable{{{N}}}"),
                ("postgres {{pod}}", f"antre_postgres_durable{{{N}}}"),
            ],
            says="1: the store keeps what it acknowledged. 0: not. A gap: it does not say.",
        ),
    ),
)
ROUND = Row(
    title="The round",
    panels=(
        Panel(title="Rounds", unit="s", lines=spread("antre_round_seconds", N)),
        Panel(
            title="Statements a round",
            lines=[("statements", " / ".join(f"sum(rate({of}{{{N}}}{RATE}))" for of in STATEMENTS_A_ROUND))],
        ),
        Panel(
            title="A second",
            lines=[
                ("events recorded", f"sum(rate(antre_events_recorded_total{{{N}}}{RATE}))"),
                ("sessions planned", f"sum(rate(antre_sessions_planned_total{{{A}}}{RATE}))"),
                ("assignments", f"sum(rate(antre_assignments_total{{{A}}}{RATE}))"),
            ],
        ),
        Panel(title="Event loop late by", unit="s", lines=[("{{pod}}", f"antre_event_loop_lag_seconds{{{N}}}")]),
        Panel(
            title="Delay that is ours",
            unit="s",
            lines=spread("antre_service_delay_seconds"),
            red_from=30,
            says="From when an agent was free for a customer to the assignment.",
        ),
        Panel(title="Slot idle while somebody waited", unit="s", lines=spread("antre_slot_idle_seconds")),
    ),
)
PLATFORM = Row(
    title="The platform",
    panels=(
        Panel(
            title="Calls",
            unit="reqps",
            lines=[("{{call}} {{outcome}}", rate("antre_platform_calls_total", "call, outcome"))],
        ),
        Panel(
            title="Calls: 99 of 100 within",
            unit="s",
            lines=[
                (
                    "{{call}}",
                    f"histogram_quantile(0.99, {rate('antre_platform_call_seconds_bucket', 'le, call', N)})",
                )
            ],
        ),
        Panel(
            title="Under way",
            lines=[("{{call}}", f"sum by (call) ({stands('antre_platform_calls_in_flight', 'app, call')})")],
        ),
        Panel(title="Circuit", lines=[("{{app}}", stands("antre_platform_circuit"))]),
        Panel(
            title="Doubt",
            lines=[
                ("sessions", f"sum({stands('antre_slots_held_in_doubt')})"),
                ("oldest, seconds", f"max(antre_oldest_doubt_seconds{{{A}}})"),
            ],
        ),
        Panel(
            title="Drift found and repaired",
            lines=[
                ("{{kind}}", or_nought(f"sum by (kind) (increase(antre_drift_repaired_total{{{A}}}{RATE}))", "kind"))
            ],
        ),
    ),
)
PROCESSES = Row(
    title="The processes",
    panels=(
        Panel(title="CPU", unit="percentunit", lines=[("{{pod}}", f"rate(process_cpu_seconds_total{{{N}}}{RATE})")]),
        Panel(title="Memory", unit="bytes", lines=[("{{pod}}", f"process_resident_memory_bytes{{{N}}}")]),
        Panel(
            title="What runs",
            kind="table",
            lines=[("", f"sum by (pod, service, version, python) (antre_build_info{{{N}}})")],
        ),
    ),
)
TODAY = Row(
    title="Today",
    panels=(
        Panel(
            title="Waiting", kind="stat", lines=[("waiting", f"sum({stands('antre_waiting', 'app, reason')})")], width=4
        ),
        Panel(
            title="Longest wait",
            kind="stat",
            unit="s",
            lines=[("longest", f"max(antre_oldest_wait_seconds{{{A}}})")],
            width=4,
        ),
        Panel(title="Agents online", kind="stat", lines=[("online", f"sum({stands('antre_agents_online')})")], width=4),
        Panel(
            title="Slots in use",
            kind="stat",
            unit="percentunit",
            lines=[("in use", f"sum({stands('antre_slots_used')}) / sum({stands('antre_slots')})")],
            width=4,
        ),
        Panel(
            title="Given to somebody, a minute",
            kind="stat",
            lines=[("", f"60 * sum(rate(antre_assignments_total{{{A}}}{RATE}))")],
            width=4,
        ),
        Panel(
            title="Policy",
            kind="stat",
            lines=[("{{app}}", stands("antre_policy_version"))],
            width=4,
            says="The version in force.",
        ),
    ),
)
CUSTOMERS = Row(
    title="The customers",
    panels=(
        Panel(
            title="Why they wait",
            lines=[("{{reason}}", f"sum by (reason) ({stands('antre_waiting', 'app, reason')})")],
            stacked=True,
            width=12,
        ),
        Panel(title="How long they waited", unit="s", lines=spread("antre_wait_seconds"), width=12),
        Panel(
            title="Sessions",
            lines=[("{{state}}", f"sum by (state) ({stands('antre_sessions_open', 'app, state')})")],
            stacked=True,
        ),
        Panel(title="Ended", lines=[("{{state}}", or_nought(rate("antre_sessions_ended_total", "state"), "state"))]),
        Panel(title="Longest wait", unit="s", lines=[("{{app}}", stands("antre_oldest_wait_seconds"))]),
    ),
)
AGENTS = Row(
    title="The agents",
    panels=(
        Panel(
            title="Slots",
            lines=[
                ("all", f"sum({stands('antre_slots')})"),
                ("used", f"sum({stands('antre_slots_used')})"),
                ("others' customers", f"sum({stands('antre_slots_foreign')})"),
                ("in doubt", f"sum({stands('antre_slots_held_in_doubt')})"),
            ],
        ),
        Panel(title="Agents online", lines=[("{{app}}", stands("antre_agents_online"))]),
        Panel(
            title="From one customer to the next",
            unit="s",
            lines=spread("antre_resolve_to_assign_seconds"),
            says="While somebody waited.",
        ),
        Panel(
            title="Fairness",
            unit="percentunit",
            lines=[("{{of}} {{app}}", stands("antre_fairness_ratio", "app, of"))],
            width=12,
        ),
        Panel(
            title="Moved by hand, or found late",
            lines=[
                ("{{kind}}", or_nought(f"sum by (kind) (increase(antre_drift_repaired_total{{{A}}}{RATE}))", "kind"))
            ],
            width=12,
        ),
    ),
)
DASHBOARDS = {
    "operations": ("Antre operations", (GLANCE, LEAD, WAY_IN, ROUND, PLATFORM, PROCESSES)),
    "supervisor": ("Antre supervisor", (TODAY, CUSTOMERS, AGENTS)),
}


def main() -> int:
    """Write, or with ``--check`` compare."""
    pages = {FOLDER / f"{name}.json": page(name) for name in DASHBOARDS}
    stale = [path for path, text in pages.items() if not path.exists() or path.read_text(encoding="utf-8") != text]
    if "--check" in sys.argv:
        sys.stdout.writelines(f"{path.name} is stale: run `make dashboards`\n" for path in stale)
        return 1 if stale else 0
    for path, text in pages.items():
        path.write_text(text, encoding="utf-8")
    return 0


def page(name: str) -> str:
    """A dashboard's JSON."""
    title, rows = DASHBOARDS[name]
    dashboard = {
        "uid": f"antre-{name}",
        "title": title,
        "tags": ["antre"],
        "schemaVersion": 39,
        "editable": False,
        "refresh": "10s",
        "time": {"from": "now-1h", "to": "now"},
        "templating": {"list": variables()},
        "panels": list(placed(rows)),
    }
    return json.dumps(dashboard, indent=1, ensure_ascii=False) + "\n"


def variables() -> list[dict[str, Any]]:
    """What a person chooses: where the data is, the installation, the apps."""
    source = {"type": "prometheus", "uid": "${datasource}"}
    asked = {"namespace": "label_values(antre_build_info, namespace)", "app": f"label_values(antre_slots{{{N}}}, app)"}
    return [
        {"name": "datasource", "label": "Data source", "type": "datasource", "query": "prometheus"},
        *(
            {
                "name": name,
                "label": name.capitalize(),
                "type": "query",
                "datasource": source,
                "query": {"query": query, "refId": name},
                "refresh": 2,
                "includeAll": True,
                "allValue": ".*",
                "multi": name == "app",
                "current": {"text": "All", "value": "$__all"},
            }
            for name, query in asked.items()
        ),
    ]


def placed(rows: Sequence[Row]) -> Iterator[dict[str, Any]]:
    """The panels with their places, from left to right and from top to bottom."""
    number, y = 0, 0
    for row in rows:
        number += 1
        yield {
            "id": number,
            "type": "row",
            "title": row.title,
            "collapsed": False,
            "panels": [],
            "gridPos": _place(WIDTH, 1, 0, y),
        }
        x, y, height = 0, y + 1, 0
        for one in row.panels:
            number += 1
            if x + one.width > WIDTH:
                x, y = 0, y + height
            height = 4 if one.kind == "stat" else 8
            yield {"id": number, **drawn(one), "gridPos": _place(one.width, height, x, y)}
            x += one.width
        y += height


def drawn(panel: Panel) -> dict[str, Any]:
    """A panel as Grafana has it."""
    steps: list[dict[str, Any]] = [{"color": "green", "value": None}]
    if panel.red_from is not None:
        steps.append({"color": "red", "value": panel.red_from})
    custom = {"stacking": {"mode": "normal"}, "fillOpacity": 30} if panel.stacked else {}
    return {
        "type": panel.kind,
        "title": panel.title,
        "description": panel.says,
        "datasource": {"type": "prometheus", "uid": "${datasource}"},
        "fieldConfig": {
            "defaults": {"unit": panel.unit, "custom": custom, "thresholds": {"mode": "absolute", "steps": steps}},
            "overrides": [],
        },
        "targets": [
            {
                "refId": chr(ord("A") + number),
                "expr": query,
                "legendFormat": legend,
                "instant": panel.kind == "table",
                "format": "table" if panel.kind == "table" else "time_series",
            }
            for number, (legend, query) in enumerate(panel.lines)
        ],
    }


def _place(width: int, height: int, x: int, y: int) -> dict[str, int]:
    return {"w": width, "h": height, "x": x, "y": y}


if __name__ == "__main__":
    sys.exit(main())
