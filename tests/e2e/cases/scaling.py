"""The gateways become more under load, and fewer again."""

from pathlib import Path

from e2e import flood, judge
from e2e.catalogue import case
from e2e.cluster import wait_until
from e2e.release import GATEWAY, TOKEN, Release
from e2e.stage import NotHere, Stage

OUT_WITHIN_S, IN_WITHIN_S = 120.0, 240.0
FLOOD = "flood"


@case("the HPA scales the gateways out under load, and in again")
def scaled(stage: Stage) -> None:
    if not any(one["metadata"]["name"].endswith(".metrics.k8s.io") for one in stage.cluster.objects("apiservices")):
        raise NotHere("this cluster has no metrics-server")
    release = stage.installed()
    release.upgrade(**AUTOSCALED)
    try:
        with stage.load(release):
            _flood(stage, release)
            took_s = wait_until("more gateways", lambda: len(release.ready(GATEWAY)) > 2, OUT_WITHIN_S, poll_s=2)
            stage.measured(f"{len(release.ready(GATEWAY))} gateways after", took_s)
            _dry(stage)
            took_s = wait_until("two gateways again", lambda: len(release.pods(GATEWAY)) == 2, IN_WITHIN_S, poll_s=2)
            stage.measured("two again after", took_s)
    finally:
        _dry(stage)
        release.upgrade()


AUTOSCALED = {
    "webhookGateway": {
        "resources": {"requests": {"cpu": "100m"}},
        "autoscaling": {
            "enabled": True,
            "minReplicas": 2,
            "maxReplicas": 4,
            "targetCPUUtilizationPercentage": 60,
            "behavior": {"scaleDown": {"stabilizationWindowSeconds": 15}},
        },
    }
}
"""As the chart has it, with fewer gateways to watch and less patience before they become fewer."""


def _flood(stage: Stage, release: Release) -> None:
    source = Path(flood.__file__).read_text()
    container = {
        "name": FLOOD,
        "image": f"antre/qiscus-simulator:{release.tag}",
        "command": ["python", "-c", source, f"{release.gateway_url}/mark-as-solved/webhook/{TOKEN}", "16"],
        "securityContext": judge.RESTRICTED,
        "resources": {"limits": {"memory": "128Mi"}},
    }
    about = {"name": FLOOD, "namespace": judge.NAMESPACE}
    spec = {"containers": [container], "securityContext": judge.POD, "automountServiceAccountToken": False}
    stage.cluster.apply({"apiVersion": "v1", "kind": "Pod", "metadata": about, "spec": spec})


def _dry(stage: Stage) -> None:
    stage.cluster.kubectl("delete", "pod", FLOOD, "-n", judge.NAMESPACE, "--ignore-not-found", "--grace-period=1")
