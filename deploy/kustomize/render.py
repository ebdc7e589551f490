"""Renders deploy/kustomize/base from the chart: `make kustomize`. The base is never edited by hand.

    python deploy/kustomize/render.py           write it
    python deploy/kustomize/render.py --check   exit status 1 and a sentence when it is not what the chart makes

Helm is taken from PATH. Where there is none nothing can be rendered: the exit status is then 3, with the reason.
What only Helm understands is left out: hooks, tests, and the labels that say that Helm manages an object.
"""

import argparse
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

HERE = Path(__file__).resolve().parent
CHART = HERE.parent / "helm" / "antre"
BASE = HERE / "base"
VALUES = HERE / "values.yaml"
NO_HELM = 3
WRITTEN = "# Written by `make kustomize` from the chart; change the chart or deploy/kustomize/values.yaml instead.\n"
OF_HELM = (
    "helm.sh/chart",
    "app.kubernetes.io/managed-by",
    "meta.helm.sh/release-name",
    "meta.helm.sh/release-namespace",
)


def main() -> int:
    """Write or check. Exit status: 0, 1 stale, 3 no helm."""
    parser = argparse.ArgumentParser(prog="render", description="Render the base of kustomize from the chart.")
    parser.add_argument("--check", action="store_true", help="only tell whether it is stale")
    words = parser.parse_args()
    if not shutil.which("helm"):
        print("kustomize: there is no helm on PATH, so the base cannot be rendered")
        return NO_HELM
    files = rendered()
    if not words.check:
        write(files)
        return 0
    if stale := sorted(differences(files)):
        print(f"deploy/kustomize/base is not what the chart makes ({', '.join(stale)}): run `make kustomize`")
        return 1
    return 0


def rendered() -> dict[str, str]:
    """The files of the base by their names."""
    command = ["helm", "template", "antre", str(CHART), "--namespace", "antre", "--values", str(VALUES), "--skip-tests"]
    told = subprocess.run([*command, "--no-hooks"], capture_output=True, text=True, check=True).stdout
    files = dict(_files(told))
    listed = {"apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization", "resources": sorted(files)}
    return {**files, "kustomization.yaml": WRITTEN + yaml.safe_dump(listed, sort_keys=False)}


def write(files: dict[str, str]) -> None:
    """Make the base be these files and no others."""
    BASE.mkdir(exist_ok=True)
    for path in BASE.glob("*.yaml"):
        if path.name not in files:
            path.unlink()
    for name, text in files.items():
        (BASE / name).write_text(text)


def differences(files: dict[str, str]) -> Iterator[str]:
    """The names of files that are missing, too many or different."""
    there = {path.name: path.read_text() for path in BASE.glob("*.yaml")}
    yield from there.keys() ^ files.keys()
    yield from (name for name in there.keys() & files.keys() if there[name] != files[name])


def _files(told: str) -> Iterator[tuple[str, str]]:
    for document in filter(None, yaml.safe_load_all(told)):
        kind, name = document["kind"].lower(), document["metadata"]["name"]
        yield f"{kind}-{name}.yaml", WRITTEN + yaml.safe_dump(_without_helm(document), sort_keys=False, width=120)


def _without_helm(part: Any) -> Any:
    """The same without labels and annotations that only Helm reads, and without what is empty then."""
    if isinstance(part, list):
        return [_without_helm(one) for one in part]
    if not isinstance(part, dict):
        return part
    kept = {name: _without_helm(value) for name, value in part.items() if name not in OF_HELM}
    return {name: value for name, value in kept.items() if value != {} or part[name] == {}}


if __name__ == "__main__":
    sys.exit(main())
