"""Writes the software bill of materials of each image, from its locked requirements: CycloneDX 1.6, JSON.

    python deploy/sbom.py [--into FOLDER]

One component for each package that the lock names, with its version, the hashes of every file that may be installed
and, where this environment has it installed as well, its licence. The same lock makes the same bill, byte for byte.
Does not promise: what the base image holds. A scanner that reads the whole image finds that; the release runs one.
"""

import argparse
import json
import re
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, uuid5

ROOT = Path(__file__).resolve().parent.parent
IMAGES = ("webhook-gateway", "allocator", "qiscus-simulator")
PINNED = re.compile(r"^(?P<name>[A-Za-z0-9._-]+)(?:\[[^]]*])?==(?P<version>[^\s;\\]+)\s*(?:;\s*(?P<marker>[^\\]+))?")
ELSEWHERE = ("win32", "python_full_version < '3.11")
"""Markers of packages that an image (Linux, Python 3.13) never gets."""


def main() -> int:
    """Write `sbom-<image>.cdx.json` for every image."""
    parser = argparse.ArgumentParser(prog="sbom", description="Write each image's bill of materials.")
    parser.add_argument("--into", default="dist", help="the folder to write to (default: dist)")
    folder = Path(parser.parse_args().into)
    folder.mkdir(parents=True, exist_ok=True)
    for image in IMAGES:
        path = folder / f"sbom-{image}.cdx.json"
        bill = bill_of(image)
        path.write_text(json.dumps(bill, indent=2) + "\n")
        print(f"{path}: {len(bill['components'])} packages")
    return 0


def bill_of(image: str) -> dict[str, Any]:
    """The bill of one image."""
    lock = (ROOT / "requirements" / f"{image}.txt").read_text()
    version = tomllib.loads((ROOT / "services" / image / "pyproject.toml").read_text())["project"]["version"]
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid5(NAMESPACE_URL, f'antre/{image}/{version}/{lock}')}",
        "version": 1,
        "metadata": {
            "component": {
                "type": "container",
                "bom-ref": f"antre/{image}",
                "name": f"antre/{image}",
                "version": version,
                "licenses": [{"license": {"id": "Apache-2.0"}}],
            }
        },
        "components": list(_components(lock)),
    }


def _components(lock: str) -> Iterator[dict[str, Any]]:
    for entry in re.split(r"\n(?=\S)", lock):
        found = PINNED.match(entry)
        if not found or any(word in (found["marker"] or "") for word in ELSEWHERE):
            continue
        name, version = found["name"].lower(), found["version"]
        purl = f"pkg:pypi/{name}@{version}"
        licences = {"licenses": licence} if (licence := _licence(name, version)) else {}
        yield {
            "type": "library",
            "bom-ref": purl,
            "name": name,
            "version": version,
            "purl": purl,
            "hashes": [
                {"alg": "SHA-256", "content": one} for one in re.findall(r"--hash=sha256:([0-9a-f]{64})", entry)
            ],
            **licences,
        }


def _licence(name: str, version: str) -> list[dict[str, Any]]:
    """As its metadata has it: an SPDX expression where it is one, a name otherwise. None where another is installed."""
    try:
        told = metadata(name)
    except PackageNotFoundError:
        return []
    if told["Version"] != version:
        return []
    if "License-Expression" in told:
        return [{"expression": told["License-Expression"]}]
    classes = [line.rpartition(" :: ")[2] for line in told.get_all("Classifier") or [] if line.startswith("License ::")]
    return [{"license": {"name": name}} for name in classes]


if __name__ == "__main__":
    sys.exit(main())
