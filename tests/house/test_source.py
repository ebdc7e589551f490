"""The size and the habits of our source: what a reader can hold in mind, and what run time needs."""

import ast
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FUNCTION_LINES_MAX = 70
FILE_LINES_MAX = 400
OURS = sorted(path for top in ("packages", "services", "dev") for path in ROOT.glob(f"{top}/**/src/**/*.py"))
# A migration is a list of statements in their order, and never touched again.
LISTS = "migrations/versions"
SERVICES = [path for path in OURS if "services" in path.relative_to(ROOT).parts]


def tracked_files():
    """Every file that a clone would have, and those that are about to be added."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [path for name in names.splitlines() if (path := ROOT / name).is_file()]


def test_there_is_source_to_look_at():
    assert len(OURS) > 10


@pytest.mark.parametrize("path", OURS, ids=lambda path: str(path.relative_to(ROOT)))
def test_functions_fit_on_a_screen_and_files_in_a_head(path):
    text = path.read_text()
    assert text.count("\n") <= FILE_LINES_MAX, f"{path} is too long: split it by what it is about"
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and LISTS not in path.as_posix():
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            assert lines <= FUNCTION_LINES_MAX, f"{path}:{node.lineno} {node.name} has {lines} lines"


@pytest.mark.parametrize("path", SERVICES, ids=lambda path: str(path.relative_to(ROOT)))
def test_annotations_exist_at_run_time(path):
    """Litestar and SQLModel read annotations, so nothing may hide them."""
    text = path.read_text()
    assert "from __future__ import annotations" not in text
    assert "TYPE_CHECKING" not in text


# In pieces, so that this file does not find itself.
LEAKS = [
    "/work" + "/main",
    "/work" + "/shared",
    ".." + "/shared",
    "pypi" + ".org",
    "python" + "hosted.org",
    "deb." + "debian.org",
    "registry" + ".npmjs",
]


def test_no_file_names_this_machine_or_a_package_registry():
    found = [
        f"{path.relative_to(ROOT)}: {leak}"
        for path in tracked_files()
        for leak in LEAKS
        if leak.encode() in path.read_bytes()
    ]
    assert found == []
