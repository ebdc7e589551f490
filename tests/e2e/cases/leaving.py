"""What is left when it goes, and that it can come back to it."""

from e2e.catalogue import case
from e2e.cluster import wait_until
from e2e.stage import Stage, Wrong

KEPT = {"persistentvolumeclaims", "secrets"}
"""The volumes, and the generated passwords that open them: said by `helm uninstall` and docs/operations."""
KINDS = (
    "pods,services,deployments,statefulsets,jobs,configmaps,secrets,persistentvolumeclaims,serviceaccounts,roles,"
    "rolebindings,networkpolicies,poddisruptionbudgets,horizontalpodautoscalers,ingresses"
)


@case("uninstall leaves what it says, and an install after it goes on from there")
def uninstalled(stage: Stage) -> None:
    release = stage.installed()
    epoch = release.epoch()
    release.uninstall()
    wait_until("the pods are gone", lambda: not stage.cluster.objects("pods", release.namespace), within_s=60)
    left = _left(stage)
    if unsaid := left.keys() - KEPT:
        raise Wrong(f"left and not said: { {kind: left[kind] for kind in unsaid} }")
    stage.remark(f"left: {', '.join(f'{len(names)} {kind}' for kind, names in left.items()) or 'nothing'}")
    with stage.load(stage.installed()):
        pass
    if release.epoch() <= epoch:
        raise Wrong("the database was begun anew")


def _left(stage: Stage) -> dict[str, list[str]]:
    """What is of the release, by its kind; what every namespace has by itself is not counted."""
    release = stage.main
    told = stage.cluster.kubectl(
        "get", KINDS, "-n", release.namespace, "-l", f"app.kubernetes.io/instance={release.name}", "-o", "name"
    )
    found: dict[str, list[str]] = {}
    for line in told.split():
        kind, _, name = line.partition("/")
        found.setdefault(f"{kind.split('.')[0]}s", []).append(name)
    return found
