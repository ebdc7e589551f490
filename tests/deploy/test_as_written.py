"""What README and docs say about the chart, followed word for word, as far as that goes without a cluster."""

import re
import shlex

import pytest
import yaml
from deploy.conftest import CHART, ROOT

PAPERS = [ROOT / "README.md", CHART / "README.md", *sorted((ROOT / "docs" / "operations").glob("*.md"))]
VALUES = yaml.safe_load((CHART / "values.yaml").read_text())
OF_A_CLUSTER = {"--create-namespace", "--wait", "--install", "--reuse-values"}


def commands(paper):
    """The commands for a shell that a paper shows, each on one line."""
    text = re.sub(r"\\\n\s*", "", paper.read_text())
    return [line.strip() for line in re.findall(r"^    (.+)$", text, re.MULTILINE)]


def helm_commands():
    """Every install and upgrade of the chart that is shown."""
    for paper in PAPERS:
        for line in commands(paper):
            for one in line.split(" && "):
                if re.match(r"helm (install|upgrade) ", one):
                    yield pytest.param(one, id=f"{paper.name}: {one[:60]}")


@pytest.mark.parametrize("command", list(helm_commands()))
def test_every_install_and_upgrade_that_is_shown_renders(helm, tmp_path, command):
    (tmp_path / "your-values.yaml").write_text("simulator: {enabled: true}")
    verb, *words = shlex.split(command.partition(" #")[0].replace("…", "sim-given"))[1:]
    assert verb in {"install", "upgrade"}
    assert "deploy/helm/antre" in words
    kept = [str(tmp_path / word) if word == "your-values.yaml" else word for word in words]
    kept = [word for word in kept if word not in OF_A_CLUSTER | {"deploy/helm/antre"}]
    before = ["--set", "simulator.enabled=true"] if "--reuse-values" in words else []
    assert helm("template", "--kube-version", "1.34.0", *before, *kept)


def test_there_are_such_commands():
    assert len(list(helm_commands())) >= 6


def test_the_readmes_cluster_is_a_living_system(rendered):
    """Its commands are those of the first test; what they bring is looked at here, and by `helm test` in a cluster."""
    told = commands(ROOT / "README.md")
    assert "make images ARGS=--load" in told
    assert "helm test antre -n antre" in told
    objects = rendered("everything")
    assert {("Deployment", "antre-simulator"), ("Pod", "antre-test")} <= objects.keys()


def test_what_kubectl_is_asked_for_is_there(rendered):
    objects = {f"{kind.lower()}/{name}" for set_ in ("defaults", "everything") for kind, name in rendered(set_)}
    text = "\n".join(line for paper in PAPERS for line in commands(paper))
    named = set(re.findall(r"\b(?:deployment|service|statefulset)/antre-[a-z-]+", text))
    assert named
    assert named <= objects


@pytest.mark.parametrize("paper", PAPERS, ids=lambda paper: paper.name)
def test_every_value_that_is_named_is_one_of_the_charts(paper):
    tops = "|".join(sorted(name for name in VALUES if name != "policy"))
    for path in re.findall(rf"`((?:{tops})(?:\.\w+)+)(?:=[^`]*)?`", paper.read_text()):
        assert exists(path), path


def exists(path):
    found = VALUES
    for word in path.split("."):
        if not isinstance(found, dict) or word not in found:
            return False
        found = found[word]
    return True


def test_the_values_of_the_production_checklist_render(helm):
    text = (ROOT / "docs/operations/production.md").read_text()
    lines = re.findall(r"^      (\w+: \{.*\})", text, re.MULTILINE)
    values = {name: value for line in lines for name, value in yaml.safe_load(line).items()}
    assert values.keys() == {"postgresql", "externalPostgresql", "redis", "externalRedis"}
    told = helm("template", "antre", "--kube-version", "1.34.0", values={**values, "qiscus": {"existingSecret": "x"}})
    assert "kind: StatefulSet" not in told


def test_the_adapters_rule_makes_the_metric_that_the_autoscaler_asks_for_of_one_that_gateways_have(rendered):
    text = (ROOT / "docs/operations/production.md").read_text()
    (block,) = re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)
    (rule,) = yaml.safe_load(block)["rules"]["custom"]
    counter = rule["seriesQuery"].partition("{")[0]
    assert re.match(rule["name"]["matches"], counter)
    assert f"| `{counter}` | counter |" in (ROOT / "docs/operations/monitoring.md").read_text()
    metrics = rendered("everything")["HorizontalPodAutoscaler", "antre-webhook-gateway"]["spec"]["metrics"]
    assert rule["name"]["as"] in [one["pods"]["metric"]["name"] for one in metrics if one["type"] == "Pods"]
    assert rule["resources"]["overrides"] == {"namespace": {"resource": "namespace"}, "pod": {"resource": "pod"}}


def test_every_link_to_a_file_leads_somewhere():
    for paper in PAPERS:
        for link in re.findall(r"\]\((?!https?:)([^)#]+)", paper.read_text()):
            assert (paper.parent / link).exists(), f"{paper.name}: {link}"
