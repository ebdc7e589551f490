"""The platform, played by the simulator in a namespace of its own, and its record: the judge of every case.

It is no part of any release, so that what happens to a release does not happen to the record. It stays on one node,
which no case takes away.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from e2e.cluster import Cluster, TookTooLong, wait_until
from support.platform import Entry, Simulator

NAMESPACE = "antre-e2e-judge"
NAME = "judge"
PORT = 8090
URL = f"http://{NAME}.{NAMESPACE}.svc.cluster.local:{PORT}"
APPS = {"sim-e2e": "e2e-secret", "sim-two": "two-secret", "sim-kustomize": "kustomize-secret"}
AGENTS, CAPACITY = 40, 2
OK, UNAVAILABLE, NO_ANSWER = 200, 503, 0
MUST_BE_ZERO = ("lost", "doubled", "over", "out_of_order")
LABELS = {"app.kubernetes.io/name": NAME}
RESTRICTED = {
    "allowPrivilegeEscalation": False,
    "readOnlyRootFilesystem": True,
    "capabilities": {"drop": ["ALL"]},
}
"""What a container needs under Pod Security `restricted`, besides what its pod needs."""
POD = {"runAsNonRoot": True, "runAsUser": 10001, "seccompProfile": {"type": "RuntimeDefault"}}


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What the record says of a stretch of time. ``wait_max_s``: the longest from a first 200 to an agent."""

    arrived: int
    assigned: int
    refused: int
    """Webhooks that were not answered 200: nothing was promised."""
    turned_away: int
    """Those of them that had another answer than 503: the sender or its address was taken for wrong."""
    wait_max_s: float
    verdict: Mapping[str, int]
    stories: list[dict[str, Any]]

    @property
    def wrong(self) -> list[str]:
        """The promises that were broken."""
        return [f"{number} {word}" for word, number in self.verdict.items() if number]


def begin(cluster: Cluster, image: str, node: str) -> None:
    """Start the simulator, and wait until it answers."""
    cluster.namespace(NAMESPACE)
    cluster.apply(*_manifests(image, node))
    cluster.kubectl("rollout", "status", "-n", NAMESPACE, f"deployment/{NAME}", "--timeout=120s")


class Judge:
    """One app of the simulator, through the API server's door."""

    def __init__(self, door: str, app: str) -> None:
        self.app, self.secret = app, APPS[app]
        url = f"{door}/api/v1/namespaces/{NAMESPACE}/services/{NAME}:{PORT}/proxy"
        self.platform = Simulator(url, [app])
        self._verdict: dict[str, int] = {}
        self._since = 0.0

    def send_to(self, gateway: str, token: str) -> None:
        """Let this app's webhooks go to a gateway."""
        self.platform.each(
            "webhooks",
            allocate_url=f"{gateway}/allocate-agent/webhook/{token}",
            resolve_url=f"{gateway}/mark-as-solved/webhook/{token}",
        )

    def traffic(self, customers_per_s: float) -> None:
        """Let customers come."""
        self.platform.each("traffic", customers_per_s=customers_per_s)

    def state(self) -> Mapping[str, Any]:
        """Its counts now."""
        return dict(self.platform.get("state", app_id=self.app))

    def record(self) -> list[Entry]:
        """This app's part of the record."""
        return [one for one in self.platform.record() if one["app"] == self.app]

    def must_serve(self, count: int, within_s: float) -> float:
        """Wait until so many customers who come from now on have an agent; returns the seconds that took.

        Raises TookTooLong, and says what the webhooks were answered meanwhile.
        """
        asked_at = self._now()

        def is_so() -> bool:
            return len(self._served_after(asked_at)) >= count

        try:
            return wait_until(f"{count} customers who came later have an agent", is_so, within_s)
        except TookTooLong as error:
            raise TookTooLong(f"{error}; {self.state()}; webhooks: {self._answers(asked_at)}") from None

    def must_come_to_rest(self, within_s: float) -> None:
        """Stop the traffic, and wait until everybody was served and is gone."""
        self.traffic(0)
        wait_until(f"nobody waits or is served any more, {self.state()}", self._is_at_rest, within_s)

    def begin_stretch(self) -> None:
        """From here on counts for the next figures."""
        self._since = self._now()

    def figures(self) -> Figures:
        """What is to be said of the stretch since it began. What was violated before is not told again; who is lost is
        lost now.
        """
        told = self.platform.get("verdict", app_id=self.app, grace_s=10, tolerance_s=1)
        new = {word: told[word] - self._verdict.get(word, 0) for word in MUST_BE_ZERO}
        self._verdict = {word: told[word] for word in MUST_BE_ZERO if word != "lost"}
        entries = [one for one in self.record() if one["at"] > self._since]
        answers = [one for one in entries if one["kind"] == "webhook_answered"]
        return Figures(
            arrived=sum(one["kind"] == "arrived" for one in entries),
            assigned=sum(one["kind"] == "assigned" for one in entries),
            refused=sum(one.get("status", 0) != OK for one in answers),
            turned_away=sum(one.get("status", 0) not in {OK, UNAVAILABLE, NO_ANSWER} for one in answers),
            wait_max_s=_longest_wait(entries),
            verdict=new,
            stories=list(told["stories"]) if any(new.values()) else [],
        )

    def close(self) -> None:
        """Close the connections."""
        self.platform.close()

    def _now(self) -> float:
        """The record's time: that of its newest entry, since clocks of two machines may differ."""
        entries = self.platform.record()
        return float(entries[-1]["at"]) if entries else 0.0

    def _served_after(self, at: float) -> list[Entry]:
        came = {one["session"] for one in self.record() if one["kind"] == "arrived" and one["at"] > at}
        return [one for one in self.platform.assigned(at) if one["session"] in came]

    def _answers(self, after: float) -> dict[object, int]:
        found: dict[object, int] = {}
        for one in self.platform.of_kind("webhook_answered", after):
            key = one.get("status") or one.get("note")
            found[key] = found.get(key, 0) + 1
        return found

    def _is_at_rest(self) -> bool:
        state = self.state()
        return not state["waiting"] and not state["served"]


def _longest_wait(entries: list[Entry]) -> float:
    accepted: dict[int, float] = {}
    longest = 0.0
    for one in entries:
        session = one.get("session", 0)
        if one["kind"] == "webhook_answered" and one["what"] == "allocate" and one.get("status") == OK:
            accepted.setdefault(session, one["at"])
        elif one["kind"] == "assigned" and session in accepted:
            longest = max(longest, one["at"] - accepted.pop(session))
    return longest


def _manifests(image: str, node: str) -> list[dict[str, Any]]:
    words = [f"--app={app}:{secret}" for app, secret in APPS.items()]
    container = {
        "name": NAME,
        "image": image,
        "args": ["--host=0.0.0.0", f"--agents={AGENTS}", f"--capacity={CAPACITY}", "--service-s=0.5:2", *words],
        "ports": [{"name": "http", "containerPort": PORT}],
        "readinessProbe": {"httpGet": {"path": "/simulator/state", "port": PORT}, "periodSeconds": 1},
        "resources": {"requests": {"cpu": "50m", "memory": "64Mi"}, "limits": {"memory": "1Gi"}},
        "securityContext": RESTRICTED,
    }
    pod = {
        "metadata": {"labels": LABELS},
        "spec": {
            "nodeSelector": {"kubernetes.io/hostname": node},
            "automountServiceAccountToken": False,
            "securityContext": POD,
            "containers": [container],
        },
    }
    about = {"name": NAME, "namespace": NAMESPACE, "labels": LABELS}
    return [
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": about,
            "spec": {"selector": {"matchLabels": LABELS}, "strategy": {"type": "Recreate"}, "template": pod},
        },
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": about,
            "spec": {"selector": LABELS, "ports": [{"name": "http", "port": PORT, "targetPort": PORT}]},
        },
    ]
