"""Pods that are taken away."""

import random
import time

from e2e.catalogue import case
from e2e.release import ALLOCATOR, GATEWAY
from e2e.stage import Stage, Wrong

LEASE_S = 10.0
FOLLOWED_WITHIN_S = 2 * LEASE_S + 5.0
"""A challenger waits until it has seen the same lease unchanged for twice its length; then there is a term to begin."""
RANDOMLY_FOR_S = 60.0


@case("the leader's pod is deleted with no grace")
def leader_deleted(stage: Stage) -> None:
    release = stage.installed()
    with stage.load(release) as judge:
        leader, epoch = release.leader(), release.epoch()
        release.delete_pod(leader)
        stage.measured("followed after", release.must_be_led_later_than(epoch, FOLLOWED_WITHIN_S))
        judge.must_serve(10, within_s=15)
    if release.leader() == leader:
        raise Wrong(f"{leader} was deleted and leads")


@case("the leader's pod is deleted in the ordinary way: it hands over")
def leader_told_to_go(stage: Stage) -> None:
    release = stage.installed()
    with stage.load(release) as judge:
        leader, epoch = release.leader(), release.epoch()
        release.cluster.kubectl("delete", "pod", leader, "-n", release.namespace, "--wait=false")
        stage.measured("handed over after", release.must_be_led_later_than(epoch, within_s=LEASE_S))
        judge.must_serve(10, within_s=10)


@case("gateway pods are deleted at random for a minute")
def gateways_deleted(stage: Stage) -> None:
    release, chance, deleted = stage.installed(), random.Random(7), 0
    with stage.load(release) as judge:
        until = time.monotonic() + RANDOMLY_FOR_S
        while time.monotonic() < until:
            if len(ready := release.ready(GATEWAY)) > 1:
                release.delete_pod(chance.choice(ready))
                deleted += 1
            judge.must_serve(5, within_s=30)
    stage.remark(f"{deleted} deleted")


@case("all allocators are deleted at once")
def allocators_deleted(stage: Stage) -> None:
    release = stage.installed()
    with stage.load(release) as judge:
        for pod in release.pods(ALLOCATOR):
            release.delete_pod(pod["metadata"]["name"])
        stage.measured("served again after", judge.must_serve(1, within_s=60))
