"""Values that contradict each other, or are misspelt, are refused before anything is installed, with a sentence."""

import subprocess

import pytest
from deploy.conftest import CREDENTIALS, EXTERNAL

GATEWAY, SIMULATED = "webhookGateway", {"simulator": {"enabled": True}}
SECRET = {"existingSecret": "x"}
AUTOSCALED = {"enabled": True}


def of_gateway(**values):
    return {**CREDENTIALS, GATEWAY: values}


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({}, "there are no credentials: set qiscus.appId and qiscus.secretKey"),
        ({"qiscus": {"appId": "app-1"}}, "there are no credentials"),
        ({"qiscus": {**CREDENTIALS["qiscus"], **SECRET}}, "they would count for nothing, so leave them empty"),
        ({"qiscus": {"appsSecret": "x", **SECRET}}, "qiscus.appsSecret names all accounts"),
        ({"qiscus": {"appsSecret": "x", "webhookTokens": "token-1234"}}, "qiscus.appsSecret names all accounts"),
        ({"qiscus": {**CREDENTIALS["qiscus"], "webhookTokens": "a,b,c"}}, "allowed are the new and the old one"),
        ({**SIMULATED, "qiscus": {"appsSecret": "x"}}, "simulator.enabled plays one app"),
        ({**CREDENTIALS, **SIMULATED}, "leave qiscus.appId empty"),
        ({**CREDENTIALS, "externalRedis": SECRET}, "choose the built-in Redis or yours"),
        ({**CREDENTIALS, "externalPostgresql": SECRET}, "choose the built-in Postgres or yours"),
        ({**CREDENTIALS, "redis": {"enabled": False}}, "there is no Redis: set externalRedis.existingSecret"),
        ({**CREDENTIALS, "postgresql": {"enabled": False}}, "there is no Postgres: set externalPostgresql"),
        ({**CREDENTIALS, **EXTERNAL, "redis": {"enabled": False, **SECRET}}, "of the built-in Redis, which is off"),
        ({**CREDENTIALS, "postgresql": {"password": "a", **SECRET}}, "the password is in the Secret"),
        ({**CREDENTIALS, "redis": {"password": "a b@c"}}, "redis.password may hold letters, digits"),
        ({**CREDENTIALS, "postgresql": {"username": "a@b"}}, "postgresql.username may hold letters, digits"),
        ({**CREDENTIALS, "postgresql": {"database": ""}}, "postgresql.database may hold letters, digits"),
        ({**CREDENTIALS, "policy": {"paused": True}}, "operator.enabled and policy are both set"),
        ({**CREDENTIALS, "operator": {"enabled": False, "watchNamespace": "x"}}, "there is no operator"),
        ({**CREDENTIALS, "migrations": {"mode": "job"}}, "before the built-in Postgres is there"),
        (of_gateway(autoscaling=AUTOSCALED, replicaCount=3), "leave replicaCount empty"),
        (of_gateway(autoscaling=AUTOSCALED, replicaCount=0), "leave replicaCount empty"),
        (of_gateway(autoscaling={"requestsPerSecond": 100}), "counts for nothing without"),
        (of_gateway(autoscaling={**AUTOSCALED, "minReplicas": 11}), "minReplicas 11 is more than maxReplicas 10"),
        (of_gateway(preStopSeconds=30), "terminationGracePeriodSeconds 30 is over before"),
        (of_gateway(podDisruptionBudget={"maxUnavailable": 0}), "would let no node be drained"),
        ({**CREDENTIALS, "allocator": {"podDisruptionBudget": {"maxUnavailable": "0%"}}}, "allow at least 1"),
        ({**CREDENTIALS, "httpRoute": {"enabled": True}}, "httpRoute.enabled needs httpRoute.parentRefs"),
        ({**CREDENTIALS, "ingress": {"enabled": True}}, "ingress.enabled needs ingress.host"),
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
        ({"allocator": {"replicaCount": None, "replicas": 2}}, "replicas"),
        ({GATEWAY: {"replicaCount": "2"}}, "replicaCount"),
        ({**EXTERNAL, "migrations": {"mode": "hook"}}, "mode"),
    ],
)
def test_typing_errors_are_refused_by_name(helm, values, what):
    with pytest.raises(subprocess.CalledProcessError) as refused:
        helm("template", "antre", "--kube-version", "1.34.0", values=values)
    assert what in refused.value.stderr
