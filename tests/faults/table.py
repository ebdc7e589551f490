"""What is said of the cases: a line for each, and the table of docs/correctness.md. Pure."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from faults.catalogue import BESIDE, CASES, GROUPS, Case
from faults.runs import Result

BEGIN, END = "<!-- faults: begin -->", "<!-- faults: end -->"
FIGURES = {"lost": "lost", "doubled": "doubled", "over": "over", "order": "out_of_order", "past leader": "past_leader"}
"""What is shown -> the word of the tests' rows."""
GRAVITY = ("survived", "skipped", "missing tool", "did not run", "failed")
NO_TEST = "no test"
_SUM = re.compile(r"^\d+ of \d+ survived")


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A case, and the worst that was seen of it over its tests and their seeds."""

    case: Case
    seeds: tuple[int, ...]
    figures: Mapping[str, int | None]
    t_s: float | None
    allowed_s: float | None
    verdict: str
    worst: Result | None

    @property
    def is_survived(self) -> bool:
        """Shown by at least one test, and by all of its tests with all seeds."""
        return self.verdict == "survived"


def line_of(case: Case, results: Sequence[Result]) -> Line:
    """The line of a case."""
    worst = max(results, key=lambda result: GRAVITY.index(result.outcome), default=None)
    t_s, allowed_s = _slowest(results)
    return Line(
        case=case,
        seeds=tuple(sorted({result.seed for result in results})),
        figures={name: _most(result.row.get(word) for result in results) for name, word in FIGURES.items()},
        t_s=t_s,
        allowed_s=allowed_s,
        verdict=worst.outcome if worst else NO_TEST,
        worst=worst,
    )


def by_case(results: Iterable[Result]) -> dict[int, list[Result]]:
    """The results of each case's tests."""
    found: dict[int, list[Result]] = {}
    for result in results:
        for number in result.shown.numbers:
            found.setdefault(number, []).append(result)
    return found


def lines_of(results: Iterable[Result], numbers: Iterable[int]) -> list[Line]:
    """The lines of these cases."""
    of = by_case(results)
    return [line_of(CASES.get(number, BESIDE), of.get(number, [])) for number in numbers]


def as_text(line: Line) -> str:
    """One line for a terminal."""
    figures = "  ".join(f"{name} {_shown(value)}" for name, value in line.figures.items())
    number = f"case {line.case.number:2}" if line.case.number else "beside "
    seeds = _span(line.seeds)
    return f"{number}  {_short(line.case.fault)}  seed {seeds:5} {figures}  T {_time(line):16} {verdict(line)}"


def replay_of(line: Line) -> str:
    """The command that shows the worst of a case again."""
    assert line.worst is not None
    if not line.case.number:
        return f".venv/bin/pytest -m case '{line.worst.shown.test}' --seed {line.worst.seed}"
    return f"make faults CASE={line.case.number} SEED={line.worst.seed}"


def verdict(line: Line) -> str:
    """The verdict, with the name of what is missing."""
    because = line.worst.why if line.worst is not None and line.verdict in ("missing tool", "skipped") else ""
    return f"not shown: {because}" if because else line.verdict


def markdown(lines: Iterable[Line]) -> str:
    """The table for people who were not there."""
    of = {line.case.number: line for line in lines}
    head = "| # | fault | at risk | " + " | ".join(FIGURES) + " | T: seen of allowed | verdict |"
    rows = [head, "|" + "---|" * (len(FIGURES) + 5)]
    for group, cases in GROUPS.items():
        rows.append(f"| | **{group}** |" + " |" * (len(FIGURES) + 3))
        rows += [_row(of[case.number]) for case in cases if case.number in of]
    rows += [_row(of[0])] if 0 in of else []
    return "\n".join(["", *rows, "", _sum(of.values()), ""])


def renewed(table: str, lines: Iterable[Line]) -> str:
    """The table with these cases' rows in place of those that it has of them."""
    fresh = {str(line.case.number or ""): _row(line) for line in lines}
    rows = [fresh.get(_cells(row)[0], row) if _is_of_a_case(row) else row for row in table.split("\n")]
    survived = sum(_cells(row)[0].isdecimal() and _cells(row)[-1] == "survived" for row in rows)
    return "\n".join(_SUM.sub(f"{survived} of {len(CASES)} survived", row) for row in rows)


def within_markers(text: str) -> str:
    """The document's table. Raises ValueError where it has no place for one."""
    return _parts(text)[1]


def between_markers(text: str, table: str) -> str:
    """The document with the table in its place. Raises ValueError where it has no place for it."""
    before, _, after = _parts(text)
    return f"{before}{BEGIN}\n{table}\n{END}{after}"


def _parts(text: str) -> tuple[str, str, str]:
    before, begin, rest = text.partition(BEGIN)
    table, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"the document has no place for the table: {BEGIN} … {END}")
    return before, table.strip("\n"), after


def _cells(row: str) -> list[str]:
    return [cell.strip() for cell in row.strip("|").split("|")]


def _is_of_a_case(row: str) -> bool:
    """And none that names a group."""
    cells = _cells(row)
    return len(cells) > 2 and bool(cells[2])


def _row(line: Line) -> str:
    figures = " | ".join(_shown(value) for value in line.figures.values())
    case, number = line.case, str(line.case.number or "")
    return f"| {number} | {case.fault} | {case.at_risk} | {figures} | {_time(line)} | {verdict(line)} |"


def _sum(lines: Iterable[Line]) -> str:
    of_table = [line for line in lines if line.case.number]
    survived = sum(line.is_survived for line in of_table)
    seeds = sorted({seed for line in of_table for seed in line.seeds})
    return f"{survived} of {len(CASES)} survived, seed {_span(seeds)}; the figures are the worst that were seen."


def _slowest(results: Iterable[Result]) -> tuple[float | None, float | None]:
    """The time to progress that came nearest to what its test is allowed, and what that is."""
    times = [(result.row["T"], result.shown.t_s) for result in results if result.row.get("T") is not None]
    return max(times, key=lambda pair: pair[0] / (pair[1] or pair[0] or 1.0), default=(None, None))


def _time(line: Line) -> str:
    if line.t_s is None:
        return "-"
    return f"{line.t_s:.2f} s" + (f" of {line.allowed_s:g} s" if line.allowed_s is not None else "")


def _most(values: Iterable[object]) -> int | None:
    return max((value for value in values if isinstance(value, int)), default=None)


def _shown(value: int | None) -> str:
    return "-" if value is None else str(value)


def _span(seeds: Sequence[int]) -> str:
    if not seeds:
        return "-"
    return str(seeds[0]) if len(seeds) == 1 else f"{seeds[0]}-{seeds[-1]}"


def _short(text: str, width: int = 60) -> str:
    return f"{text if len(text) <= width else text[: width - 1] + '…':{width}}"
