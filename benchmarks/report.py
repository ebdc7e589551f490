"""How results are told: a line as each figure ends, the table in docs/performance.md, benchmarks/results.json."""

import json
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from measure import Result, Unmeasured

BEGIN = "<!-- figures: written by `make bench` -->"
END = "<!-- end of figures -->"
HEAD = (
    "| # | figure | baseline in the same run | target | measured (min to max) | absolute: ours; theirs | |\n"
    "|---|---|---|---|---|---|---|\n"
)
WHY_MAX = 160


def line(one: Result | Unmeasured) -> str:
    """On one line, for whoever watches."""
    if isinstance(one, Unmeasured):
        return f"{one.number}: NOT MEASURED, {one.why}"
    verdict = "reached" if one.is_reached else "MISSED"
    return f"{one.number}: {_measured(one)}, wanted {_wanted(one)}: {verdict}   {one.ours}; {one.theirs}"


def table(results: Sequence[Result | Unmeasured]) -> str:
    """As Markdown."""
    return HEAD + "".join(f"| {' | '.join(_row(one))} |\n" for one in results)


def written(
    results: Sequence[Result | Unmeasured], on: Mapping[str, str], page: Path, record: Path, numbers: Collection[str]
) -> None:
    """Into the page between its markers, and as JSON. A part of the figures replaces those only; what the record has
    beyond ``numbers``, all that there are, is forgotten.
    """
    known: dict[str, Any] = json.loads(record.read_text()) if record.exists() else {}
    for one in results:
        known[one.number] = {name: getattr(one, name) for name in one.__slots__} | {"on": dict(on)}
    kept = {number: known[number] for number in sorted(known, key=_order) if number in numbers}
    record.write_text(json.dumps(kept, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    _into(page, f"{table([_read(values) for values in kept.values()])}\nMeasured on:\n\n{_machines(kept)}")


def _into(page: Path, text: str) -> None:
    before, _, rest = page.read_text(encoding="utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    page.write_text(f"{before}{BEGIN}\n\n{text}\n{END}{after}", encoding="utf-8")


def _read(values: Mapping[str, Any]) -> Result | Unmeasured:
    kind = Unmeasured if "why" in values else Result
    return kind(**{name: values[name] for name in kind.__slots__})


def _machines(kept: Mapping[str, Any]) -> str:
    """Each run of which there is a figure, with its figures where there are several."""
    runs: dict[str, list[str]] = {}
    for number, values in kept.items():
        told = "; ".join(f"{name}: {value}" for name, value in values["on"].items())
        runs.setdefault(told, []).append(number)
    return "".join(f"- {told}{_of(numbers) if len(runs) > 1 else ''}\n" for told, numbers in runs.items())


def _of(numbers: Sequence[str]) -> str:
    return f" (figures {', '.join(numbers)})"


def _row(one: Result | Unmeasured) -> list[str]:
    if isinstance(one, Unmeasured):
        why = one.why.replace("|", "\\|")
        return [one.number, one.figure, "", "", "**not measured**", why, "**not measured**"]
    absolute = f"{one.ours}; {one.theirs}"
    verdict = "reached" if one.is_reached else "**missed**"
    return [one.number, one.figure, one.baseline, _wanted(one), _measured(one), absolute, verdict]


def _wanted(one: Result) -> str:
    return f"{'≥' if one.at_least else '≤'} {_short(one.target)}{one.unit}"


def _measured(one: Result) -> str:
    return f"{_short(one.value)}{one.unit} ({_short(min(one.values))} to {_short(max(one.values))})"


def _short(value: float) -> str:
    return f"{value:.3g}" if abs(value) < 1000 else f"{value:,.0f}"  # noqa: PLR2004 - three digits say enough


def _order(number: str) -> tuple[int, str]:
    return int("".join(letter for letter in number if letter.isdigit())), number
