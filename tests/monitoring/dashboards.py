"""The dashboards as they are shipped, and what their panels ask."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from monitoring.rules import ROOT

FOLDER = ROOT / "deploy" / "helm" / "antre" / "dashboards"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One line of a panel, its variables filled in."""

    dashboard: str
    row: str
    panel: str
    unit: str
    legend: str
    query: str


def asked(namespace: str, app: str = ".*", rate_s: int = 10) -> Iterator[Asked]:
    """Every line of every panel."""
    values = {"$namespace": namespace, "$app": app, "$__rate_interval": f"{rate_s}s"}
    for path in sorted(FOLDER.glob("*.json")):
        row = ""
        for panel in json.loads(path.read_text())["panels"]:
            if panel["type"] == "row":
                row = panel["title"]
            for target in panel.get("targets", ()):
                yield _filled(path.stem, row, panel, target, values)


def _filled(dashboard: str, row: str, panel: Any, target: Any, values: dict[str, str]) -> Asked:
    query = target["expr"]
    for name, value in values.items():
        query = query.replace(name, value)
    return Asked(
        dashboard=dashboard,
        row=row,
        panel=panel["title"],
        unit=panel["fieldConfig"]["defaults"]["unit"],
        legend=target["legendFormat"],
        query=query,
    )
