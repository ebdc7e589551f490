"""The templates of the chart over a matrix of values, without a cluster."""

import re
import subprocess
import sys

import pytest
import yaml
from deploy.conftest import CHART, CREDENTIALS, EXTERNAL, MATRIX, ROOT, containers, pods

from allocator.settings import DatabaseSettings, OperatorSettings, Settings
from chassis.settings import specs
from webhook_gateway.settings import Settings as GatewaySettings

OURS = {
    "webhook-gateway": GatewaySettings,
    "allocator": Settings,
    "operator": OperatorSettings,
    "migrate": DatabaseSettings,
}


@pytest.fixture(params=MATRIX)
def objects(request, rendered):
    return rendered(request.param)


@pytest.mark.parametrize("name", MATRIX)
def test_helm_lint_has_nothing_to_say(helm, name):
    assert "0 chart(s) failed" in helm("lint", "--strict", values=MATRIX[name])


def test_every_pod_fits_pod_security_restricted(objects):
    for name, spec in pods(objects):
        of_pod = spec["securityContext"]
        assert of_pod["runAsNonRoot"], name
        assert of_pod["seccompProfile"] == {"type": "RuntimeDefault"}
        for container in containers(spec):
            context = container["securityContext"]
            assert context["allowPrivilegeEscalation"] is False
            assert context["readOnlyRootFilesystem"] is True
            assert context["capabilities"] == {"drop": ["ALL"]}


def test_no_pod_but_the_operators_gets_a_token_and_every_container_a_limit(objects):
    for name, spec in pods(objects):
        assert spec["automountServiceAccountToken"] is (name == "antre-operator"), name
        for container in containers(spec):
            resources = container["resources"]
            assert {"cpu", "memory"} <= set(resources["requests"]), name
            assert "memory" in resources["limits"]


def test_everything_that_runs_on_is_probed_in_three_ways(objects):
    for (kind, name), one in objects.items():
        if kind in {"Deployment", "StatefulSet"}:
            (container,) = one["spec"]["template"]["spec"]["containers"]
            assert {"startupProbe", "livenessProbe", "readinessProbe"} <= set(container), name


def test_no_image_is_latest(objects):
    for _, spec in pods(objects):
        for container in containers(spec):
            assert re.fullmatch(r"[\w./-]+:[\w.-]+", container["image"])
            assert not container["image"].endswith(":latest")


def test_selectors_are_met_by_their_pods(objects):
    for (kind, name), one in objects.items():
        if kind in {"Deployment", "StatefulSet"}:
            labels = one["spec"]["template"]["metadata"]["labels"]
            assert one["spec"]["selector"]["matchLabels"].items() <= labels.items(), name


def test_a_disruption_budget_never_blocks_a_drain(objects):
    replicas = {name: one["spec"].get("replicas", 2) for (kind, name), one in objects.items() if kind == "Deployment"}
    for (kind, name), one in objects.items():
        if kind == "PodDisruptionBudget":
            assert one["spec"]["maxUnavailable"] >= 1
            assert replicas[name] > 1


def test_a_gateway_has_time_to_leave(objects):
    spec = objects["Deployment", "antre-webhook-gateway"]["spec"]["template"]["spec"]
    pause = spec["containers"][0]["lifecycle"]["preStop"]["sleep"]["seconds"]
    assert spec["terminationGracePeriodSeconds"] >= pause + 15


def test_every_variable_that_is_set_is_one_that_the_code_knows(objects):
    for _, spec in pods(objects):
        for container in containers(spec):
            if settings := OURS.get(container["name"]):
                known = {spec.variable for _, spec in specs(settings)}
                secret = {f"{spec.variable}_FILE" for _, spec in specs(settings) if spec.secret}
                assert {entry["name"] for entry in container["env"]} <= known | secret, container["name"]


def test_secrets_are_in_secrets_and_nowhere_else(rendered):
    text = yaml.safe_dump([one for (kind, _), one in rendered("defaults").items() if kind != "Secret"])
    assert CREDENTIALS["qiscus"]["secretKey"] not in text
    for (kind, _), one in rendered("defaults").items():
        if kind == "Secret":
            assert all(str(value) not in text for key, value in one["stringData"].items() if key != "app-id")


def test_with_secrets_and_stores_of_their_own_nothing_secret_is_made(rendered):
    kinds = {kind for kind, _ in rendered("production")}
    assert not kinds & {"Secret", "StatefulSet"}
    assert "Job" in kinds


def test_the_operator_may_do_what_it_needs_and_nothing_else(rendered):
    rules = rendered("defaults")["Role", "antre-operator"]["rules"]
    may = {(resource, verb) for rule in rules for resource in rule["resources"] for verb in rule["verbs"]}
    assert may == {
        *(("allocationpolicies", verb) for verb in ("get", "list", "watch")),
        ("allocationpolicies/status", "patch"),
        ("events", "create"),
    }


def test_a_policy_comes_by_one_door_only(rendered):
    by_object, by_file = rendered("defaults"), rendered("policy file")
    assert ("CustomResourceDefinition", "allocationpolicies.antre.dev") in by_object
    assert ("ConfigMap", "antre-policy") not in by_object
    assert ("Deployment", "antre-operator") not in by_file
    assert ("ConfigMap", "antre-policy") in by_file
    assert ("CustomResourceDefinition", "allocationpolicies.antre.dev") not in by_file


def test_another_password_replaces_redis_which_reads_it_when_it_starts(helm):
    def checksum(**redis):
        told = helm("template", "antre", "--kube-version", "1.34.0", values={**CREDENTIALS, "redis": redis})
        (one,) = [
            one
            for one in yaml.safe_load_all(told)
            if one and one["metadata"]["name"].endswith("-redis") and one["kind"] == "StatefulSet"
        ]
        return one["spec"]["template"]["metadata"]["annotations"]["checksum/settings"]

    assert len({checksum(password="one"), checksum(password="two"), checksum(maxmemory="99mb")}) == 3


def test_the_definition_outlives_the_release(rendered):
    about = rendered("defaults")["CustomResourceDefinition", "allocationpolicies.antre.dev"]["metadata"]
    assert about["annotations"] == {"helm.sh/resource-policy": "keep"}


def test_only_the_two_webhooks_are_reached_from_outside(rendered):
    objects = rendered("everything")
    ingress = objects["Ingress", "antre-webhook-gateway"]["spec"]["rules"][0]["http"]["paths"]
    route = objects["HTTPRoute", "antre-webhook-gateway"]["spec"]["rules"][0]["matches"]
    wanted = ["/allocate-agent/webhook", "/mark-as-solved/webhook"]
    assert [one["path"] for one in ingress] == wanted
    assert [one["path"]["value"] for one in route] == wanted


def test_every_part_is_denied_what_its_policy_does_not_say(objects):
    parts = {name.removeprefix("antre-") for (kind, name) in objects if kind in {"Deployment", "StatefulSet"}}
    policies = {name.removeprefix("antre-"): one for (kind, name), one in objects.items() if kind == "NetworkPolicy"}
    assert parts <= policies.keys()
    assert all(set(policies[part]["spec"]["policyTypes"]) == {"Ingress", "Egress"} for part in parts)


def test_monitors_come_where_their_kinds_are_and_annotations_elsewhere(rendered):
    with_kinds = rendered("defaults", "--api-versions", "monitoring.coreos.com/v1")
    assert ("PodMonitor", "antre-allocator") in with_kinds
    without = rendered("defaults")
    assert ("PodMonitor", "antre-allocator") not in without
    about = without["Deployment", "antre-allocator"]["spec"]["template"]["metadata"]["annotations"]
    assert about["prometheus.io/scrape"] == "true"


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({}, "there are no credentials: set qiscus.appId and qiscus.secretKey"),
        ({**CREDENTIALS, "externalRedis": {"existingSecret": "x"}}, "choose the built-in Redis or yours"),
        ({**CREDENTIALS, "externalPostgresql": {"existingSecret": "x"}}, "choose the built-in Postgres or yours"),
        ({**CREDENTIALS, "redis": {"enabled": False}}, "there is no Redis"),
        ({**CREDENTIALS, "postgresql": {"enabled": False}}, "there is no Postgres"),
        ({**CREDENTIALS, "redis": {"password": "a b@c"}}, "redis.password may hold letters, digits"),
        ({**CREDENTIALS, "policy": {"paused": True}}, "operator.enabled and policy are both set"),
        ({**CREDENTIALS, "migrations": {"mode": "job"}}, "before the built-in Postgres is there"),
        ({**CREDENTIALS, "simulator": {"enabled": True}}, "leave qiscus.appId empty"),
    ],
)
def test_values_that_contradict_each_other_are_refused_with_a_sentence(helm, values, sentence):
    with pytest.raises(subprocess.CalledProcessError) as refused:
        helm("template", "antre", "--kube-version", "1.34.0", values=values)
    assert sentence in refused.value.stderr


@pytest.mark.parametrize(
    ("values", "what"),
    [
        ({"qiscus": {"appid": "x"}}, "appid"),
        ({"replicas": 3}, "replicas"),
        ({"allocator": {"replicaCount": "two"}}, "replicaCount"),
        ({**EXTERNAL, "migrations": {"mode": "hook"}}, "mode"),
    ],
)
def test_typing_errors_are_refused_by_name(helm, values, what):
    with pytest.raises(subprocess.CalledProcessError) as refused:
        helm("template", "antre", "--kube-version", "1.34.0", values=values)
    assert what in refused.value.stderr


def test_what_describes_the_values_is_what_values_yaml_says():
    command = [sys.executable, "deploy/helm/describe.py", "--check"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_every_value_is_explained_or_plain_from_its_name():
    schema = yaml.safe_load((CHART / "values.schema.json").read_text())
    assert schema["additionalProperties"] is False
    assert schema["properties"]["migrations"]["properties"]["mode"]["enum"] == ["initContainer", "job"]
