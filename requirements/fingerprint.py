"""Tells whether the locked requirements are older than what the pyproject files ask for.

    python requirements/fingerprint.py           exit status 1 and a sentence when they are
    python requirements/fingerprint.py --write   remember what they were made from (`make lock`)

Only what decides about versions is hashed: names of members, Python versions, dependencies and
groups. It needs no network and nothing but Python 3.11.
"""

import hashlib
import json
import sys
import tomllib
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parent
KEPT = HERE / "inputs.sha256"


def pyprojects() -> list[Path]:
    """Every pyproject file of the workspace, in a stable order."""
    members = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["uv"]["workspace"]["members"]
    found = {path for member in members for path in ROOT.glob(f"{member}/pyproject.toml")}
    return [ROOT / "pyproject.toml", *sorted(found)]


def fingerprint() -> str:
    """One hash over everything in the pyproject files that decides about versions."""
    facts = [_facts(tomllib.loads(path.read_text())) for path in pyprojects()]
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def _facts(document: dict[str, dict[str, object]]) -> dict[str, object]:
    wanted = ("name", "requires-python", "dependencies", "optional-dependencies")
    project = {key: document["project"].get(key) for key in wanted}
    return {"project": project, "groups": document.get("dependency-groups")}


def main() -> int:
    """Check, or remember with `--write`."""
    if sys.argv[1:] == ["--write"]:
        KEPT.write_text(f"{fingerprint()}\n")
        return 0
    if KEPT.exists() and KEPT.read_text().strip() == fingerprint():
        return 0
    print("requirements/*.txt are older than a pyproject.toml: run `make lock` and commit them.")
    return 1


if __name__ == "__main__":
    sys.exit(main())
