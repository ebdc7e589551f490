"""The end of a run: what the simulator's own record says, as a table and as an exit status."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

Verdict = Mapping[str, Any]

MUST_BE_ZERO = {
    "lost": "lost",
    "doubled": "doubled",
    "over": "over capacity",
    "out_of_order": "out of order",
}
STORIES_SHOWN = 10


def lines(verdict: Verdict) -> list[tuple[str, str]]:
    """The verdict as words and values."""
    return [
        ("arrived", str(verdict["arrived"])),
        ("acknowledged", str(verdict["acknowledged"])),
        ("assigned", str(verdict["assigned"])),
        ("resolved", str(verdict["resolved"])),
        ("still waiting", _waiting(verdict)),
        *((word, str(verdict[key])) for key, word in MUST_BE_ZERO.items()),
        ("given in turn", _share(_in_turn(verdict))),
        ("evenness over agents", _share(verdict["evenness"])),
        ("wait, half of them", _seconds(verdict["wait_p50_s"])),
        ("wait, 99 of 100", _seconds(verdict["wait_p99_s"])),
        ("assignments at the busiest", f"{verdict['assignments_per_s']:.1f}/s"),
    ]


def broken(verdict: Verdict) -> list[str]:
    """The promises that were broken, in words."""
    return [f"{verdict[key]} {word}" for key, word in MUST_BE_ZERO.items() if verdict[key]]


def show(console: Console, verdict: Verdict) -> None:
    """Print the table and, when a promise was broken, the stories of it."""
    table = Table(title="What the simulated platform saw", title_justify="left", show_header=False)
    table.add_column()
    table.add_column(justify="right")
    must_be_zero = MUST_BE_ZERO.values()
    for word, value in lines(verdict):
        wrong = word in must_be_zero and value != "0"
        style = "bold red" if wrong else "green" if word in must_be_zero else ""
        table.add_row(word, Text(value, style=style))
    console.print(table)
    for story in list(verdict["stories"])[:STORIES_SHOWN]:
        console.print(Text(f"* {story_text(story)}", style="red"))


def conclude(console: Console, verdict: Verdict | None, failures: Sequence[str]) -> int:
    """Print the last word and return the exit status: 0 when every promise was kept."""
    wrong = [*(broken(verdict) if verdict else []), *failures]
    for sentence in wrong:
        console.print(Text(f"WRONG: {sentence}", style="bold red"), soft_wrap=True)
    if not verdict:
        console.print("Not judged: the record of what happened is the platform's own.")
    if not wrong and verdict:
        console.print(Text("Nobody lost, doubled, over capacity or out of order.", style="green"))
    return 1 if wrong else 0


def story_text(story: object) -> str:
    """A story as the simulator tells it: what happened first, then in which room, session and with whom."""
    if not isinstance(story, Mapping):
        return str(story)
    around = ", ".join(f"{key} {value}" for key, value in story.items() if key not in {"what", "text"})
    return f"{story.get('what')}: {story.get('text')} ({around})"


def _waiting(verdict: Verdict) -> str:
    reasons = {name: count for name, count in verdict["waiting_why"].items() if count}
    why = ", ".join(f"{count} {name}" for name, count in reasons.items())
    return f"{verdict['waiting']} ({why})" if why else str(verdict["waiting"])


def _in_turn(verdict: Verdict) -> float | None:
    assigned = int(verdict["assigned"])
    return 1.0 - min(assigned, int(verdict["out_of_order"])) / assigned if assigned else None


def _share(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.1f} %"


def _seconds(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f} s"
