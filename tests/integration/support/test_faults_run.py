"""The tests of cases, run by the program, each have a result; whatever becomes of them."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from faults.runs import Shown, Wish, run

ROOT = Path(__file__).parents[3]
PLUGIN = ["-p", "support.cases", "-p", "no:cacheprovider", "-p", "no:valkey"]

TESTS = """
import os, pytest
from support.cases import tool

@pytest.mark.case(11, t_s=2.0)
def test_good(record_property):
    record_property("scenario", {"lost": 0, "T": 0.5})

@pytest.mark.case(12)
def test_bad():
    assert 1 == 2, "not so"

@pytest.mark.case(13)
def test_without_its_tool():
    tool("no-such-program-anywhere")

@pytest.fixture
def broken():
    yield
    raise RuntimeError("at its end")

@pytest.mark.case(14)
def test_whose_end_is_bad(broken):
    pass

@pytest.mark.case(15)
def test_that_takes_its_worker_along():
    os._exit(3)

@pytest.mark.case
def test_beside_the_table():
    pass

def test_of_nothing():
    pass
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "test_them.py").write_text(TESTS)
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    return tmp_path


def test_the_report_lists_the_tests_of_cases(folder):
    report = folder / "report.jsonl"
    words = [sys.executable, "-m", "pytest", *PLUGIN, "-q", "--collect-only", "--case-report", str(report)]
    subprocess.run(words, cwd=folder, env=_env(), check=True, capture_output=True)
    told = [json.loads(text) for text in report.read_text().splitlines()]
    listed = {one["of"].rpartition("::")[2]: one["case"]["numbers"] for one in told if "of" in one}
    assert listed["test_good"] == [11]
    assert listed["test_beside_the_table"] == []
    assert "test_of_nothing" not in listed
    assert told[-1] == {"exit": 0}


def test_each_test_has_its_result_even_if_its_worker_died(folder, monkeypatch):
    monkeypatch.setattr("faults.runs.ROOT", folder)
    monkeypatch.setenv("PYTHONPATH", _env()["PYTHONPATH"])
    monkeypatch.setenv("PYTEST_ADDOPTS", " ".join(PLUGIN))
    names = "good", "bad", "without_its_tool", "whose_end_is_bad", "that_takes_its_worker_along"
    tests = [Shown(test=f"test_them.py::test_{name}", numbers=(11,), t_s=None) for name in names]
    results = {one.shown.test.rpartition("test_")[2]: one for one in run(tests, Wish(seed=7, jobs=1), folder / "log")}
    assert {name: one.outcome for name, one in results.items()} == {
        "good": "survived",
        "bad": "failed",
        "without_its_tool": "missing tool",
        "whose_end_is_bad": "failed",
        "that_takes_its_worker_along": "did not run",
    }
    assert (results["good"].row, results["good"].seed) == ({"lost": 0, "T": 0.5}, 7)
    assert "not so" in results["bad"].why


def _env():
    return {"PYTHONPATH": str(ROOT / "tests"), "PATH": "/usr/bin:/bin"}
