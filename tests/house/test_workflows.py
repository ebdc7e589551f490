"""The workflows of GitHub do what a developer can do: every word, script and path they name exists."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
FILES = sorted((ROOT / ".github" / "workflows").glob("*.yaml"))
TARGETS = set(re.findall(r"^([a-z][a-z0-9-]*):", (ROOT / "Makefile").read_text(), re.MULTILINE))
OUR_FOLDERS = ("deploy", "services", "tests", "docs", ".ci", "requirements")


@pytest.fixture(params=FILES, ids=lambda path: path.name)
def workflow(request):
    return yaml.safe_load(request.param.read_text())


def steps(workflow):
    return [step for job in workflow["jobs"].values() for step in job["steps"]]


def commands(workflow):
    return "\n".join(step["run"] for step in steps(workflow) if "run" in step)


def test_there_are_one_that_checks_and_one_that_releases():
    assert [path.stem for path in FILES] == ["ci", "release"]


def test_every_word_of_make_exists(workflow):
    assert set(re.findall(r"\bmake ([a-z][a-z0-9-]*)", commands(workflow))) <= TARGETS


def test_every_path_of_ours_exists(workflow):
    paths = re.findall(rf"(?<![\w/.-])((?:{'|'.join(map(re.escape, OUR_FOLDERS))})/[\w./-]+)", commands(workflow))
    configs = [step["with"]["config"] for step in steps(workflow) if "config" in step.get("with", {})]
    assert [path for path in [*paths, *configs] if not (ROOT / path).exists()] == []


def test_scripts_are_shell(workflow):
    for step in steps(workflow):
        if "run" in step:
            script = re.sub(r"\$\{\{.*?\}\}", "value", step["run"])
            done = subprocess.run(["bash", "-n"], input=script, capture_output=True, text=True, check=False)
            assert done.returncode == 0, done.stderr


def test_nobody_gets_more_rights_than_reading_unless_a_job_says_so(workflow):
    assert workflow["permissions"] == {"contents": "read"}
    assert "pull_request_target" not in workflow.get("on", workflow.get(True))
    assert all(job["timeout-minutes"] <= 60 for job in workflow["jobs"].values())


def test_every_action_names_its_version(workflow):
    assert all(re.fullmatch(r"[\w-]+/[\w-]+@v?\d[\w.]*", step["uses"]) for step in steps(workflow) if "uses" in step)


def test_a_release_has_the_version_that_everything_states():
    done = subprocess.run([sys.executable, "deploy/version.py"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_a_release_of_another_version_is_refused():
    command = [sys.executable, "deploy/version.py", "--expect", "99.0.0"]
    assert subprocess.run(command, cwd=ROOT, capture_output=True, check=False).returncode == 1
