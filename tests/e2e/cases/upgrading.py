"""A new version comes while customers do, and goes again."""

import os
import tempfile
from pathlib import Path

from e2e.catalogue import case
from e2e.cluster import run
from e2e.release import ALLOCATOR, GATEWAY, Release
from e2e.stage import Stage, Wrong
from support.next_schema import REVISION, migration
from support.programs import program

NEXT = "next"
CUT_OFF_SHARE = 0.01
"""A gateway that goes says farewell first; what remains are connections that were silent for three seconds before."""
VERSIONS = "/usr/local/lib/python3.13/site-packages/allocator/migrations/versions"


@case("helm upgrade under load: new images, and a schema that grows")
def upgraded(stage: Stage) -> None:
    release = stage.installed()
    _build_next(stage)
    with stage.load(release) as judge:
        release.upgrade(image={"tag": f"{stage.tag}-{NEXT}"})
        stage.measured("served after", judge.must_serve(10, within_s=15))
    if release.sql("SELECT version_num FROM alembic_version") != REVISION:
        raise Wrong("the schema has not grown")
    _must_run(release, f"{stage.tag}-{NEXT}")


@case("rolled back under load: the older code on the newer schema")
def rolled_back(stage: Stage) -> None:
    release = stage.installed()
    with stage.load(release) as judge:
        release.roll_back()
        stage.measured("served after", judge.must_serve(10, within_s=15))
    _must_run(release, stage.tag)


@case("every pod is replaced under load (kubectl rollout restart)")
def restarted(stage: Stage) -> None:
    release = stage.installed()
    with stage.load(release, customers_per_s=15) as judge:
        for part in (GATEWAY, ALLOCATOR):
            release.restart(part)
        judge.must_serve(20, within_s=15)
    figures = stage.figures
    if figures and (figures.turned_away or figures.refused > figures.arrived * CUT_OFF_SHARE):
        raise Wrong(f"{figures.refused} webhooks were refused while pods were replaced in the ordinary way")


def _build_next(stage: Stage) -> None:
    """The images of a version to come: as they are, and one more migration."""
    stage.say("building the next version's images")
    images = program("deploy/images.py")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / f"{REVISION}.py").write_text(migration())
        for part, line in {ALLOCATOR: f"COPY {REVISION}.py {VERSIONS}/", GATEWAY: "LABEL version.next=true"}.items():
            (folder / "Dockerfile").write_text(f"FROM antre/{part}:{stage.tag}\n{line}\n")
            image = images.image_name(part, f"{stage.tag}-{NEXT}")
            run(images.command_for(image, folder / "Dockerfile", folder, os.environ))
            images.load(image, os.environ)


def _must_run(release: Release, tag: str) -> None:
    images = {pod["spec"]["containers"][0]["image"] for part in (GATEWAY, ALLOCATOR) for pod in release.pods(part)}
    if not all(image.endswith(f":{tag}") for image in images):
        raise Wrong(f"not all run {tag}: {images}")
