"""The command: `PYTHONPATH=tests python -m e2e`. Antre in the cluster that KUBECONFIG points at, case by case.

It works in namespaces of its own (antre-e2e…), which it removes at its end. The status is 0 if no case failed. A case
that this cluster cannot show is said to be so.
"""

import argparse
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from e2e import cases, judge, table
from e2e.catalogue import CASES, Case, chosen
from e2e.cluster import Cluster, CommandError, TookTooLong
from e2e.release import ROOT
from e2e.stage import NotHere, Stage, Wrong, ours
from e2e.table import FAILED, NOT_HERE, PASSED, Result

DOCUMENT = ROOT / "docs" / "operations" / "e2e.md"
EVIDENCE = ROOT / ".data" / "e2e"
BEGAN = time.monotonic()


def main() -> None:
    """The entry point."""
    words = _parser().parse_args()
    if words.list:
        for one in CASES.values():
            _say(f"{one.name:28} {one.shows}")
        return
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("e2e: told to stop"))  # so that it cleans up behind itself
    try:
        wanted = chosen(words.case)
        results = _run(wanted, words)
    except (ValueError, CommandError) as error:
        sys.exit(f"e2e: {error}")
    text = table.markdown(results, _about())
    _say(text)
    if words.write:
        DOCUMENT.write_text(table.between_markers(DOCUMENT.read_text(), text))
    sys.exit(1 if any(one.outcome == FAILED for one in results) else 0)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m e2e", description=__doc__)
    parser.add_argument("--case", default="", help="only those with these words in their names, commas between")
    parser.add_argument("--tag", default="e2e", help="the images' tag (default: e2e)")
    parser.add_argument("--no-build", action="store_true", help="the images are there already")
    parser.add_argument("--keep", action="store_true", help="leave the namespaces, to look around in")
    parser.add_argument("--stop", action="store_true", help="stop at the first case that fails")
    parser.add_argument("--write", action="store_true", help=f"put the table into {DOCUMENT.relative_to(ROOT)}")
    parser.add_argument("--list", action="store_true", help="the cases")
    return parser


def _run(wanted: Sequence[Case], words: argparse.Namespace) -> list[Result]:
    cluster = Cluster()
    nodes = cluster.nodes()
    _say(f"{len(nodes)} nodes, {len(wanted)} cases; what is left of a failed one goes to {EVIDENCE.relative_to(ROOT)}")
    if not words.no_build:
        _build(words.tag)
    _clean(cluster)
    try:
        judge.begin(cluster, f"antre/qiscus-simulator:{words.tag}", nodes[-1])
        with cluster.door() as door:
            return _all(wanted, Stage(cluster, door, nodes[-1], words.tag, _say), stop=words.stop)
    finally:
        if not words.keep:
            _say("cleaning up")
            _clean(cluster)


def _all(wanted: Sequence[Case], stage: Stage, *, stop: bool) -> list[Result]:
    results: list[Result] = []
    for number, one in enumerate(wanted, 1):
        _say(f"{one.shows} …")
        results.append(_one(one, stage))
        _say(table.line(results[-1], number, len(wanted)))
        if results[-1].why:
            _say(f"    {results[-1].why}")
        if stop and results[-1].outcome == FAILED:
            break
    return results


def _one(one: Case, stage: Stage) -> Result:
    stage.clear()
    began = time.monotonic()
    outcome, why = PASSED, ""
    try:
        one.show(stage)
    except NotHere as error:
        outcome, why = NOT_HERE, str(error)
    except (Wrong, TookTooLong, CommandError) as error:
        outcome, why = FAILED, str(error)
        stage.keep_evidence(EVIDENCE / one.name)
    return Result(
        name=one.name,
        shows=one.shows,
        outcome=outcome,
        took_s=time.monotonic() - began,
        figures=stage.figures,
        remarks=tuple(stage.remarks),
        why=why,
    )


def _build(tag: str) -> None:
    _say("building the images")
    began = time.monotonic()
    log = EVIDENCE / "build.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, str(ROOT / "deploy" / "images.py"), "--tag", tag, "--load"]
    with log.open("w") as file:
        status = subprocess.run(command, stdout=file, stderr=subprocess.STDOUT, check=False).returncode
    if status:
        raise CommandError(f"the images could not be built: {_last_line(log)} ({log.relative_to(ROOT)})")
    _say(f"built in {time.monotonic() - began:.0f} s")


def _last_line(log: Path) -> str:
    return ([*log.read_text().splitlines(), "no output"])[-2:][0]


def _clean(cluster: Cluster) -> None:
    if left := ours(cluster):
        cluster.delete_namespaces(*left)


def _about() -> str:
    version = os.environ.get("E2E_ABOUT", "")
    return version or time.strftime("%d %B %Y", time.gmtime())


def _say(text: str) -> None:
    sys.stdout.write(f"{time.monotonic() - BEGAN:5.0f} s  {text}\n")
    sys.stdout.flush()


assert cases.ALL, "the cases enter themselves when they are imported"

if __name__ == "__main__":
    main()
