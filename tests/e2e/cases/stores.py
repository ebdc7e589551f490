"""Redis and Postgres: killed, and Postgres brought back from a backup that is old."""

from e2e.catalogue import case
from e2e.cluster import wait_until
from e2e.release import ALLOCATOR, POSTGRES, REDIS, Release
from e2e.stage import Stage, Wrong, pause

BACK_WITHIN_S = 90.0


@case("the Redis pod is killed")
def redis_killed(stage: Stage) -> None:
    _killed(stage, REDIS)


@case("the Postgres pod is killed")
def postgres_killed(stage: Stage) -> None:
    _killed(stage, POSTGRES)


def _killed(stage: Stage, store: str) -> None:
    release = stage.installed()
    with stage.load(release) as judge:
        (pod,) = release.ready(store)
        release.delete_pod(pod)
        wait_until(f"{store} is ready again", lambda: release.ready(store) != [], BACK_WITHIN_S)
        stage.measured("served again after", judge.must_serve(10, within_s=60))


@case("an old backup of Postgres is restored: the sweep repairs the rest")
def backup_restored(stage: Stage) -> None:
    """The way of docs/operations/backup.md: allocators stopped, restored, allocators started. Customers come all the
    time. Who was served since the backup stays served, since the platform knows; who waits is found by the sweep.
    """
    release = stage.installed()
    with stage.load(release) as judge:
        backup = _backup(release)
        judge.must_serve(100, within_s=60)
        _scale_allocators(release, 0)
        _restore(release, backup)
        pause(5)
        _scale_allocators(release, 2)
        stage.measured("served again after", judge.must_serve(20, within_s=90))
    stage.remark(f"backup {len(backup) / 1e6:.1f} MB")


def _backup(release: Release) -> str:
    (pod,) = release.ready(POSTGRES)
    return release.cluster.execute(
        release.namespace, pod, "sh", "-c", 'pg_dump --clean --if-exists -U "$POSTGRES_USER" -d "$POSTGRES_DB"'
    )


def _restore(release: Release, backup: str) -> None:
    (pod,) = release.ready(POSTGRES)
    words = 'psql -X -q -v ON_ERROR_STOP=1 --single-transaction -U "$POSTGRES_USER" -d "$POSTGRES_DB"'
    release.cluster.execute(release.namespace, pod, "sh", "-c", words, given=backup)


def _scale_allocators(release: Release, replicas: int) -> None:
    name = f"deployment/{release.full_name}-{ALLOCATOR}"
    release.cluster.kubectl("scale", name, "-n", release.namespace, f"--replicas={replicas}")
    wait_until(f"{replicas} allocators", lambda: len(release.ready(ALLOCATOR)) == replicas, within_s=60)
    if len(release.pods(ALLOCATOR)) != replicas:
        raise Wrong(f"{len(release.pods(ALLOCATOR))} allocators where {replicas} were asked for")
