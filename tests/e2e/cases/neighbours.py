"""Beside the main release: a second one, a living system without credentials, and the same by kustomize."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx

from e2e import judge
from e2e.catalogue import case
from e2e.cluster import wait_until
from e2e.release import ROOT, TOKEN, Release
from e2e.stage import Stage, Wrong

SHOWN = 30
OVERLAY_TOKEN = "for-development-only"


@case("two releases in one cluster, each with its own customers")
def two_releases(stage: Stage) -> None:
    first = stage.installed()
    second = stage.release("second", "antre-e2e-two", "sim-two")
    with _installed(stage, second), stage.load(second):
        stage.judge(first).traffic(8)
        stage.judge(first).must_serve(20, within_s=30)
        stage.judge(second).must_serve(20, within_s=30)
        stage.judge(first).must_come_to_rest(60)


@case("without credentials, with the simulator: a living system")
def living_system(stage: Stage) -> None:
    """What a newcomer installs to look at. Its simulator is its own, so its own record is asked."""
    release = stage.release("living", "antre-e2e-living", "sim-demo")
    stage.cluster.namespace(release.namespace)
    release.helm("install", {"image": {"tag": stage.tag}, "simulator": {"enabled": True}})
    try:
        served = wait_until(
            "thirty customers served", lambda: _verdict(stage, release)["assigned"] >= SHOWN, 90, poll_s=2
        )
        stage.measured(f"{SHOWN} customers served after", served)
        verdict = _verdict(stage, release)
        if any(verdict[word] for word in judge.MUST_BE_ZERO):
            raise Wrong(f"its own simulator says {verdict}")
    finally:
        stage.cluster.delete_namespaces(release.namespace, wait=False)


@case("the same by kustomize: kubectl apply -k, no Helm")
def kustomized(stage: Stage) -> None:
    """An overlay on top of overlays/dev says where it goes, with which images, and who the platform is:
    the judge, so the overlay's own simulator is sent home.
    """
    release = stage.release("antre", "antre-e2e-kustomize", "sim-kustomize")
    stage.cluster.namespace(release.namespace)
    overlay = ROOT / ".data" / "e2e" / "overlay"
    overlay.mkdir(parents=True, exist_ok=True)
    (overlay / "kustomization.yaml").write_text(json.dumps(_overlay(stage, release)))
    try:
        stage.cluster.kubectl("apply", "-k", str(overlay))
        for part in ("webhook-gateway", "allocator"):
            name = f"deployment/{release.full_name}-{part}"
            stage.cluster.kubectl("rollout", "status", name, "-n", release.namespace, "--timeout=180s")
        stage.judge(release).send_to(release.gateway_url, OVERLAY_TOKEN)
        with stage.load(release) as platform:
            platform.must_serve(20, within_s=30)
    finally:
        stage.cluster.delete_namespaces(release.namespace, wait=False)


def _overlay(stage: Stage, release: Release) -> dict[str, Any]:
    env = [{"name": "QISCUS_BASE_URL", "value": judge.URL}]
    spec = {"template": {"spec": {"containers": [{"name": "allocator", "env": env}]}}}
    allocator = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "antre-allocator"}, "spec": spec}
    port = {"protocol": "TCP", "port": judge.PORT}
    to_the_judge = [{"op": "add", "path": "/spec/egress/-", "value": {"ports": [port]}}]
    credentials = [f"app-id={release.app}", f"secret-key={judge.APPS[release.app]}"]
    images = ("webhook-gateway", "allocator", "qiscus-simulator")
    return {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "namespace": release.namespace,
        "resources": ["../../../deploy/kustomize/overlays/dev"],
        "replicas": [{"name": "antre-simulator", "count": 0}],
        "images": [{"name": f"antre/{image}", "newTag": stage.tag} for image in images],
        "secretGenerator": [{"name": "antre-qiscus", "behavior": "merge", "literals": credentials}],
        "patches": [
            {"patch": json.dumps(allocator)},
            {"target": {"kind": "NetworkPolicy", "name": "antre-allocator"}, "patch": json.dumps(to_the_judge)},
        ],
    }


@contextmanager
def _installed(stage: Stage, release: Release) -> Iterator[None]:
    stage.cluster.namespace(release.namespace)
    release.install()
    stage.judge(release).send_to(release.gateway_url, TOKEN)
    try:
        yield
    finally:
        stage.cluster.delete_namespaces(release.namespace, wait=False)


def _verdict(stage: Stage, release: Release) -> dict[str, Any]:
    """What the release's own simulator says."""
    place = f"api/v1/namespaces/{release.namespace}/services/{release.full_name}-simulator:8090/proxy"
    return dict(httpx.get(f"{stage.door}/{place}/simulator/verdict", trust_env=False).raise_for_status().json())
