"""Nodes that go: drained, dead, cut off. The judge and the stores stay on a node that stays."""

from collections.abc import Iterator
from contextlib import contextmanager

from e2e.cases.pods import FOLLOWED_WITHIN_S, LEASE_S
from e2e.catalogue import case
from e2e.cluster import offered, run, wait_until
from e2e.release import ALLOCATOR, GATEWAY, Release
from e2e.stage import NotHere, Stage, Wrong

NODE_BACK_WITHIN_S = 120.0


@case("the node of the leader is drained")
def leaders_node_drained(stage: Stage) -> None:
    release = stage.installed()
    with _leader_elsewhere(stage, release) as node, stage.load(release) as judge:
        epoch = release.epoch()
        try:
            release.cluster.kubectl(
                "drain",
                node,
                "--ignore-daemonsets",
                "--delete-emptydir-data",
                "--timeout=120s",
                f"--pod-selector=app.kubernetes.io/instance={release.name}",
            )
            stage.measured("handed over after", release.must_be_led_later_than(epoch, within_s=LEASE_S))
            judge.must_serve(20, within_s=20)
        finally:
            release.cluster.kubectl("uncordon", node)


@case("a node dies with the leader on it")
def leaders_node_dies(stage: Stage) -> None:
    _without_a_node(stage, "E2E_KILL_NODE", "E2E_START_NODE")


@case("a node stands still with the leader on it, and goes on")
def leaders_node_frozen(stage: Stage) -> None:
    _without_a_node(stage, "E2E_FREEZE_NODE", "E2E_THAW_NODE")


@case("the leader's node is cut off from the network")
def leaders_node_cut_off(stage: Stage) -> None:
    _without_a_node(stage, "E2E_CUT_NODE", "E2E_HEAL_NODE")


def _without_a_node(stage: Stage, harm: str, repair: str) -> None:
    """The gateways there take no webhooks, and endpoints lead to them until the cluster knows (its name server there
    as well): what is refused is told again by the customers or found by the sweep. The other allocator follows when the
    lease is over, whatever the cluster knows; what the first had sent is in doubt, so order is told and not judged.
    """
    do, undo = offered(harm), offered(repair)
    if not do or not undo:
        raise NotHere(f"this cluster offers no {harm} and {repair}")
    release = stage.installed()
    with _leader_elsewhere(stage, release) as node, stage.load(release, in_order=False) as judge:
        epoch = release.epoch()
        run(do.format(node=node).split())
        try:
            stage.measured("followed after", release.must_be_led_later_than(epoch, FOLLOWED_WITHIN_S))
            stage.measured("served again after", judge.must_serve(20, within_s=60))
        finally:
            run(undo.format(node=node).split())
        _until_ready(release, node)


@contextmanager
def _leader_elsewhere(stage: Stage, release: Release) -> Iterator[str]:
    """The leader's node, which is not the judge's: a leader there is asked to hand over first."""
    if len(stage.cluster.nodes()) < 2:
        raise NotHere("this cluster has one node")
    _until_spread(release)
    leader = release.leader()
    if release.node_of(leader) == stage.node:
        epoch = release.epoch()
        release.cluster.kubectl("delete", "pod", leader, "-n", release.namespace)
        release.must_be_led_later_than(epoch, within_s=30)
        wait_until("the other allocator is ready as well", lambda: len(release.ready(ALLOCATOR)) > 1, within_s=60)
    node = release.node_of(release.leader())
    if node == stage.node:
        raise Wrong("both allocators run on one node")
    yield node


def _until_spread(release: Release) -> None:
    """Until an allocator is ready on each of two nodes. After a drain both are on one: then they are dealt anew."""

    def nodes() -> set[str]:
        return {release.node_of(pod) for pod in release.ready(ALLOCATOR)}

    if len(nodes()) < 2:
        release.restart(ALLOCATOR)
    wait_until("an allocator on each of two nodes", lambda: len(nodes()) > 1, within_s=60)


def _until_ready(release: Release, node: str) -> None:
    release.cluster.kubectl("wait", f"node/{node}", "--for=condition=Ready", f"--timeout={NODE_BACK_WITHIN_S:.0f}s")
    wait_until(
        "all pods are ready again", lambda: len(release.ready(ALLOCATOR)) > 1 and len(release.ready(GATEWAY)) > 1, 120
    )
