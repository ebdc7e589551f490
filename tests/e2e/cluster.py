"""The cluster that KUBECONFIG points at, through kubectl and helm. The one place where they are called.

Blocking. A command that fails is a `CommandError` with what it said; waiting that takes too long is a `TookTooLong`.
"""

import json
import os
import re
import shlex
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

POLL_S = 0.5
COMMAND_TIMEOUT_S = 420
Object = Mapping[str, Any]


class CommandError(Exception):
    """A command ended with another status than 0; the text is what it said."""


class TookTooLong(Exception):
    """What was waited for did not come; the text says what."""


class Cluster:
    """kubectl and helm, as words."""

    def __init__(self) -> None:
        missing = [name for name in ("kubectl", "helm") if not shutil.which(name)]
        if missing:
            raise CommandError(f"not on this machine's PATH: {', '.join(missing)}")

    def kubectl(self, *words: str, given: str | None = None, timeout_s: float = COMMAND_TIMEOUT_S) -> str:
        """What kubectl printed. ``given`` is its standard input."""
        return run(["kubectl", *words], given, timeout_s)

    def helm(self, *words: str, given: str | None = None, timeout_s: float = COMMAND_TIMEOUT_S) -> str:
        """What helm printed."""
        return run(["helm", *words], given, timeout_s)

    def apply(self, *manifests: Object) -> None:
        """Create or change objects."""
        self.kubectl("apply", "-f", "-", given=json.dumps({"kind": "List", "apiVersion": "v1", "items": manifests}))

    def objects(self, kind: str, namespace: str = "", selector: str = "") -> list[dict[str, Any]]:
        """All objects of a kind, in a namespace or beside all of them."""
        where = ["-n", namespace] if namespace else []
        told = self.kubectl("get", kind, *where, *(["-l", selector] if selector else []), "-o", "json")
        return list(json.loads(told)["items"])

    def namespace(self, name: str) -> None:
        """A namespace that enforces Pod Security `restricted`."""
        enforced = {f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("enforce", "warn", "audit")}
        labels = {**enforced, "app.kubernetes.io/managed-by": "antre-e2e"}
        self.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}})

    def delete_namespaces(self, *names: str, wait: bool = True) -> None:
        """Remove namespaces and all in them."""
        words = ["--wait=true", "--timeout=180s"] if wait else ["--wait=false"]
        self.kubectl("delete", "namespace", *names, "--ignore-not-found", *words)

    def nodes(self) -> list[str]:
        """The names of the nodes that take pods."""
        return sorted(
            node["metadata"]["name"] for node in self.objects("nodes") if not _repels(node["spec"].get("taints", []))
        )

    def execute(self, namespace: str, pod: str, *command: str, given: str | None = None, container: str = "") -> str:
        """Run a command in a pod."""
        which = ["-c", container] if container else []
        stdin = ["-i"] if given is not None else []
        return self.kubectl("exec", "-n", namespace, *stdin, pod, *which, "--", *command, given=given)

    @contextmanager
    def door(self) -> Iterator[str]:
        """The API server's address on this machine, without credentials, as long as it is wanted."""
        proxy = subprocess.Popen(["kubectl", "proxy", "--port=0"], stdout=subprocess.PIPE, text=True)
        try:
            assert proxy.stdout is not None
            found = re.search(r"127\.0\.0\.1:\d+", proxy.stdout.readline())
            if not found:
                raise CommandError("kubectl proxy did not say where it listens")
            yield f"http://{found[0]}"
        finally:
            proxy.terminate()
            proxy.wait()


def run(command: Sequence[str], given: str | None = None, timeout_s: float = COMMAND_TIMEOUT_S) -> str:
    """What the command printed. Raises CommandError with what it said."""
    try:
        done = subprocess.run(command, input=given, capture_output=True, text=True, timeout=timeout_s, check=False)
    except subprocess.TimeoutExpired:
        raise CommandError(f"{shlex.join(command)}: not done after {timeout_s:.0f} s") from None
    if done.returncode:
        raise CommandError(f"{shlex.join(command)}: {(done.stderr + done.stdout).strip()[-2000:]}")
    return done.stdout


def offered(variable: str) -> str | None:
    """The template of a command that this cluster offers, e.g. E2E_CUT_NODE='cut {node}'."""
    return os.environ.get(variable) or None


def wait_until(what: str, is_so: Callable[[], bool], within_s: float, poll_s: float = POLL_S) -> float:
    """Wait for something to be so; returns how long that took, in seconds. Raises TookTooLong."""
    began = time.monotonic()
    while not is_so():
        if time.monotonic() - began > within_s:
            raise TookTooLong(f"{what}: not within {within_s:.0f} s")
        time.sleep(poll_s)
    return time.monotonic() - began


def _repels(taints: Sequence[Mapping[str, str]]) -> bool:
    return any(taint["effect"] in {"NoSchedule", "NoExecute"} for taint in taints)
