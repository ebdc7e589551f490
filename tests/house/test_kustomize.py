"""deploy/kustomize is what the chart makes, and its overlays are whole."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from support.programs import program

ROOT = Path(__file__).parents[2]
KUSTOMIZE = ROOT / "deploy" / "kustomize"
STORES = {"antre-postgresql", "antre-redis"}


def written(folder):
    """The objects of a folder, by kind and name."""
    files = [path for path in (KUSTOMIZE / folder).glob("*.yaml") if path.name != "kustomization.yaml"]
    found = [yaml.safe_load(path.read_text()) for path in files]
    return {(one["kind"], one["metadata"]["name"]): one for one in found}


@pytest.fixture(scope="module")
def built():
    """What `kubectl kustomize` makes of an overlay."""
    if not shutil.which("kubectl"):
        pytest.skip("there is no kubectl on PATH")

    def build(overlay):
        command = ["kubectl", "kustomize", str(KUSTOMIZE / "overlays" / overlay)]
        told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        return {(one["kind"], one["metadata"]["name"]): one for one in yaml.safe_load_all(told)}

    return build


def test_it_is_what_the_chart_makes():
    done = subprocess.run(
        [sys.executable, "deploy/kustomize/render.py", "--check"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if done.returncode == program("deploy/kustomize/render.py").NO_HELM:
        pytest.skip(done.stdout.strip())
    assert done.returncode == 0, done.stdout


def test_a_base_that_was_edited_is_noticed(tmp_path):
    render = program("deploy/kustomize/render.py")
    render.HERE = tmp_path
    files = {"base/a.yaml": "as rendered", "base/b.yaml": "too"}
    render.write(files)
    assert list(render.differences(files)) == []
    (tmp_path / "base" / "a.yaml").write_text("edited")
    (tmp_path / "base" / "c.yaml").write_text("too many")
    assert sorted(render.differences({"base/a.yaml": "as rendered", "base/b.yaml": "too"})) == [
        "base/a.yaml",
        "base/c.yaml",
    ]


def test_nothing_secret_and_nothing_of_helm_is_rendered():
    for folder in ("base", "components/network-policies", "components/monitoring", "components/simulator"):
        for (kind, _), document in written(folder).items():
            assert kind != "Secret"
            assert not re.search(r"helm\.sh|managed-by: Helm", yaml.safe_dump(document))


def test_the_policies_let_the_allocator_reach_the_real_platform():
    policy = written("components/network-policies")["NetworkPolicy", "antre-allocator"]
    assert {"ports": [{"protocol": "TCP", "port": 443}]} in policy["spec"]["egress"]


def test_the_overlay_for_development_is_a_living_system(built):
    made = built("dev")
    assert ("Deployment", "antre-simulator") in made
    env = made["Deployment", "antre-allocator"]["spec"]["template"]["spec"]["containers"][0]["env"]
    assert {"name": "QISCUS_BASE_URL", "value": "http://antre-simulator:8090"} in env
    assert {name for kind, name in made if kind == "StatefulSet"} == STORES


def test_the_overlay_for_production_has_no_stores_of_its_own_and_no_secrets(built):
    made = built("production")
    assert not STORES & {name for kind, name in made if kind != "NetworkPolicy"}
    assert {kind for kind, _ in made} >= {"NetworkPolicy", "PodMonitor", "PodDisruptionBudget"}
    assert "Secret" not in {kind for kind, _ in made}
    ports = {
        entry["port"] for rule in made["NetworkPolicy", "antre-allocator"]["spec"]["egress"] for entry in rule["ports"]
    }
    assert ports == {53, 443, 5432, 6379}
    assert all("to" not in rule for rule in made["NetworkPolicy", "antre-allocator"]["spec"]["egress"])
