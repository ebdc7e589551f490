"""Traces, as the chart turns them on."""

import pytest
import yaml
from deploy.conftest import CREDENTIALS

BOTH = ("webhook-gateway", "allocator")


@pytest.fixture
def traced(helm):
    """The objects of a release with these values of ``tracing``, by kind and name."""

    def render(**tracing):
        told = helm("template", "antre", "--kube-version", "1.34.0", values={**CREDENTIALS, "tracing": tracing})
        return {(one["kind"], one["metadata"]["name"]): one for one in yaml.safe_load_all(told) if one}

    return render


def env_of(objects, part):
    (container,) = objects["Deployment", f"antre-{part}"]["spec"]["template"]["spec"]["containers"]
    return {entry["name"]: entry.get("value") for entry in container["env"]}


def ports_of(objects, part):
    egress = objects["NetworkPolicy", f"antre-{part}"]["spec"]["egress"]
    return [rule["ports"] for rule in egress if "to" not in rule]


def test_as_delivered_there_are_none(traced):
    objects = traced()
    for part in BOTH:
        assert not [name for name in env_of(objects, part) if name.startswith("OTEL_")]


@pytest.mark.parametrize(
    ("endpoint", "port"),
    [
        ("http://collector.observability:4318", 4318),
        ("http://collector", 80),
        ("https://traces.example.com/otlp", 443),
    ],
)
def test_both_services_know_the_endpoint_and_may_reach_it(traced, endpoint, port):
    objects, without = traced(endpoint=endpoint), traced()
    for part in BOTH:
        assert env_of(objects, part)["OTEL_EXPORTER_OTLP_ENDPOINT"] == endpoint
        assert [{"protocol": "TCP", "port": port}] in ports_of(objects, part)
        assert len(ports_of(objects, part)) == len(ports_of(without, part)) + 1


def test_headers_come_from_a_secret_as_a_file(traced):
    objects = traced(endpoint="http://collector", existingSecret="of-the-collector")
    for part in BOTH:
        (file,) = [value for name, value in env_of(objects, part).items() if name == "OTEL_EXPORTER_OTLP_HEADERS_FILE"]
        (volume,) = [
            one
            for one in objects["Deployment", f"antre-{part}"]["spec"]["template"]["spec"]["volumes"]
            if one["name"] == "secrets"
        ]
        sources = {one["secret"]["name"]: one["secret"]["items"] for one in volume["projected"]["sources"]}
        assert sources["of-the-collector"] == [{"key": "otlp-headers", "path": file.rpartition("/")[2]}]
