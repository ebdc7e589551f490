"""Everything that is rendered, held against the schemas of Kubernetes: of the oldest version that the chart allows, the
one that the tests in a cluster run on, and the newest. A word that a version does not know is an error.
"""

import copy
import re
import shutil
import subprocess
from functools import cache

import kubernetes_validate
import pytest
import yaml
from deploy.conftest import CHART, MATRIX, ROOT
from kubernetes_validate import utils

VERSIONS = ["1.30", "1.34", "1.37"]
FOREIGN = {"HTTPRoute", "PodMonitor", "PrometheusRule"}
"""Kinds that are defined by others: what the chart writes of them is checked by its other tests."""


@pytest.fixture(autouse=True)
def schemas_are_read_once(monkeypatch):
    monkeypatch.setattr(utils, "schema_contents", cache(utils.schema_contents))


def complaints(objects, version):
    """What a version says about objects; empty when all is well."""
    for one in objects:
        if one["kind"] not in FOREIGN:
            try:
                held_against = kubernetes_validate.validate(one, version, strict=True)
                assert held_against == version, "not a version before it, whose schemas are there"
            except kubernetes_validate.ValidationError as error:
                yield f"{one['kind']} {one['metadata']['name']}: {'.'.join(map(str, error.path))}: {error.message}"


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("name", MATRIX)
def test_every_object_is_one_that_kubernetes_takes(rendered, name, version):
    objects = rendered(name, "--api-versions", "monitoring.coreos.com/v1").values()
    assert list(complaints(objects, version)) == []


@pytest.mark.parametrize("version", VERSIONS)
def test_every_object_of_kustomize_is_one_that_kubernetes_takes(version):
    paths = [path for path in (ROOT / "deploy/kustomize").rglob("*.yaml") if path.name != "kustomization.yaml"]
    objects = [one for path in paths for one in yaml.safe_load_all(path.read_text()) if one and "kind" in one]
    assert len(objects) > 20
    assert list(complaints(objects, version)) == []


@pytest.mark.parametrize("overlay", ["dev", "production"])
def test_every_object_of_an_overlay_is_one_that_kubernetes_takes(overlay):
    if not shutil.which("kubectl"):
        pytest.skip("there is no kubectl on PATH")
    command = ["kubectl", "kustomize", f"deploy/kustomize/overlays/{overlay}"]
    told = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    objects = list(yaml.safe_load_all(told))
    assert len(objects) > 20
    assert [text for version in VERSIONS for text in complaints(objects, version)] == []


@pytest.mark.parametrize(
    ("kind", "path", "value"),
    [
        ("Deployment", ("spec", "template", "spec", "automountServiceAccountTokens"), False),
        ("Deployment", ("spec", "replicas"), "two"),
        ("NetworkPolicy", ("spec", "podselector"), {}),
        ("CustomResourceDefinition", ("spec", "versionz"), []),
    ],
)
def test_a_word_that_kubernetes_does_not_know_is_noticed(rendered, kind, path, value):
    wrong = copy.deepcopy(next(one for (of, _), one in rendered("defaults").items() if of == kind))
    *above, last = path
    inner = wrong
    for word in above:
        inner = inner[word]
    inner[last] = value
    assert list(complaints([wrong], VERSIONS[0]))


def test_the_oldest_version_is_the_one_that_the_chart_allows():
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    assert re.fullmatch(rf">={VERSIONS[0]}\.0-0", chart["kubeVersion"])


@pytest.mark.parametrize("version", VERSIONS)
def test_helm_renders_for_each_of_them(helm, version):
    assert helm("template", "antre", "--kube-version", f"{version}.0", values=MATRIX["everything"])
