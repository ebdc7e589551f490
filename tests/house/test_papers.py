"""The papers of the house: what is written about it is there and is true."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MAKEFILE = (ROOT / "Makefile").read_text()
TARGETS = set(re.findall(r"^([a-z][a-z0-9-]*):", MAKEFILE, re.MULTILINE))
PROMISED = {"install", "run", "test", "check", "clean", "help"}
HEADINGS = ["Context", "Decision", "Consequences", "Alternatives"]
RECORDS = sorted((ROOT / "docs" / "decisions").glob("[0-9]*.md"))
REQUIREMENTS = sorted((ROOT / "requirements").glob("*.txt"))


def test_make_help_lists_every_word():
    shown = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    listed = set(re.findall(r"^  make ([a-z0-9-]+) +\S", shown, re.MULTILINE))
    assert listed >= TARGETS
    assert TARGETS >= PROMISED


def test_every_word_is_phony():
    phony = re.search(r"^\.PHONY: (.*)$", MAKEFILE, re.MULTILINE)
    assert phony
    assert set(phony.group(1).split()) == TARGETS


def test_the_licence_is_there_in_full():
    text = (ROOT / "LICENSE").read_text()
    assert "Apache License" in text
    assert "END OF TERMS AND CONDITIONS" in text


def test_requirements_are_not_older_than_what_is_asked_for():
    command = [sys.executable, "requirements/fingerprint.py"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("path", REQUIREMENTS, ids=lambda path: path.name)
def test_requirements_are_pinned_and_hashed_and_name_no_host(path):
    text = path.read_text()
    assert "://" not in text
    assert "--index" not in text
    named = re.findall(r"^[a-z0-9].*$", text, re.MULTILINE | re.IGNORECASE)
    assert named
    assert all("==" in line and line.endswith("\\") for line in named)


def test_each_image_has_requirements_of_its_own():
    images = {path.parent.name for path in ROOT.glob("services/*/pyproject.toml")}
    assert {path.stem for path in REQUIREMENTS} == {"dev", *images}


@pytest.mark.parametrize("path", RECORDS, ids=lambda path: path.name)
def test_a_decision_record_has_its_four_parts(path):
    found = re.findall(r"^## (.+)$", path.read_text(), re.MULTILINE)
    assert [heading for heading in found if heading in HEADINGS] == HEADINGS


def test_every_make_command_in_the_readme_exists():
    readme = ROOT / "README.md"
    text = readme.read_text() if readme.exists() else ""
    commands = "\n".join(re.findall(r"^    .*$|^```.*?^```|`[^`\n]+`", text, re.MULTILINE | re.DOTALL))
    assert set(re.findall(r"\bmake ([a-z][a-z0-9-]*)", commands)) <= TARGETS


def test_the_changelog_has_a_place_for_what_comes():
    assert "## [Unreleased]" in (ROOT / "CHANGELOG.md").read_text()


def test_ci_calls_the_words_a_developer_types():
    script = (ROOT / ".ci" / "run").read_text()
    assert "make check" in script
    assert "make test" in script
