"""What a case stands on: the cluster, the judge, releases; and the stretch of load that is judged at its end."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from e2e.cluster import Cluster, CommandError, TookTooLong, wait_until
from e2e.judge import Figures, Judge
from e2e.release import ALLOCATOR, GATEWAY, OPERATOR, POSTGRES, REDIS, TOKEN, Release
from support import judgement

CUSTOMERS_PER_S = 8.0
REST_WITHIN_S = 120.0
LEDGER_WITHIN_S = 60.0
ORDER = "out_of_order"
PARTS = (GATEWAY, ALLOCATOR, OPERATOR, POSTGRES, REDIS)


class Wrong(Exception):
    """A case did not go as it must; the text is a sentence."""


class NotHere(Exception):
    """A case cannot be tried in this cluster; the text says why."""


@dataclass(slots=True)
class Stage:
    """All that cases share. ``say`` shows progress."""

    cluster: Cluster
    door: str
    node: str
    tag: str
    say: Callable[[str], None]
    remarks: list[str] = field(default_factory=list)
    figures: Figures | None = None
    _judges: dict[str, Judge] = field(default_factory=dict)

    @property
    def main(self) -> Release:
        """The release that most cases are about."""
        return self.release("antre", "antre-e2e", "sim-e2e")

    def release(self, name: str, namespace: str, app: str) -> Release:
        """A release, whether it is there or not."""
        return Release(self.cluster, name=name, namespace=namespace, app=app, node=self.node, tag=self.tag)

    def judge(self, release: Release) -> Judge:
        """The platform of a release."""
        if release.app not in self._judges:
            self._judges[release.app] = Judge(self.door, release.app)
        return self._judges[release.app]

    def installed(self) -> Release:
        """The main release, put there if it is not there yet, with the judge's webhooks coming to it."""
        release = self.main
        if not release.is_installed:
            self.say("installing")
            self.cluster.namespace(release.namespace)
            release.install()
        self.judge(release).send_to(release.gateway_url, TOKEN)
        return release

    @contextmanager
    def load(
        self, release: Release, customers_per_s: float = CUSTOMERS_PER_S, *, in_order: bool = True
    ) -> Iterator[Judge]:
        """Customers come as long as this lasts; at its end everybody must have been served, and all records agree.

        ``in_order`` False: where calls end in doubt or rosters cannot be had, others may pass those whom that is about
        (docs/correctness.md, "Order while things go wrong"); then who was passed is told and is no fault.
        """
        judge = self.judge(release)
        judge.begin_stretch()
        judge.traffic(customers_per_s)
        try:
            judge.must_serve(5, within_s=60)
            yield judge
            judge.must_serve(5, within_s=60)
            self.say("coming to rest")
            judge.must_come_to_rest(REST_WITHIN_S)
        finally:
            judge.traffic(0)
            self.figures = judge.figures()
        self._must_be_right(release, judge, self.figures, in_order=in_order)

    def measured(self, what: str, seconds: float) -> None:
        """A figure for the table."""
        self.remark(f"{what} {seconds:.1f} s")

    def remark(self, text: str) -> None:
        """A remark for the table."""
        self.remarks.append(text)
        self.say(text)

    def clear(self) -> None:
        """Forget the figures and remarks of the case before."""
        self.remarks, self.figures = [], None

    def keep_evidence(self, folder: Path) -> None:
        """Write down what there is to be seen of every namespace of ours, for whoever looks for the reason."""
        folder.mkdir(parents=True, exist_ok=True)
        for namespace in ours(self.cluster):
            for name, words in {
                "pods": ("get", "all", "-o", "wide"),
                "events": ("get", "events"),
                "describe": ("describe", "pods"),
            }.items():
                (folder / f"{namespace}-{name}.txt").write_text(self.cluster.kubectl(*words, "-n", namespace))
            for pod in self.cluster.objects("pods", namespace):
                name = pod["metadata"]["name"]
                (folder / f"{namespace}-{name}.log").write_text(self._log(namespace, name))

    def _log(self, namespace: str, pod: str) -> str:
        try:
            return self.cluster.kubectl("logs", "-n", namespace, pod, "--all-containers", "--tail=2000")
        except CommandError as error:
            return str(error)

    def _must_be_right(self, release: Release, judge: Judge, figures: Figures, *, in_order: bool) -> None:
        if wrong := [text for text in figures.wrong if in_order or ORDER not in text]:
            raise Wrong(f"{', '.join(wrong)}: {figures.stories[:3]}")
        complaints: list[str] = []

        def agree() -> bool:
            complaints[:] = judgement.at_rest(release.ledger(), judge.record())
            return not complaints

        try:
            wait_until("ledger and platform agree", agree, LEDGER_WITHIN_S, poll_s=2)
        except TookTooLong:
            raise Wrong(f"ledger and platform differ: {complaints[:5]}") from None
        secrets = [judge.secret, TOKEN]
        for part in PARTS:
            for pod, log in release.logs(part).items():
                if found := judgement.discreet(pod, log, secrets):
                    raise Wrong(found[0])


def ours(cluster: Cluster) -> list[str]:
    """The namespaces of these tests."""
    told = cluster.kubectl("get", "namespaces", "-l", "app.kubernetes.io/managed-by=antre-e2e", "-o", "name")
    return [name.partition("/")[2] for name in told.split()]


def pause(seconds: float) -> None:
    """Let time pass, where the passing of time is the point."""
    time.sleep(seconds)
