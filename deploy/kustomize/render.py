"""Renders deploy/kustomize's base and two of its components from the chart: `make kustomize`. Never edited by hand.

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
RENDERED = ("base", "components/network-policies", "components/monitoring", "components/simulator")
BASE = {"apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization"}
COMPONENT = {"apiVersion": "kustomize.config.k8s.io/v1alpha1", "kind": "Component"}
PLATFORM = [{"name": "QISCUS_BASE_URL", "value": "http://antre-simulator:8090"}]
PLAYED = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "antre-allocator"},
    "spec": {"template": {"spec": {"containers": [{"name": "allocator", "env": PLATFORM}]}}},
}
"""Who uses the simulator is told where it is."""
VALUES = HERE / "values.yaml"
NO_HELM = 3
WRITTEN = "# Written by `make kustomize` from the chart; change the chart or deploy/kustomize/values.yaml instead.\n"
OF_HELM = (
    "helm.sh/chart",
    "helm.sh/resource-policy",
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
        print(f"deploy/kustomize is not what the chart makes ({', '.join(stale)}): run `make kustomize`")
        return 1
    return 0


def rendered() -> dict[str, str]:
    """The files, by their paths below deploy/kustomize."""
    base = _documents()
    policies = _beyond(base, "--set", "networkPolicy.enabled=true,simulator.enabled=true")
    simulator = _beyond(base, "--set", "simulator.enabled=true")
    monitors = _beyond(base, "--set", "monitoring.enabled=true", "--api-versions", "monitoring.coreos.com/v1")
    return {
        **_folder("base", base, BASE),
        **_folder("components/network-policies", _of_kind("NetworkPolicy", policies), COMPONENT),
        **_folder("components/simulator", simulator, {**COMPONENT, "patches": [{"patch": yaml.safe_dump(PLAYED)}]}),
        **_folder("components/monitoring", monitors, COMPONENT),
    }


def write(files: dict[str, str]) -> None:
    """Make the folders hold these files and no others."""
    for path in _there():
        if path not in files:
            (HERE / path).unlink()
    for path, text in files.items():
        (HERE / path).parent.mkdir(parents=True, exist_ok=True)
        (HERE / path).write_text(text)


def differences(files: dict[str, str]) -> Iterator[str]:
    """The files that are missing, too many or different."""
    there = _there()
    yield from there.keys() ^ files.keys()
    yield from (path for path in there.keys() & files.keys() if there[path] != files[path])


def _there() -> dict[str, str]:
    found = (path for folder in RENDERED for path in (HERE / folder).glob("*.yaml"))
    return {path.relative_to(HERE).as_posix(): path.read_text() for path in found}


def _documents(*more: str) -> dict[str, Any]:
    """What the chart makes, by file names; the tests and hooks are Helm's own business."""
    command = ["helm", "template", "antre", str(CHART), "--namespace", "antre", "--values", str(VALUES)]
    command += ["--kube-version", "1.34.0", "--no-hooks", "--skip-tests", *more]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    found = filter(None, yaml.safe_load_all(told))
    return {f"{one['kind'].lower()}-{one['metadata']['name']}.yaml": _without_helm(one) for one in found}


def _beyond(base: dict[str, Any], *more: str) -> dict[str, Any]:
    """What the chart makes with some values more, and the base has not."""
    return {name: one for name, one in _documents(*more).items() if name not in base}


def _of_kind(kind: str, documents: dict[str, Any]) -> dict[str, Any]:
    return {name: one for name, one in documents.items() if one["kind"] == kind}


def _folder(folder: str, documents: dict[str, Any], head: dict[str, Any]) -> dict[str, str]:
    listed = {**head, "resources": sorted(documents)}
    files = {**documents, "kustomization.yaml": listed}
    return {
        f"{folder}/{name}": WRITTEN + yaml.safe_dump(one, sort_keys=False, width=120) for name, one in files.items()
    }


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
