"""What is seen while it runs: a live picture in a terminal, one plain line a second elsewhere."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from one_machine.watch import Figures

NEWS_SHOWN = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """One second of a run: how long it has gone on, the figures, the processes, what happened."""

    seconds: float
    note: str
    figures: Figures
    pids: Mapping[str, int | None]
    news: tuple[str, ...]


def rows(scene: Scene) -> list[tuple[str, str]]:
    """The figures as words and values, in the order in which they are looked at."""
    seen = scene.figures
    ways = [("leader", leader_text(scene)), ("webhooks", f"{seen.webhooks_per_s:.1f}/s")]
    if seen.leader is None:  # only a leader counts; webhooks are taken in all the same
        return [*ways, ("waiting", "not known until somebody leads")]
    return [
        *ways,
        ("waiting", f"{seen.waiting}, longest {seen.longest_wait_s:.1f} s"),
        ("slots", f"{seen.slots_used} of {seen.slots_total}"),
        ("assigned", f"{seen.assignments_per_s:.1f}/s"),
        ("why they wait", reasons_text(seen.reasons)),
    ]


def plain_line(scene: Scene) -> str:
    """The figures in one line."""
    words = " | ".join(f"{word} {value}" for word, value in rows(scene))
    note = f" | {scene.note}" if scene.note else ""
    return f"{scene.seconds:4.0f} s | {words}{note}"


def leader_text(scene: Scene) -> str:
    """Who leads, with the number to try `kill -9` on."""
    leader = scene.figures.leader
    if leader is None:
        return "nobody yet"
    return f"{leader} (pid {scene.pids.get(leader) or 'gone'}), term {scene.figures.term}"


def reasons_text(reasons: Mapping[str, int]) -> str:
    """Why people wait, the most frequent reason first."""
    ordered = sorted(reasons.items(), key=lambda item: (-item[1], item[0]))
    return ", ".join(f"{count} {name}" for name, count in ordered) or "nobody waits"


def processes_text(scene: Scene) -> str:
    """Each process with its number, and how it is when it is not well."""
    return "  ".join(f"{name} {_health(scene, name, pid)}" for name, pid in scene.pids.items())


class PlainView:
    """One line a second: for logs, pipes and terminals that cannot do more."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._told = 0
        self._processes = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing to put back."""

    def show(self, scene: Scene) -> None:
        """Print what happened since the last time, then the figures."""
        for sentence in scene.news[self._told :]:
            self._print(f"     * {sentence}")
        self._told = len(scene.news)
        if (processes := processes_text(scene)) != self._processes:
            self._processes = processes
            self._print(f"     processes: {processes}")
        self._print(plain_line(scene))

    def _print(self, line: str) -> None:
        self._console.print(line, markup=False, highlight=False, soft_wrap=True)


class LiveView:
    """A picture that is drawn again once a second."""

    def __init__(self, console: Console) -> None:
        self._live = Live(console=console, auto_refresh=False)

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.stop()

    def show(self, scene: Scene) -> None:
        """Draw the scene."""
        self._live.update(picture(scene), refresh=True)


def picture(scene: Scene) -> RenderableType:
    """The scene for a terminal."""
    table = Table(title=f"Antre, {scene.seconds:.0f} s {scene.note}", title_justify="left", show_header=False)
    table.add_column(style="dim")
    table.add_column(style="bold", min_width=50)
    for word, value in rows(scene):
        table.add_row(word, Text(value))
    table.add_section()
    for name, pid in scene.pids.items():
        table.add_row(name, Text(_health(scene, name, pid), style=_style(scene, name, pid)))
    news = [Text(f"* {sentence}", style="yellow") for sentence in scene.news[-NEWS_SHOWN:]]
    return Group(table, *news, Text(_hint(scene), style="dim"))


def view_for(console: Console) -> PlainView | LiveView:
    """The view that this output can show."""
    return LiveView(console) if console.is_terminal and not console.is_dumb_terminal else PlainView(console)


def _health(scene: Scene, name: str, pid: int | None) -> str:
    if pid is None:
        return "down"
    leads = ", leads" if name == scene.figures.leader else ""
    silent = ", does not answer" if name in scene.figures.silent else ""
    return f"pid {pid}{leads}{silent}"


def _style(scene: Scene, name: str, pid: int | None) -> str:
    if pid is None or name in scene.figures.silent:
        return "red"
    return "green" if name == scene.figures.leader else ""


def _hint(scene: Scene) -> str:
    pid = scene.pids.get(scene.figures.leader or "")
    kill = f"try: kill -9 {pid} (the leader)   " if pid else ""
    return f"{kill}Ctrl-C: end and summary"
