"""The templates of the chart over a matrix of values, without a cluster."""

import json
import re
import shlex
import shutil
import subprocess
import sys

import pytest
import yaml
from deploy.conftest import CHART, CREDENTIALS, MATRIX, PLACED, ROOT, containers, pods

from support.programs import program
from webhook_gateway.server import FAREWELL_S, GRACE_S


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


def test_without_a_pause_there_is_none(helm):
    """Kubernetes before 1.34 refuses a pause of 0 s."""
    values = {**CREDENTIALS, "webhookGateway": {"preStopSeconds": 0}}
    assert "preStop" not in helm("template", "antre", "--kube-version", "1.30.0", values=values)


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


def test_pods_of_a_part_are_not_put_together_where_there_is_another_place(objects):
    for (kind, name), one in objects.items():
        if kind == "Deployment" and one["spec"].get("replicas", 2) > 1:
            spec, labels = one["spec"]["template"]["spec"], one["spec"]["selector"]["matchLabels"]
            (spread,) = spec["topologySpreadConstraints"]
            assert (spread["topologyKey"], spread["whenUnsatisfiable"]) == ("kubernetes.io/hostname", "ScheduleAnyway")
            assert spread["labelSelector"]["matchLabels"] == labels, name
            assert "podAntiAffinity" in spec["affinity"]


def test_a_gateway_has_time_to_leave(objects):
    spec = objects["Deployment", "antre-webhook-gateway"]["spec"]["template"]["spec"]
    pause = spec["containers"][0]["lifecycle"]["preStop"]["sleep"]["seconds"]
    assert spec["terminationGracePeriodSeconds"] >= pause + FAREWELL_S + GRACE_S


def test_secrets_are_in_secrets_and_nowhere_else(rendered):
    text = yaml.safe_dump([one for (kind, _), one in rendered("defaults").items() if kind != "Secret"])
    assert CREDENTIALS["qiscus"]["secretKey"] not in text
    for (kind, _), one in rendered("defaults").items():
        if kind == "Secret":
            assert all(str(value) not in text for key, value in one["stringData"].items() if key != "app-id")


def test_no_secret_is_in_an_environment(objects):
    for name, spec in pods(objects):
        for entry in (entry for container in containers(spec) for entry in container.get("env", [])):
            reference = entry.get("valueFrom", {}).get("secretKeyRef", {"key": "app-id"})
            assert reference["key"] == "app-id", f"{name} has {entry['name']}"


def test_several_accounts_come_from_a_secret_of_theirs_alone(rendered):
    objects = rendered("several accounts")
    assert ("Secret", "antre-qiscus") not in objects
    for name in ("antre-webhook-gateway", "antre-allocator"):
        spec = objects["Deployment", name]["spec"]["template"]["spec"]
        env = {entry["name"]: entry["value"] for entry in spec["containers"][0]["env"] if "value" in entry}
        assert env["ANTRE_APPS_FILE"] == "/run/secrets/antre/apps.toml"
        assert not {"QISCUS_APP_ID", "QISCUS_SECRET_KEY_FILE", "ANTRE_WEBHOOK_TOKENS_FILE"} & env.keys()
        sources = [one["secret"] for one in spec["volumes"][0]["projected"]["sources"]]
        assert {"name": "my-accounts", "items": [{"key": "apps.toml", "path": "apps.toml"}]} in sources


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


def test_every_pod_has_an_account_of_its_own_that_may_do_nothing(objects):
    accounts = {name for kind, name in objects if kind == "ServiceAccount"}
    for name, spec in pods(objects):
        if name != "antre-test":
            assert spec["serviceAccountName"] == name
            assert name in accounts
            assert objects["ServiceAccount", name]["automountServiceAccountToken"] is False


def test_what_helm_test_runs_takes_the_newest_token_of_the_account_or_of_the_first_of_several(tmp_path):
    account = program("deploy/helm/antre/files/test.py").account
    (tmp_path / "app-id").write_text("app-1\n")
    (tmp_path / "webhook-tokens").write_text("new-token,old-token\n")
    assert account(tmp_path) == ("app-1", "new-token")
    (tmp_path / "apps.toml").write_text('[[app]]\nid = "app-2"\nwebhook_tokens = ["newer-token", "old-token"]\n')
    assert account(tmp_path) == ("app-2", "newer-token")


def test_the_migration_runs_where_allocators_may_and_comes_after_what_it_needs(rendered):
    objects = rendered("production")
    spec = objects["Job", "antre-migrate"]["spec"]["template"]["spec"]
    beside = objects["Deployment", "antre-allocator"]["spec"]["template"]["spec"]
    assert {word: spec[word] for word in PLACED} == PLACED
    assert spec["dnsConfig"] == beside["dnsConfig"]
    assert {"name": "ANTRE_LOG_LEVEL", "value": "debug"} in spec["containers"][0]["env"]
    weights = {
        kind: int(objects[kind, "antre-migrate"]["metadata"]["annotations"]["helm.sh/hook-weight"])
        for kind in ("ServiceAccount", "NetworkPolicy", "Job")
    }
    assert weights["Job"] > max(weights["ServiceAccount"], weights["NetworkPolicy"])


def test_the_migration_reaches_its_database_and_name_servers_alone(rendered):
    policy = rendered("production")["NetworkPolicy", "antre-migrate"]["spec"]
    assert policy["ingress"] == []
    assert {entry["port"] for rule in policy["egress"] for entry in rule["ports"]} == {53, 5432}


def test_what_no_policy_names_is_denied(objects):
    policy = objects["NetworkPolicy", "antre-default-deny"]["spec"]
    assert set(policy["policyTypes"]) == {"Ingress", "Egress"}
    assert not policy.keys() & {"ingress", "egress"}
    for (kind, name), one in objects.items():
        if kind in {"Deployment", "StatefulSet", "Job"}:
            labels = one["spec"]["template"]["metadata"]["labels"]
            assert policy["podSelector"]["matchLabels"].items() <= labels.items(), name


def test_an_autoscaler_looks_at_the_cpu_and_at_webhooks_where_it_is_told_to(rendered, helm):
    (cpu, webhooks) = rendered("everything")["HorizontalPodAutoscaler", "antre-webhook-gateway"]["spec"]["metrics"]
    assert cpu["resource"]["target"]["averageUtilization"] == 70
    assert webhooks["pods"] == {
        "metric": {"name": "antre_webhooks_per_second"},
        "target": {"type": "AverageValue", "averageValue": "2000000"},
    }
    values = {**CREDENTIALS, "webhookGateway": {"autoscaling": {"enabled": True}}}
    assert "antre_webhooks_per_second" not in helm("template", "antre", "--kube-version", "1.34.0", values=values)


def test_an_autoscaler_goes_out_at_once_and_in_slowly(rendered):
    behavior = rendered("everything")["HorizontalPodAutoscaler", "antre-webhook-gateway"]["spec"]["behavior"]
    out, back = behavior["scaleUp"], behavior["scaleDown"]
    assert (out["stabilizationWindowSeconds"], out["selectPolicy"]) == (0, "Max")
    assert back["stabilizationWindowSeconds"] >= 300
    assert back["policies"] == [{"type": "Pods", "value": 1, "periodSeconds": 30}]


def test_an_autoscaled_gateway_has_no_number_of_its_own(rendered):
    assert "replicas" not in rendered("everything")["Deployment", "antre-webhook-gateway"]["spec"]
    assert rendered("defaults")["Deployment", "antre-webhook-gateway"]["spec"]["replicas"] == 2


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


def test_what_describes_the_values_is_what_values_yaml_says():
    command = [sys.executable, "deploy/helm/describe.py", "--check"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_every_value_is_explained_or_plain_from_its_name():
    schema = yaml.safe_load((CHART / "values.schema.json").read_text())
    assert schema["additionalProperties"] is False
    assert schema["properties"]["migrations"]["properties"]["mode"]["enum"] == ["initContainer", "job"]


NOTED = ("/allocate-agent/webhook/TOKEN", "/mark-as-solved/webhook/TOKEN", "get pods -l", "logs -l", "get secret")


@pytest.mark.parametrize("name", MATRIX)
def test_the_notes_end_with_both_addresses_and_three_commands(helm, tmp_path, name):
    """Helm shows notes only when it installs, so they are rendered as the content of an object."""
    chart = shutil.copytree(CHART, tmp_path / "antre")
    notes = (chart / "templates" / "NOTES.txt").read_text()
    about = (
        'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: notes}\ndata: {notes: {{ include "notes" . | toJson }}}\n'
    )
    (chart / "templates" / "notes.yaml").write_text(f'{{{{ define "notes" }}}}{notes}{{{{ end }}}}\n{about}')
    command = ["helm", "template", "antre", str(chart), "-n", "chat", "--kube-version", "1.34.0", "-f", "-"]
    command += ["--show-only", "templates/notes.yaml"]
    told = subprocess.run(command, input=json.dumps(MATRIX[name]), capture_output=True, text=True, check=True).stdout
    text = yaml.safe_load(told)["data"]["notes"]
    places = [text.index(words) for words in NOTED]
    assert places == sorted(places)
    for line in text.splitlines():
        if line.strip().startswith("kubectl"):
            assert "-n chat" in line
            shlex.split(line)
    assert "s3cret" not in text
