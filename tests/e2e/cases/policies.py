"""Policies as objects: live in seconds, refused with a sentence, and never in anybody's way."""

import json
import time
from collections.abc import Mapping, Sequence
from typing import Any

from e2e.catalogue import case
from e2e.cluster import CommandError, wait_until
from e2e.release import OPERATOR, Release
from e2e.stage import Stage, Wrong, pause

LIVE_WITHIN_S = 3.0
GONE_WITHIN_S = 20.0
MANY, MANY_WITHIN_S, GROWTH_MAX_MB = 500, 60.0, 40.0
POLICY, KIND = "AllocationPolicy", "allocationpolicies.antre.dev"
UNSEEN = {"hours": {"timezone": "Asia/Jakarrta"}}
"""A mistake that no schema can see."""
REFUSED: dict[str, Mapping[str, Any]] = {
    "an agent's id is named twice": {"capacity": {"agents": [{"id": 1, "max": 2}, {"id": 1, "max": 3}]}},
    "there is no such day": {"hours": {"timezone": "UTC", "closed": [{"date": "2027-02-29"}]}},
    "greater than or equal to 0": {"capacity": {"default": -1}},
    "unknown field": {"capcity": {"default": 1}},
}


@case("a policy is live in under 3 s, shown by who gets the next customer; edited; deleted")
def policy_decides(stage: Stage) -> None:
    release = stage.installed()
    with stage.load(release) as judge:
        (agent,) = release.sql("SELECT agent FROM agent ORDER BY busy_at DESC LIMIT 1").split()
        stage.measured("live after", _applied(release, "only", {"eligibility": [{"agents": [int(agent)]}]}))
        began = release.sql("SELECT now()")
        pause(4)
        taken = release.sql(f"SELECT DISTINCT agent FROM session WHERE reserved_at > '{began}'").split()
        if taken not in ([], [agent]):
            raise Wrong(f"agents {taken} were given customers where only {agent} may")
        stage.measured("edited, live after", _applied(release, "only", {"paused": True}))
        began = release.sql("SELECT now()")
        pause(3)
        if (found := int(release.sql(f"SELECT count(*) FROM session WHERE reserved_at > '{began}'"))) > 0:
            raise Wrong(f"{found} customers were given an agent while all was paused")
        _delete(release, "only")
        stage.measured("deleted, served again after", judge.must_serve(10, within_s=20))


@case(
    "a policy that is none is refused with a sentence; what no schema sees becomes a condition, and the old one stays"
)
def policy_broken(stage: Stage) -> None:
    release = stage.installed()
    for sentence, spec in REFUSED.items():
        try:
            _apply(release, ("broken", spec))
        except CommandError as error:
            if sentence not in str(error):
                raise Wrong(f"not a word of '{sentence}' in: {error}") from None
        else:
            raise Wrong(f"taken, although {sentence}")
    _applied(release, "good", {"apps": [release.app], "capacity": {"default": 3}})
    version = _in_use(release)
    _apply(release, ("good", {"apps": [release.app], **UNSEEN}))
    _until(release, "good", "Accepted", "False")
    said = _conditions(release, "good")
    if "timezone" not in said["Accepted"]["message"] or said["Live"]["status"] != "True":
        raise Wrong(f"the conditions say {said}")
    if _in_use(release) != version:
        raise Wrong("the broken policy replaced the one that was live")
    stage.remark(said["Accepted"]["message"])
    _delete(release, "good")


@case("two policies that name one app: the older counts, and both say so")
def policies_conflict(stage: Stage) -> None:
    release = stage.installed()
    _applied(release, "older", {"apps": [release.app], "capacity": {"default": 2}})
    pause(1.1)  # creation is told to whole seconds
    _apply(release, ("younger", {"apps": [release.app], "capacity": {"default": 4}}))
    for name in ("older", "younger"):
        _until(release, name, "Conflict", "True")
    if _conditions(release, "younger")["Live"]["status"] != "False":
        raise Wrong("the younger one says that it is live")
    _delete(release, "older")
    stage.measured("the older deleted, the younger live after", _until(release, "younger", "Live", "True"))
    _delete(release, "younger")


@case("policies and their namespaces are deleted with the operator down: nothing hangs; up again it withdraws them")
def policy_deleted_alone(stage: Stage) -> None:
    release = stage.installed()
    _applied(release, "gone", {"apps": [release.app], "capacity": {"default": 3}})
    beside = f"{release.namespace}-beside"
    stage.cluster.namespace(beside)
    stage.cluster.apply(_object("gone", beside, {"paused": True}))
    _scale(release, 0)
    began = time.monotonic()
    _delete(release, "gone")
    stage.cluster.delete_namespaces(beside)
    stage.measured("both gone after", took := time.monotonic() - began)
    if took > GONE_WITHIN_S:
        raise Wrong(f"deleting took {took:.0f} s with the operator down")
    version = _in_use(release)
    with stage.load(release):
        _scale(release, 1)
        wait_until("it is withdrawn", lambda: _in_use(release) != version, within_s=30)


@case("the operator is killed while policies change: all become what they say")
def operator_killed(stage: Stage) -> None:
    release = stage.installed()
    names = [f"app-{number}" for number in range(60)]
    _apply(release, *((name, {"apps": [name]}) for name in names))
    for pod in release.ready(OPERATOR):
        release.delete_pod(pod)
    _apply(release, *((name, {"apps": [name], "paused": True}) for name in names))
    wait_until("all are accepted as they are now", lambda: _accepted(release, names, generation=2), within_s=60)
    count = "SELECT count(*) FROM (SELECT DISTINCT ON (app) spec FROM policy WHERE source LIKE '%/app-%' ORDER BY app, "
    if (found := release.sql(count + "version DESC) AS newest WHERE (spec->>'paused')::boolean")) != str(len(names)):
        raise Wrong(f"of {len(names)} policies {found} are stored as they were edited")
    _delete(release, *names)


@case(f"{MANY} policies for {MANY} apps in under {MANY_WITHIN_S:.0f} s, in flat memory")
def policies_many(stage: Stage) -> None:
    release = stage.installed()
    names = [f"many-{number}" for number in range(MANY)]
    wait_until("the operator is there", lambda: len(release.ready(OPERATOR)) == 1, within_s=60)
    before = _resident_mb(release)
    began = time.monotonic()
    release.cluster.kubectl("create", "-f", "-", given=_list(release, [(name, {"apps": [name]}) for name in names]))
    stage.measured("created by kubectl in", time.monotonic() - began)
    wait_until("all are accepted", lambda: _accepted(release, names, generation=1), MANY_WITHIN_S)
    stage.measured("all accepted after", took := time.monotonic() - began)
    if took > MANY_WITHIN_S:
        raise Wrong(f"it took {took:.0f} s")
    grown = _resident_mb(release) - before
    path = f"/apis/antre.dev/v1alpha1/namespaces/{release.namespace}/allocationpolicies"
    release.cluster.kubectl("delete", "--raw", path)  # one by one it takes minutes
    stage.remark(f"operator's memory {before:.0f} MB, then {grown:+.0f} MB")
    if grown > GROWTH_MAX_MB:
        raise Wrong(f"its memory grew by {grown:.0f} MB")


def _object(name: str, namespace: str, spec: Mapping[str, Any]) -> dict[str, Any]:
    metadata = {"name": name, "namespace": namespace}
    return {"apiVersion": "antre.dev/v1alpha1", "kind": POLICY, "metadata": metadata, "spec": dict(spec)}


def _list(release: Release, policies: Sequence[tuple[str, Mapping[str, Any]]]) -> str:
    items = [_object(name, release.namespace, spec) for name, spec in policies]
    return json.dumps({"kind": "List", "apiVersion": "v1", "items": items})


def _apply(release: Release, *policies: tuple[str, Mapping[str, Any]]) -> None:
    release.cluster.kubectl("apply", "-f", "-", given=_list(release, policies))


def _applied(release: Release, name: str, spec: Mapping[str, Any]) -> float:
    """Apply, and wait until it is live as it is now; returns the seconds that took."""
    _apply(release, (name, spec))
    began, generation = time.monotonic(), _one(release, name)["metadata"]["generation"]

    def is_live() -> bool:
        status = _one(release, name).get("status", {})
        return status.get("observedGeneration") == generation and _is(status, "Live", "True")

    wait_until(f"policy {name} is live", is_live, within_s=20)
    if (took := time.monotonic() - began) > LIVE_WITHIN_S:
        raise Wrong(f"policy {name} was live after {took:.1f} s")
    return took


def _until(release: Release, name: str, condition: str, status: str) -> float:
    words = f"policy {name} says {condition}={status}"
    return wait_until(words, lambda: _is(_one(release, name).get("status", {}), condition, status), within_s=20)


def _one(release: Release, name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(
        release.cluster.kubectl("get", KIND, name, "-n", release.namespace, "-o", "json")
    )
    return found


def _is(status: Mapping[str, Any], condition: str, wanted: str) -> bool:
    return any(one["type"] == condition and one["status"] == wanted for one in status.get("conditions", []))


def _conditions(release: Release, name: str) -> dict[str, dict[str, str]]:
    return {one["type"]: one for one in _one(release, name)["status"]["conditions"]}


def _accepted(release: Release, names: Sequence[str], generation: int) -> bool:
    found = {one["metadata"]["name"]: one.get("status", {}) for one in release.cluster.objects(KIND, release.namespace)}
    return all(
        found[name].get("observedGeneration") == generation and _is(found[name], "Accepted", "True") for name in names
    )


def _in_use(release: Release) -> str:
    return release.sql(f"SELECT version FROM policy_in_use WHERE app = '{release.app}'")


def _delete(release: Release, *names: str) -> None:
    release.cluster.kubectl("delete", KIND, *names, "-n", release.namespace, "--timeout=60s")


def _scale(release: Release, replicas: int) -> None:
    name = f"deployment/{release.full_name}-{OPERATOR}"
    release.cluster.kubectl("scale", name, "-n", release.namespace, f"--replicas={replicas}")
    wait_until(f"{replicas} operators", lambda: len(release.pods(OPERATOR)) == replicas, within_s=60)


def _resident_mb(release: Release) -> float:
    (pod,) = release.ready(OPERATOR)
    path = f"/api/v1/namespaces/{release.namespace}/pods/{pod}:9090/proxy/metrics"
    told = release.cluster.kubectl("get", "--raw", path)
    (line,) = [line for line in told.splitlines() if line.startswith("process_resident_memory_bytes ")]
    return float(line.split()[1]) / 1e6
