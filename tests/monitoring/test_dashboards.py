"""Every query of every panel is asked of a real Prometheus that saw a real run: none is empty, none is an error."""

import json
import math
import subprocess
import sys
import time

import pytest

from monitoring.dashboards import FOLDER, asked
from monitoring.prometheus import NAMESPACE
from monitoring.rules import ROOT

FILLS_S = 60.0
"""A rate over ten seconds wants two looks at each process within them, which a busy machine may miss."""

pytestmark = pytest.mark.system(agents=3, capacity=1, service_s="0.5:1.5")


def test_they_are_what_the_generator_makes():
    command = [sys.executable, str(ROOT / "deploy" / "dashboards" / "generate.py"), "--check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.json")), ids=lambda path: path.stem)
def test_a_person_chooses_the_data_source_the_installation_and_the_app(path):
    dashboard = json.loads(path.read_text())
    assert [one["name"] for one in dashboard["templating"]["list"]] == ["datasource", "namespace", "app"]
    panels = [panel for panel in dashboard["panels"] if panel["type"] != "row"]
    assert len({panel["id"] for panel in dashboard["panels"]}) == len(dashboard["panels"])
    assert {panel["datasource"]["uid"] for panel in panels} == {"${datasource}"}


def test_no_panel_is_empty(antre, prometheus):
    antre.traffic(4)
    antre.must("Prometheus saw customers served after others", lambda: served_again(prometheus), within_s=60)
    give_up_at = time.monotonic() + FILLS_S
    while (empty := panels_without_anything(prometheus)) and time.monotonic() < give_up_at:
        time.sleep(2)
    assert empty == []


def panels_without_anything(prometheus):
    empty = [one for one in asked(NAMESPACE) if not has_something(prometheus, one.query)]
    return [f"{one.dashboard}, {one.panel}: {one.query}" for one in empty]


def served_again(prometheus):
    return prometheus.query("sum(rate(antre_resolve_to_assign_seconds_count[10s])) > 0")


def has_something(prometheus, query):
    return any(not math.isnan(float(one["value"][1])) for one in prometheus.query(query))
