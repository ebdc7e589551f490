"""One installation of Antre in the cluster: how it is put there, who leads, what its database and its logs hold."""

import json
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from e2e import judge
from e2e.cluster import Cluster, CommandError, wait_until
from support.ledger import READ, Ledger

ROOT = Path(__file__).parents[2]
CHART = ROOT / "deploy" / "helm" / "antre"
GATEWAY, ALLOCATOR, OPERATOR = "webhook-gateway", "allocator", "operator"
POSTGRES, REDIS = "postgresql", "redis"
TOKEN = "e2e-webhook-token-1234567890abcdef"
INSTALL_TIMEOUT = "180s"
PSQL = 'psql -X -U "$POSTGRES_USER" -d "$POSTGRES_DB" -At -v ON_ERROR_STOP=1'


class Release:
    """The Helm release ``name`` in a namespace of its own, serving one app of the judge's."""

    def __init__(self, cluster: Cluster, *, name: str, namespace: str, app: str, node: str, tag: str) -> None:
        self.cluster, self.name, self.namespace, self.app = cluster, name, namespace, app
        self.node, self.tag = node, tag

    @property
    def full_name(self) -> str:
        """How the names of its objects begin, as the chart has it."""
        return self.name if "antre" in self.name else f"{self.name}-antre"

    @property
    def gateway_url(self) -> str:
        """Where the judge sends its webhooks."""
        return f"http://{self.full_name}-{GATEWAY}.{self.namespace}.svc.cluster.local"

    def values(self) -> dict[str, Any]:
        """What makes the chart's defaults fit a test: our images, the judge as the platform, a sweep every 10 s.

        The stores stay on the judge's node, because their volumes are bound to a node in most small clusters: what a
        drained node does to them is the cluster's business, and what their death does is another case.
        """
        here = {"nodeSelector": {"kubernetes.io/hostname": self.node}}
        return {
            "image": {"tag": self.tag, "pullPolicy": "IfNotPresent"},
            "qiscus": {
                "appId": self.app,
                "secretKey": judge.APPS[self.app],
                "baseUrl": judge.URL,
                "webhookTokens": TOKEN,
            },
            "postgresql": here,
            "redis": here,
        }

    def install(self, **values: Any) -> str:
        """Install, wait until all is ready, and return what the notes say."""
        return self.helm("install", merged(self.values(), values))

    def upgrade(self, **values: Any) -> str:
        """Change to these values (and only these), wait, and return what the notes say."""
        return self.helm("upgrade", merged(self.values(), values))

    def roll_back(self) -> None:
        """To the revision before."""
        self.cluster.helm("rollback", self.name, "-n", self.namespace, "--wait", "--timeout", INSTALL_TIMEOUT)

    def test(self) -> str:
        """What `helm test` printed."""
        return self.cluster.helm("test", self.name, "-n", self.namespace, "--timeout", INSTALL_TIMEOUT)

    def uninstall(self) -> str:
        """What `helm uninstall` printed."""
        return self.cluster.helm("uninstall", self.name, "-n", self.namespace, "--wait", "--timeout", INSTALL_TIMEOUT)

    @property
    def is_installed(self) -> bool:
        """Whether helm knows it as deployed."""
        told = json.loads(self.cluster.helm("list", "-n", self.namespace, "-o", "json"))
        return any(one["name"] == self.name and one["status"] == "deployed" for one in told)

    def pods(self, component: str) -> list[dict[str, Any]]:
        """The pods of one part that are not on their way out."""
        selector = f"app.kubernetes.io/instance={self.name},app.kubernetes.io/component={component}"
        found = self.cluster.objects("pods", self.namespace, selector)
        return [pod for pod in found if "deletionTimestamp" not in pod["metadata"]]

    def ready(self, component: str) -> list[str]:
        """The names of a part's pods that are ready."""
        return [pod["metadata"]["name"] for pod in self.pods(component) if _is_ready(pod)]

    def restart(self, component: str) -> None:
        """Replace the pods of a part one by one, and wait until that is done."""
        name = f"deployment/{self.full_name}-{component}"
        self.cluster.kubectl("rollout", "restart", name, "-n", self.namespace)
        self.cluster.kubectl("rollout", "status", name, "-n", self.namespace, "--timeout=120s")

    def wait_until_old_pods_are_gone(self) -> None:
        """Pods that are told to go still answer those who are connected to them, with the settings they had."""

        def are_gone() -> bool:
            found = self.cluster.objects("pods", self.namespace, f"app.kubernetes.io/instance={self.name}")
            return not any("deletionTimestamp" in pod["metadata"] for pod in found)

        wait_until("pods of before are gone", are_gone, within_s=90)

    def delete_pod(self, pod: str) -> None:
        """Gone for the cluster at once; the kubelet still gives the process about two seconds after SIGTERM."""
        self.cluster.kubectl(
            "delete", "pod", pod, "-n", self.namespace, "--grace-period=0", "--force", "--wait=false", timeout_s=60
        )

    def node_of(self, pod: str) -> str:
        """The node a pod runs on."""
        return self.cluster.kubectl("get", "pod", pod, "-n", self.namespace, "-o", "jsonpath={.spec.nodeName}")

    def sql(self, statement: str) -> str:
        """What a statement returns, asked in the database's own pod."""
        (pod,) = self.ready(POSTGRES)
        return self.cluster.execute(self.namespace, pod, "sh", "-c", PSQL, given=statement).strip()

    def ledger(self) -> Ledger:
        """What Postgres holds, all of one moment."""
        return Ledger(**json.loads(self.sql(READ)))

    def leader(self) -> str:
        """The pod whose term is the newest: its name begins the leader's."""
        leader = self.sql("SELECT leader FROM term")
        names = [pod["metadata"]["name"] for pod in self.pods(ALLOCATOR)]
        return next((name for name in names if leader.startswith(f"{name}-")), leader)

    def epoch(self) -> int:
        """The number of the newest term."""
        return int(self.sql("SELECT epoch FROM term"))

    def must_be_led_later_than(self, epoch: int, within_s: float) -> float:
        """Wait for a newer term; returns the seconds that took."""
        return wait_until(f"a term after {epoch}", lambda: self._epoch_or(0) > epoch, within_s)

    def logs(self, component: str) -> dict[str, str]:
        """The logs of a part's pods, of the containers that run and of those before them."""
        return {pod["metadata"]["name"]: self._logs_of(pod["metadata"]["name"]) for pod in self.pods(component)}

    def _logs_of(self, pod: str) -> str:
        words = ("logs", "-n", self.namespace, pod, "--all-containers", "--tail=-1")
        found = ""
        for more in (("--previous",), ()):
            try:
                found += self.cluster.kubectl(*words, *more)
            except CommandError:  # there was none before, or it has not begun
                continue
        return found

    def _epoch_or(self, other: int) -> int:
        try:
            return self.epoch()
        except (CommandError, ValueError):
            return other

    def helm(self, verb: str, values: Mapping[str, Any]) -> str:
        """Install or upgrade with these values and no others."""
        with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
            json.dump(values, file)
            file.flush()
            return self.cluster.helm(
                verb,
                self.name,
                str(CHART),
                "-n",
                self.namespace,
                "-f",
                file.name,
                "--wait",
                "--timeout",
                INSTALL_TIMEOUT,
            )


def merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """The values of both; where both have one, that of ``over``."""
    both = dict(base)
    for name, value in over.items():
        mine = both.get(name)
        both[name] = merged(mine, value) if isinstance(mine, Mapping) and isinstance(value, Mapping) else value
    return both


def _is_ready(pod: Mapping[str, Any]) -> bool:
    conditions = pod["status"].get("conditions", [])
    return any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)
