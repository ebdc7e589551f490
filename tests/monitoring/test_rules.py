"""The rules are well-formed, each alert fires when it should and stays silent when it should not."""

import shutil
import subprocess

import pytest
import yaml

from monitoring.cases import CASES, EVERY_S, HEALTHY
from monitoring.rules import RULES, alerts

pytestmark = pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not on this machine")


def promtool(*words):
    return subprocess.run(["promtool", *map(str, words)], capture_output=True, text=True, check=False)


def test_prometheus_takes_the_rules():
    done = promtool("check", "rules", RULES)
    assert done.returncode == 0, done.stderr


def test_of_each_alert_it_is_shown_that_it_fires_and_of_each_that_it_stays_silent():
    fired = {one for case in CASES for one in case.fires}
    assert {one.split(" ")[0] for one in fired} == {one["alert"] for one in alerts()}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_right_alerts_fire_and_no_other(case, tmp_path):
    file = tmp_path / "case.yaml"
    file.write_text(yaml.safe_dump(as_promtool_has_it(case)))
    done = promtool("test", "rules", file)
    assert done.returncode == 0, done.stderr + done.stdout


def as_promtool_has_it(case):
    series = {**HEALTHY, **case.differs}
    names = sorted({one["alert"] for one in alerts()})
    return {
        "rule_files": [str(RULES)],
        "evaluation_interval": f"{EVERY_S}s",
        "tests": [
            {
                "interval": f"{EVERY_S}s",
                "input_series": [{"series": name, "values": values} for name, values in series.items()],
                "alert_rule_test": [
                    {"eval_time": case.at, "alertname": name, "exp_alerts": expected(case, name)} for name in names
                ],
            }
        ],
    }


def expected(case, name):
    return [
        {
            "exp_labels": {"namespace": "ns", **LABELS.get(name, {}), **rule["labels"]},
            "exp_annotations": rule["annotations"],
        }
        for rule in alerts()
        if rule["alert"] == name and {name, f"{name} {rule['labels']['severity']}"} & set(case.fires)
    ]


APP = {"app": "demo"}
LABELS = {
    **dict.fromkeys(
        (
            "AntreBacklogThoughSlotsFree",
            "AntrePlatformRefusesCredentials",
            "AntrePlatformDown",
            "AntreDoubtDoesNotSettle",
            "AntreSessionsParked",
            "AntreWebhooksMissed",
            "AntreDriftAboveNormal",
        ),
        APP,
    ),
    "AntreCertificateExpires": {"name": "webhooks"},
}
"""What an alert names beside the namespace."""
