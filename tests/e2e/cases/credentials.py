"""Credentials: changed while customers come, and wrong ones."""

from e2e.catalogue import case
from e2e.cluster import wait_until
from e2e.release import ALLOCATOR, TOKEN, Release
from e2e.stage import Stage, Wrong

NEW_TOKEN = "e2e-webhook-token-fedcba0987654321-new"
SAID_WITHIN_S = 60.0


@case("the webhook token is rotated: both, then the new one alone")
def credentials_rotated(stage: Stage) -> None:
    """In the order of docs/operations/credentials.md, there and back. Nobody's token may be taken for wrong."""
    release = stage.installed()
    with stage.load(release) as judge:
        for new, old in ((NEW_TOKEN, TOKEN), (TOKEN, NEW_TOKEN)):
            release.upgrade(qiscus={"webhookTokens": f"{new},{old}"})
            release.wait_until_old_pods_are_gone()
            judge.send_to(release.gateway_url, new)
            judge.must_serve(10, within_s=15)
            release.upgrade(qiscus={"webhookTokens": new})
    if stage.figures and stage.figures.turned_away:
        raise Wrong(f"{stage.figures.turned_away} webhooks were taken for a stranger's while tokens were rotated")


@case("wrong credentials: the log says so, nobody is lost, and all are served when they are right")
def wrong_credentials(stage: Stage) -> None:
    release = stage.installed()
    with stage.load(release, customers_per_s=2) as judge:
        try:
            release.upgrade(qiscus={"secretKey": "wrong-secret"})
            release.wait_until_old_pods_are_gone()
            wait_until("the log says why", lambda: _is_said(release), SAID_WITHIN_S)
            if len(release.ready(ALLOCATOR)) != 2:
                raise Wrong("allocators are not ready: a rollout would stand still over the platform's answer")
            waiting = judge.state()["waiting"]
            if not waiting:
                raise Wrong("nobody waits though the credentials are wrong")
        finally:
            release.upgrade()
        stage.measured(f"{waiting} waited; served after they were right again", judge.must_serve(5, within_s=60))


def _is_said(release: Release) -> bool:
    return any("credentials_refused" in log for log in release.logs(ALLOCATOR).values())
