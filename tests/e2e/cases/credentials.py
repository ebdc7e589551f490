"""Credentials: changed while customers come, and wrong ones."""

from e2e.catalogue import case
from e2e.cluster import TookTooLong, wait_until
from e2e.release import ALLOCATOR, TOKEN, Release
from e2e.stage import Stage, Wrong

NEW_TOKEN = "e2e-webhook-token-fedcba0987654321-new"
SEEN_WITHIN_S = 60.0


@case("the webhook token is rotated: both, then the new one alone")
def credentials_rotated(stage: Stage) -> None:
    release = stage.installed()
    with stage.load(release) as judge:
        release.upgrade(qiscus={"webhookTokens": f"{NEW_TOKEN},{TOKEN}"})
        judge.must_serve(5, within_s=15)
        judge.send_to(release.gateway_url, NEW_TOKEN)
        release.upgrade(qiscus={"webhookTokens": NEW_TOKEN})
        judge.must_serve(10, within_s=15)
        release.upgrade(qiscus={"webhookTokens": f"{TOKEN},{NEW_TOKEN}"})
        judge.send_to(release.gateway_url, TOKEN)
        release.upgrade()
    if stage.figures and stage.figures.refused:
        raise Wrong(f"{stage.figures.refused} webhooks were refused while tokens were rotated")


@case("wrong credentials: said where people look, nobody lost, and served when they are right")
def wrong_credentials(stage: Stage) -> None:
    release = stage.installed()
    with stage.load(release) as judge:
        release.upgrade(qiscus={"secretKey": "wrong-secret"})
        _must_be_said(release)
        judge.traffic(1)
        if not judge.state()["waiting"]:
            raise Wrong("somebody was served with wrong credentials")
        release.upgrade()
        stage.measured("served after they were right again", judge.must_serve(5, within_s=60))


def _must_be_said(release: Release) -> None:
    def is_said() -> bool:
        return any("credentials" in log for log in release.logs(ALLOCATOR).values())

    try:
        wait_until("the log says that the platform refuses our credentials", is_said, SEEN_WITHIN_S)
    except TookTooLong:
        raise Wrong(f"nothing of credentials in the logs: {release.logs(ALLOCATOR)}") from None
