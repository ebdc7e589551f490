"""Results of benchmarks: a figure that cannot be had does not take the others with it, and is shown as such."""

import importlib
import json
import sys
import time
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[3] / "benchmarks"
PAGE = "before\n<!-- figures: written by `make bench` -->\nold\n<!-- end of figures -->\nafter\n"
ON = {"date": "today", "cores": "2"}


@pytest.fixture
def bench(monkeypatch):
    """The program's modules, which lie beside each other as programs do; forgotten afterwards."""
    known = set(sys.modules)
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    yield tuple(map(importlib.import_module, ("attempt", "measure", "report")))
    for name in set(sys.modules) - known:
        if str(BENCHMARKS) in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]


def result(measure, number="1", values=(2.0, 3.0, 4.0), **changes):
    return measure.Result(
        **{
            "number": number,
            "figure": "accepted",
            "baseline": "theirs",
            "target": 2.5,
            "at_least": True,
            "unit": " ms",
            "values": list(values),
            "ours": "30/s",
            "theirs": "10/s",
            **changes,
        }
    )


def figure(measure, work, *numbers, about_s=1.0):
    return measure.Figure(numbers=numbers, about_s=about_s, measure=work)


def test_a_figure_that_fails_is_told_as_such_and_the_others_go_on(bench):
    attempt, measure, _ = bench

    def broken(_effort):
        """Figures 5 and 6: broken."""
        raise RuntimeError("strace is missing")

    def whole(_effort):
        """Figure 7: whole."""
        return [result(measure, "7")]

    found = attempt.all_of(
        [figure(measure, broken, "5", "6"), figure(measure, whole, "7")], measure.Effort(seconds=1.0, turns=1)
    )
    assert [one.number for one in found] == ["5", "6", "7"]
    assert found[0].why == "RuntimeError: strace is missing"
    assert found[2].value == 3.0


def test_a_figure_that_hangs_is_given_up(bench):
    attempt, measure, _ = bench

    def hangs(_effort):
        """Figure 5: hangs."""
        time.sleep(30)

    (found,) = attempt.attempt(figure(measure, hangs, "5"), measure.Effort(seconds=1.0, turns=1), patience_s=0.05)
    assert found.why.startswith("TimeoutError")


@pytest.mark.parametrize(("at_least", "verdict"), [(True, "reached"), (False, "**missed**")])
def test_a_row_says_whether_the_target_is_reached(bench, at_least, verdict):
    _, measure, report = bench
    row = report.table([result(measure, at_least=at_least)]).splitlines()[-1]
    assert "3 ms (2 to 4)" in row
    assert row.endswith(f"| {verdict} |")


def test_some_figures_replace_those_only_and_what_is_no_figure_any_more_goes(bench, tmp_path):
    _, measure, report = bench
    page, record = tmp_path / "page.md", tmp_path / "results.json"
    page.write_text(PAGE)
    first = [result(measure, "2"), result(measure, "10"), result(measure, "14")]
    report.written(first, ON, page, record, {"2", "10", "14"})
    lost = measure.Unmeasured(number="10", figure="a long one", why="TimeoutError: not within 5 s")
    report.written([lost], {**ON, "date": "tomorrow"}, page, record, {"2", "10"})
    assert list(json.loads(record.read_text())) == ["2", "10"]
    text = page.read_text()
    assert text.startswith("before\n")
    assert text.endswith("after\n")
    assert "| 10 | a long one |" in text
    assert "**not measured** | TimeoutError: not within 5 s" in text
    assert "date: today; cores: 2 (figures 2)" in text
    assert "date: tomorrow; cores: 2 (figures 10)" in text
