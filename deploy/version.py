"""Tells whether everything that carries a version carries the same one.

    python deploy/version.py [--expect 1.2.3]

Looks at every pyproject.toml of the workspace, at the Dockerfiles' default, and at the chart's version and appVersion.
"""

import argparse
import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def main() -> int:
    """Exit status 1, and each place with its version, when they differ from each other or from what is expected."""
    parser = argparse.ArgumentParser(prog="version", description="Check that there is one version.")
    parser.add_argument("--expect", default="", help="the version that it must be")
    expected = parser.parse_args().expect
    found = dict(versions())
    if len({*found.values(), *([expected] if expected else [])}) == 1:
        return 0
    for place, version in found.items():
        print(f"{version:12} {place}")
    print(f"Not one version{f', and {expected} is expected' if expected else ''}: make them the same.")
    return 1


def versions() -> Iterator[tuple[str, str]]:
    """Each place and the version it states."""
    for path in sorted([ROOT / "pyproject.toml", *ROOT.glob("*/*/pyproject.toml"), *ROOT.glob("dev/pyproject.toml")]):
        yield str(path.relative_to(ROOT)), tomllib.loads(path.read_text())["project"]["version"]
    for path in sorted(ROOT.glob("services/*/Dockerfile")):
        yield from _stated(path, r"^ARG VERSION=(\S+)$")
    for path in sorted(ROOT.glob("deploy/helm/*/Chart.yaml")):
        yield from _stated(path, r'^(?:version|appVersion): "?([^"\s]+)"?$')


def _stated(path: Path, pattern: str) -> Iterator[tuple[str, str]]:
    for number, version in enumerate(re.findall(pattern, path.read_text(), re.MULTILINE), 1):
        yield f"{path.relative_to(ROOT)} ({number})", version


if __name__ == "__main__":
    sys.exit(main())
