"""From nothing to customers served."""

import time
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from e2e.catalogue import case
from e2e.release import ALLOCATOR, GATEWAY, TOKEN
from e2e.stage import Stage, Wrong

ENDS_WITH = ("/allocate-agent/webhook/", "/mark-as-solved/webhook/", "kubectl")


@case("install from nothing")
def installed(stage: Stage) -> None:
    release = stage.main
    stage.cluster.namespace(release.namespace)
    began = time.monotonic()
    _install(stage)
    stage.measured("ready after", time.monotonic() - began)
    stage.judge(release).send_to(release.gateway_url, TOKEN)
    with stage.load(release) as judge:
        stage.measured("the first customers served after", judge.must_serve(5, within_s=30))
    if (len(release.ready(GATEWAY)), len(release.ready(ALLOCATOR))) != (2, 2):
        raise Wrong("not two gateways and two allocators")
    stage.remark(f"start to ready: {_start_to_ready(stage)}")


def _install(stage: Stage) -> None:
    notes = stage.main.install()
    if missing := [words for words in ENDS_WITH if words not in notes]:
        raise Wrong(f"the notes do not tell {', '.join(missing)}: {notes}")


def _start_to_ready(stage: Stage) -> str:
    """The longest of each part, as the cluster saw it, to whole seconds."""
    return ", ".join(
        f"{part} {max(map(_seconds_to_ready, stage.main.pods(part))):.0f} s" for part in (GATEWAY, ALLOCATOR)
    )


def _seconds_to_ready(pod: Mapping[str, Any]) -> float:
    (container,) = pod["status"]["containerStatuses"]
    began = datetime.fromisoformat(container["state"]["running"]["startedAt"])
    ready = next(one for one in pod["status"]["conditions"] if one["type"] == "Ready")
    return (datetime.fromisoformat(ready["lastTransitionTime"]) - began).total_seconds()


@case("helm test: a webhook through the Service, and the customer assigned")
def helm_test(stage: Stage) -> None:
    release = stage.installed()
    told = release.test()
    if "Phase:          Succeeded" not in told:
        raise Wrong(f"helm test says {told}")
    left = [pod for pod in stage.cluster.objects("pods", release.namespace) if "test" in pod["metadata"]["name"]]
    if left:
        raise Wrong(f"helm test left {[pod['metadata']['name'] for pod in left]}")
