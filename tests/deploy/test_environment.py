"""The environment of our processes: what the chart sets is what the code knows, and what the code knows can be set."""

import subprocess

import pytest
import yaml
from deploy.conftest import CREDENTIALS, MATRIX, containers, pods

from allocator.settings import DatabaseSettings, OperatorSettings, Settings
from chassis.settings import specs
from qiscus_simulator.options import OPTIONS, read_options
from webhook_gateway.settings import Settings as GatewaySettings

KNOWN = {
    "webhook-gateway": GatewaySettings,
    "allocator": Settings,
    "operator": OperatorSettings,
    "migrate": DatabaseSettings,
}
PART = {"webhook-gateway": "webhookGateway", "migrate": "allocator"}
"""Whose `extraEnv` a container has, where it is not that of its own name."""
FIXED = {
    "ANTRE_HTTP_PORT": "Service, probes and network policies name the port; webhookGateway.service.port is free",
    "ANTRE_METRICS_PORT": "probes, monitors and network policies name it, and no two containers share a pod",
}
BY_EXTRA_ENV = {
    "ANTRE_HTTP_HOST": "a pod listens to all it has; other than that only where the cluster speaks IPv6",
    "ANTRE_METRICS_HOST": "the same",
    "ANTRE_REDIS_PREFIX": "for several installations on one Redis; gateways and allocators must be given the same",
    "ANTRE_BATCH_MAX": "a bound that was measured and that few will ever touch",
    "ANTRE_PENDING_MAX": "the same",
    "ANTRE_PUBLISH_TIMEOUT_S": "the same",
    "ANTRE_BODY_TIMEOUT_S": "the same",
    "ANTRE_KEEP_ALIVE_S": "only where a proxy in front keeps idle connections for longer than a minute",
    "ANTRE_CALLS_MAX": "a bound that the platform may make necessary, never the cluster",
    "ANTRE_LOG_FORMAT": "json is what a cluster wants",
    "ANTRE_LOG_LEVEL": "for the hour in which one looks for something, for one process and not for all",
    "ANTRE_LEASE_TTL_S": "durations that are checked against one another at the start: to be changed together",
    "ANTRE_LEASE_RENEW_S": "the same",
    "ANTRE_PLATFORM_TIMEOUT_S": "the same",
    "ANTRE_PLATFORM_LAG_S": "the same",
    "ANTRE_QUARANTINE_S": "the same",
    "ANTRE_SWEEP_S": "the same",
    "ANTRE_DATABASE_TIMEOUT_S": "the same",
    "ANTRE_RETENTION_DAYS": "what a data protection officer decides, once",
}
"""Settings without a value of their own, and why."""


def known(container):
    """The variables of a process, and which of them are secret."""
    found = [spec for _, spec in specs(KNOWN[container])]
    return {spec.variable for spec in found}, {spec.variable for spec in found if spec.secret}


def environments(objects):
    """The variables that each of our containers gets."""
    for _, spec in pods(objects):
        for container in containers(spec):
            yield container["name"], [entry["name"] for entry in container.get("env", [])]


@pytest.mark.parametrize("name", MATRIX)
def test_every_variable_that_is_set_is_one_that_the_code_knows_and_is_set_once(rendered, name):
    for container, variables in environments(rendered(name)):
        assert len(set(variables)) == len(variables), container
        if container in KNOWN:
            names, secret = known(container)
            assert set(variables) <= names | {f"{one}_FILE" for one in secret}, container
        if container == "simulator":
            assert set(variables) <= {option.variable for option in OPTIONS}


@pytest.mark.parametrize("container", KNOWN)
def test_every_variable_that_the_code_knows_is_set_by_a_value_or_told_of_here(rendered, container):
    found = [env for name in MATRIX for part, env in environments(rendered(name)) if part == container]
    by_value = {variable.removesuffix("_FILE") for env in found for variable in env}
    names, _ = known(container)
    by_value = {variable for variable in names if variable.removesuffix("_FILE") in by_value} - BY_EXTRA_ENV.keys()
    assert names - by_value - FIXED.keys() - BY_EXTRA_ENV.keys() == set()


def test_the_simulator_makes_of_its_variables_and_its_secret_what_was_meant(rendered, tmp_path):
    for name, text in {"app-id": "sim-demo", "secret-key": "key", "webhook-tokens": "new-token,old-token"}.items():
        (tmp_path / name).write_text(text)
    objects = rendered("everything")
    (container,) = objects["Deployment", "antre-simulator"]["spec"]["template"]["spec"]["containers"]
    (mount,) = container["volumeMounts"]
    env = {entry["name"]: entry["value"] for entry in container["env"]}
    assert env["SIMULATOR_CREDENTIALS"] == mount["mountPath"]
    options = read_options([], {**env, "SIMULATOR_CREDENTIALS": str(tmp_path)})
    assert options.apps == {"sim-demo": "key"}
    port = objects["Service", "antre-webhook-gateway"]["spec"]["ports"][0]["port"]
    assert options.allocate_url == f"http://antre-webhook-gateway:{port}/allocate-agent/webhook/new-token"
    assert options.resolve_url == f"http://antre-webhook-gateway:{port}/mark-as-solved/webhook/new-token"


def test_nothing_is_told_of_here_that_the_code_does_not_know():
    assert FIXED.keys() | BY_EXTRA_ENV.keys() <= set().union(*(known(container)[0] for container in KNOWN))
    assert not FIXED.keys() & BY_EXTRA_ENV.keys()


def test_what_has_no_value_of_its_own_reaches_the_process_by_extra_env(helm):
    entries = [{"name": variable, "value": "1"} for variable in sorted(BY_EXTRA_ENV)]
    values = {**CREDENTIALS, **{part: {"extraEnv": entries} for part in ("webhookGateway", "allocator", "operator")}}
    told = helm("template", "antre", "-n", "antre", "--kube-version", "1.34.0", values=values)
    objects = {(one["kind"], one["metadata"]["name"]): one for one in yaml.safe_load_all(told) if one}
    for container, variables in environments(objects):
        if container in KNOWN:
            assert BY_EXTRA_ENV.keys() <= set(variables), container


def test_what_the_chart_sets_cannot_be_set_a_second_time(helm, rendered):
    """The latter of two would count, and a server-side apply refuses such a pod."""
    everything = {variable for container in KNOWN for variable in known(container)[0]}
    taken = everything - BY_EXTRA_ENV.keys()
    assert {"QISCUS_APP_ID", "REDIS_URL", "ANTRE_APPS_FILE", "ANTRE_METRICS_PORT"} <= taken
    for variable in sorted(taken | {"REDIS_URL_FILE", "ANTRE_WEBHOOK_TOKENS_FILE"}):
        values = {**CREDENTIALS, "allocator": {"extraEnv": [{"name": variable, "value": "x"}]}}
        with pytest.raises(subprocess.CalledProcessError) as refused:
            helm("template", "antre", "--kube-version", "1.34.0", values=values)
        assert f"allocator.extraEnv sets {variable}, which the chart sets itself" in refused.value.stderr
