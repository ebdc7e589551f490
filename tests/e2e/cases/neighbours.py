"""Beside the main release: a second one, a living system without credentials, and the same by kustomize."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx

from e2e import judge
from e2e.catalogue import case
from e2e.cluster import wait_until
from e2e.release import TOKEN, Release
from e2e.stage import Stage, Wrong

SHOWN = 30


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
        stage.cluster.delete_namespaces(release.namespace)


@contextmanager
def _installed(stage: Stage, release: Release) -> Iterator[None]:
    stage.cluster.namespace(release.namespace)
    release.install()
    stage.judge(release).send_to(release.gateway_url, TOKEN)
    try:
        yield
    finally:
        stage.cluster.delete_namespaces(release.namespace)


def _verdict(stage: Stage, release: Release) -> dict[str, Any]:
    """What the release's own simulator says."""
    place = f"api/v1/namespaces/{release.namespace}/services/{release.full_name}-simulator:8090/proxy"
    return dict(httpx.get(f"{stage.door}/{place}/simulator/verdict", trust_env=False).raise_for_status().json())
