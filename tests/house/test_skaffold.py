"""skaffold.yaml names only what there is. Skaffold is not needed: the words of its schema that we use are here."""

import re
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
FILE = yaml.safe_load((ROOT / "skaffold.yaml").read_text())
VALUES = yaml.safe_load((ROOT / "deploy/helm/antre/values.yaml").read_text())
ARTIFACTS = {artifact["image"]: artifact for artifact in FILE["build"]["artifacts"]}
(RELEASE,) = FILE["deploy"]["helm"]["releases"]
WORDS = {
    "": {"apiVersion", "kind", "metadata", "build", "deploy", "portForward", "profiles"},
    "build": {"tagPolicy", "local", "artifacts"},
    "build.artifacts": {"image", "context", "docker", "sync"},
    "build.artifacts.docker": {"dockerfile", "target"},
    "build.artifacts.sync": {"manual"},
    "build.artifacts.sync.manual": {"src", "dest"},
    "deploy.helm.releases": {"name", "chartPath", "namespace", "createNamespace", "valuesFiles", "setValueTemplates"},
    "portForward": {"resourceType", "resourceName", "namespace", "port", "localPort"},
    "profiles": {"name", "manifests", "deploy", "patches"},
    "profiles.manifests.kustomize": {"paths"},
}
"""The words of skaffold/v4beta13 that may stand at a place; the file was held against the whole schema once."""


def at(place):
    """Every mapping at a place, through lists."""
    found = [FILE]
    for word in filter(None, place.split(".")):
        found = [one[word] for one in found if word in one]
        found = [one for part in found for one in (part if isinstance(part, list) else [part])]
    return found


def value_at(path):
    """The default of a value of the chart."""
    found = VALUES
    for word in path.split("."):
        found = found[word]
    return found


@pytest.mark.parametrize("place", WORDS)
def test_every_word_is_one_of_skaffolds(place):
    assert at(place)
    assert set().union(*at(place)) <= WORDS[place]


def test_it_is_of_the_version_it_was_checked_for():
    assert (FILE["apiVersion"], FILE["kind"]) == ("skaffold/v4beta13", "Config")


def test_it_builds_every_image_in_the_stage_for_development():
    assert set(ARTIFACTS) == {f"antre/{path.parent.name}" for path in ROOT.glob("services/*/Dockerfile")}
    for image, artifact in ARTIFACTS.items():
        dockerfile = ROOT / artifact["context"] / artifact["docker"]["dockerfile"]
        assert dockerfile.parent.name == image.removeprefix("antre/")
        assert f" AS {artifact['docker']['target']}\n" in dockerfile.read_text()


def test_a_file_is_copied_to_where_the_stage_for_development_has_it():
    for artifact in ARTIFACTS.values():
        text = (ROOT / artifact["docker"]["dockerfile"]).read_text()
        there = set(re.findall(r"^COPY --chown=10001:10001 (\S+) /source/\1$", text, re.MULTILINE))
        copied = [path for rule in artifact["sync"]["manual"] for path in ROOT.glob(rule["src"])]
        assert {rule["dest"] for rule in artifact["sync"]["manual"]} == {"/source"}
        assert {"/".join(path.relative_to(ROOT).parts[:3]) for path in copied} == there


def test_the_chart_has_every_value_that_is_set():
    for path in RELEASE["setValueTemplates"]:
        assert isinstance(value_at(path), str)
    given = yaml.safe_load((ROOT / RELEASE["valuesFiles"][0]).read_text())
    for part, values in given.items():
        assert set(values) <= set(VALUES[part])


def test_every_image_is_handed_to_the_chart():
    named = set(re.findall(r"IMAGE_(?:REPO|TAG)_(\w+)", str(RELEASE["setValueTemplates"])))
    assert named == {re.sub(r"[/-]", "_", image) for image in ARTIFACTS}


def test_every_path_exists():
    (profile,) = FILE["profiles"]
    paths = [RELEASE["chartPath"], *RELEASE["valuesFiles"], *profile["manifests"]["kustomize"]["paths"]]
    assert all((ROOT / path).exists() for path in paths)
    assert "/deploy/helm" in {patch["path"] for patch in profile["patches"]}


def test_ports_are_forwarded_to_services_of_the_chart():
    ports = {entry["resourceName"]: entry["port"] for entry in FILE["portForward"]}
    assert ports == {"antre-webhook-gateway": VALUES["webhookGateway"]["service"]["port"], "antre-simulator": 8090}
