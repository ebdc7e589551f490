"""The chart, rendered. Needs helm on PATH; where there is none (`make helm` makes one), these tests are skipped."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
CHART = ROOT / "deploy" / "helm" / "antre"
CREDENTIALS = {"qiscus": {"appId": "app-1", "secretKey": "s3cret-of-the-account"}}
EXTERNAL = {
    "postgresql": {"enabled": False},
    "externalPostgresql": {"existingSecret": "my-postgres"},
    "redis": {"enabled": False},
    "externalRedis": {"existingSecret": "my-redis"},
}
EVERYTHING = {
    "simulator": {"enabled": True},
    "webhookGateway": {
        "autoscaling": {"enabled": True, "requestsPerSecond": 2_000_000},
        "priorityClassName": "high",
        "nodeSelector": {"disk": "fast"},
    },
    "ingress": {"enabled": True, "host": "antre.example.com", "tls": [{"hosts": ["antre.example.com"]}]},
    "httpRoute": {"enabled": True, "parentRefs": [{"name": "gateway"}], "hostnames": ["antre.example.com"]},
    "networkPolicy": {"gatewayFrom": [{"namespaceSelector": {}}], "metricsFrom": [{"namespaceSelector": {}}]},
    "global": {"imageRegistry": "registry.example.com", "imagePullSecrets": ["pull"]},
    "commonLabels": {"team": "chat"},
    "operator": {"watchNamespace": "*"},
    "tracing": {"endpoint": "http://collector.observability:4318", "existingSecret": "of-the-collector"},
}
PLACED = {
    "nodeSelector": {"disk": "fast"},
    "tolerations": [{"key": "chat", "operator": "Exists"}],
    "affinity": {"podAntiAffinity": {}},
    "priorityClassName": "high",
}
PRODUCTION = {
    **EXTERNAL,
    "qiscus": {"existingSecret": "my-qiscus"},
    "migrations": {"mode": "job"},
    "allocator": {**PLACED, "extraEnv": [{"name": "ANTRE_LOG_LEVEL", "value": "debug"}]},
}
SEVERAL = {"qiscus": {"appsSecret": "my-accounts"}, "operator": {"enabled": False}}
MATRIX = {
    "defaults": CREDENTIALS,
    "everything": EVERYTHING,
    "external": {**CREDENTIALS, **EXTERNAL},
    "production": PRODUCTION,
    "policy file": {**CREDENTIALS, "operator": {"enabled": False}, "policy": {"capacity": {"default": 3}}},
    "several accounts": SEVERAL,
}


@pytest.fixture(scope="session")
def helm():
    """Run helm with values; a failure is a CalledProcessError with what it said."""
    if not shutil.which("helm"):
        pytest.skip("there is no helm on PATH: `make helm`")

    def run(*words, values=None):
        command = ["helm", *words, str(CHART), *(["-f", "-"] if values is not None else [])]
        given = None if values is None else json.dumps(values)
        return subprocess.run(command, input=given, capture_output=True, text=True, check=True).stdout

    return run


@pytest.fixture(scope="session")
def rendered(helm):
    """The objects that values make, by kind and name. Each set of values is rendered once."""
    made = {}

    def render(name, *words):
        if (name, words) not in made:
            told = helm("template", "antre", "-n", "antre", "--kube-version", "1.34.0", *words, values=MATRIX[name])
            found = [one for one in yaml.safe_load_all(told) if one]
            made[name, words] = {(one["kind"], one["metadata"]["name"]): one for one in found}
        return made[name, words]

    return render


def pods(objects):
    """The name and the pod's spec of everything that runs."""
    for (kind, name), one in objects.items():
        if kind == "Pod":
            yield name, one["spec"]
        elif kind in {"Deployment", "StatefulSet", "Job"}:
            yield name, one["spec"]["template"]["spec"]


def containers(spec):
    """All containers of a pod."""
    return [*spec.get("initContainers", []), *spec["containers"]]
