"""Rules and runbooks belong together, and both speak of metrics that there are."""

import re
from pathlib import Path

import pytest

from monitoring.rules import RULES, alerts

ROOT = Path(__file__).parents[2]
RUNBOOKS = ROOT / "docs" / "operations" / "runbooks"
PAGE = (ROOT / "docs" / "operations" / "monitoring.md").read_text()
PARTS = ["See", "Check", "Do", "Afterwards"]
METRIC = re.compile(r"\bantre_[a-z_]+")
SUFFIXES = re.compile(r"_(bucket|count|sum|total)$")
KNOWN = {SUFFIXES.sub("", name) for name in re.findall(r"^\| `(antre_[a-z_]+)`", PAGE, re.MULTILINE)}


def test_there_are_alerts():
    assert len(alerts()) > 12


@pytest.mark.parametrize("alert", alerts(), ids=lambda alert: f"{alert['alert']} {alert['labels']['severity']}")
def test_an_alert_says_what_the_customer_feels_how_bad_it_is_and_where_to_read_on(alert):
    assert alert["labels"]["severity"] in ("critical", "warning")
    said = alert["annotations"]["summary"]
    assert said.endswith(".")
    assert "ustomer" in said
    assert alert["annotations"]["runbook_url"] == f"docs/operations/runbooks/{alert['alert']}.md"


@pytest.mark.parametrize("name", sorted({one["alert"] for one in alerts()}))
def test_a_runbook_repeats_the_alert_and_has_its_four_parts(name):
    text = (RUNBOOKS / f"{name}.md").read_text()
    assert text.startswith(f"# {name}\n")
    assert re.findall(r"^## (.+)$", text, re.MULTILINE) == PARTS
    for alert in alerts():
        if alert["alert"] == name:
            assert f"> {alert['annotations']['summary']} *({alert['labels']['severity']})*" in text


def test_there_is_no_runbook_without_an_alert():
    assert {path.stem for path in RUNBOOKS.glob("*.md")} == {one["alert"] for one in alerts()}


@pytest.mark.parametrize("path", [RULES, *sorted(RUNBOOKS.glob("*.md"))], ids=lambda path: path.name)
def test_every_metric_that_is_named_is_one_of_ours(path):
    named = {SUFFIXES.sub("", name) for name in METRIC.findall(path.read_text())}
    assert named - KNOWN == set()
