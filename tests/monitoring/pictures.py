"""Draws the dashboards' panels as a real run fills them, for people to look at: `make pictures` (needs matplotlib).

The run: customers come; after a while all allocators are frozen, the liveness probe (played here) ends them, new ones
start, and what waited is served.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import groupby
from pathlib import Path
from typing import Any

from monitoring.dashboards import Asked, asked
from monitoring.prometheus import NAMESPACE, Prometheus
from monitoring.rules import hurried
from one_machine.stores import Postgres, Valkey
from support import Processes
from support.system import Shape, System

COLUMNS = 3
SHAPE = Shape(agents=6, capacity=2, service_s="1:3")


def main() -> None:
    """The entry point."""
    words = _parser().parse_args()
    try:
        from matplotlib import figure  # noqa: PLC0415 - only this command needs it
    except ImportError:
        sys.exit("matplotlib is missing: `.venv/bin/uv pip install matplotlib` brings it")
    words.into.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="antre-pictures-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o755)
        with _running(folder) as (antre, prometheus):
            began = time.time()
            _story(antre, words.seconds)
            _draw_all(figure.Figure, prometheus, (began, time.time()), words.into)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m monitoring.pictures", description=__doc__)
    parser.add_argument("--into", type=Path, default=Path(".data/pictures"), help="the folder of the pictures")
    parser.add_argument("--seconds", type=float, default=20.0, help="how long each of the three acts is")
    return parser


@contextmanager
def _running(folder: Path) -> Iterator[tuple[System, Prometheus]]:
    with Postgres(folder / "postgres") as postgres, Valkey(folder / "redis") as redis:
        url = postgres.create_database("pictures")
        processes = Processes(folder)
        done = processes.run("allocator", "migrate", env={"DATABASE_URL": url})
        assert done.status == 0, done.output
        antre = System(SHAPE, folder=folder, processes=processes, postgres=postgres, redis=redis, database_url=url)
        try:
            antre.start()
            targets = {name: part.metrics_port for name, part in antre.parts.items()}
            prometheus = Prometheus(folder, targets, hurried(20))
            prometheus.start(processes, "/usr/bin/prometheus")
            yield antre, prometheus
        finally:
            processes.end_all()
            antre.stop()


def _story(antre: System, seconds: float) -> None:
    antre.traffic(3)
    time.sleep(seconds)
    for name in antre.allocators:
        antre.running[name].pause()
    time.sleep(seconds)
    for name in antre.allocators:
        antre.kill(name)
        antre.begin(name)
    time.sleep(seconds)


def _draw_all(figure: Any, prometheus: Prometheus, span: tuple[float, float], folder: Path) -> None:
    for name, lines in groupby(asked(NAMESPACE, rate_s=5), key=lambda one: one.dashboard):
        panels = [list(group) for _, group in groupby(lines, key=lambda one: (one.row, one.panel))]
        rows = -(-len(panels) // COLUMNS)
        picture = figure(figsize=(18, 3 * rows), layout="constrained")
        for number, panel in enumerate(panels, 1):
            _draw(picture.add_subplot(rows, COLUMNS, number), panel, prometheus, span)
        picture.savefig(folder / f"{name}.png", dpi=60)
        print(folder / f"{name}.png")  # noqa: T201 - it talks to the person who started it


def _draw(axes: Any, panel: Sequence[Asked], prometheus: Prometheus, span: tuple[float, float]) -> None:
    axes.set_title(f"{panel[0].row}: {panel[0].panel} ({panel[0].unit})", fontsize=9)
    for line in panel:
        for series in prometheus.query_range(line.query, *span):
            points = [(float(at), float(value)) for at, value in series["values"]]
            xs, ys = zip(*((at - span[0], value) for at, value in _with_gaps(points)), strict=True)
            axes.plot(xs, ys, label=_called(line.legend, series["metric"]), linewidth=1)
    axes.legend(fontsize=6, loc="upper left")
    axes.set_xlim(0, span[1] - span[0])


def _with_gaps(points: Sequence[tuple[float, float]]) -> Iterator[tuple[float, float]]:
    """A line breaks off where nothing was told."""
    before = points[0][0]
    for at, value in points:
        if at - before > 2:
            yield before, float("nan")
        yield at, value
        before = at


def _called(legend: str, labels: dict[str, str]) -> str:
    for name, value in labels.items():
        legend = legend.replace("{{" + name + "}}", value)
    return legend


if __name__ == "__main__":
    main()
