"""What is said of the cases: a line for each, and the table of docs/operations/e2e.md. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from e2e.judge import Figures

BEGIN, END = "<!-- e2e: begin -->", "<!-- e2e: end -->"
PASSED, FAILED, NOT_HERE = "passed", "failed", "not here"
HEAD = ("case", "customers", "refused", "longest wait", "lost", "doubled", "over", "order", "took", "seen", "verdict")


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What became of a case. ``why``: for one that did not pass."""

    name: str
    shows: str
    outcome: str
    took_s: float
    figures: Figures | None
    remarks: Sequence[str]
    why: str = ""


def line(result: Result, number: int, of: int) -> str:
    """One line for a terminal."""
    figures = "  ".join(f"{word} {value}" for word, value in zip(HEAD[1:8], _figures(result), strict=True) if value)
    return f"[{number:2}/{of}] {result.outcome:8} {result.took_s:4.0f} s  {result.shows}  {figures}"


def markdown(results: Iterable[Result], about: str) -> str:
    """The table for people who were not there, with a line below on the run as a whole."""
    results = list(results)
    rows = [_row(HEAD), "|" + "---|" * len(HEAD)]
    rows += [
        _row([one.shows, *_figures(one), f"{one.took_s:.0f} s", "; ".join(one.remarks), _verdict(one)])
        for one in results
    ]
    passed = sum(one.outcome == PASSED for one in results)
    took = sum(one.took_s for one in results)
    return "\n".join(["", *rows, "", f"{passed} of {len(results)} passed in {took / 60:.0f} minutes. {about}", ""])


def between_markers(text: str, table: str) -> str:
    """The document with the table in its place. Raises ValueError where it has no place for it."""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"the document has no place for the table: {BEGIN} … {END}")
    return f"{before}{BEGIN}\n{table}\n{END}{after}"


def _figures(result: Result) -> list[str]:
    figures = result.figures
    if figures is None:
        return [""] * 7
    wrong = [str(figures.verdict[word]) for word in ("lost", "doubled", "over", "out_of_order")]
    return [str(figures.arrived), str(figures.refused), f"{figures.wait_max_s:.2f} s", *wrong]


def _verdict(result: Result) -> str:
    return f"{result.outcome}: {result.why.splitlines()[0]}" if result.why else result.outcome


def _row(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
