"""The command: `PYTHONPATH=tests python -m faults`. All 45 cases with progress, or one, or many seeds.

The status is 0 if all that was asked for was survived. A case that no test shows, or whose tool is missing, was not.
"""

import argparse
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TextIO

from faults import table
from faults.catalogue import BESIDE, CASES
from faults.runs import ROOT, CannotRun, Result, Shown, Wish, collect, folder_for, run

DOCUMENT = ROOT / "docs" / "correctness.md"
WHY_LINES = 6


def main() -> None:
    """The entry point."""
    words = _parser().parse_args()
    try:
        tests = collect()
    except CannotRun as error:
        sys.exit(f"The tests cannot be collected:\n{error}")
    if words.list:
        _print_list(tests)
        return
    numbers = [words.case] if words.case else [*CASES, 0]
    wanted = [one for one in tests if set(one.numbers) & set(numbers)]
    results = list(_run_all(wanted, numbers, words))
    lines = table.lines_of(results, numbers)
    if words.write:
        _write(lines, whole=words.case is None)
    sys.exit(0 if _told(lines, is_again=len(_seeds(words)) > 1) else 1)


def _write(lines: Sequence[table.Line], *, whole: bool) -> None:
    text = DOCUMENT.read_text()
    made = table.markdown(lines) if whole else "\n" + table.renewed(table.within_markers(text), lines) + "\n"
    DOCUMENT.write_text(table.between_markers(text, made))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m faults", description=__doc__)
    parser.add_argument("--case", type=_number, help="only this one")
    parser.add_argument("--seed", type=int, default=1, help="where chance comes from (default: 1)")
    parser.add_argument("--seeds", type=int, default=1, help="the long form, with so many seeds from that one on")
    parser.add_argument("--jobs", type=int, default=2, help="tests side by side (default: 2)")
    parser.add_argument("--write", action="store_true", help=f"renew {DOCUMENT.relative_to(ROOT)}")
    parser.add_argument("--list", action="store_true", help="the cases, and the tests that show each")
    return parser


def _number(text: str) -> int:
    if not text.isdecimal() or int(text) not in CASES:
        raise argparse.ArgumentTypeError(f"there is no case {text}: they are 1 to {max(CASES)}")
    return int(text)


def _seeds(words: argparse.Namespace) -> range:
    return range(words.seed, words.seed + words.seeds)


def _run_all(tests: Sequence[Shown], numbers: Sequence[int], words: argparse.Namespace) -> Iterator[Result]:
    folder = folder_for()
    _say(f"{len(tests)} tests of {len(numbers) - (0 in numbers)} cases; logs in {folder.relative_to(ROOT)}")
    for seed in _seeds(words):
        wish = Wish(seed=seed, jobs=words.jobs, long=words.seeds > 1)
        yield from _run_seed(tests, numbers, wish, folder / f"seed-{seed}.log")


def _run_seed(tests: Sequence[Shown], numbers: Sequence[int], wish: Wish, log: Path) -> Iterator[Result]:
    """Run all with a seed; a case's line is printed when the last of its tests is over."""
    results: list[Result] = []
    began = time.monotonic()
    for result in run(tests, wish, log):
        results.append(result)
        _say(_progress(len(results), len(tests), began, result), to=sys.stderr)
        for number in result.shown.numbers:
            if number in numbers and _is_over(number, tests, results):
                _print_line(table.line_of(CASES.get(number, BESIDE), table.by_case(results)[number]), log)
        yield result


def _is_over(number: int, tests: Iterable[Shown], results: Iterable[Result]) -> bool:
    done = {result.shown.test for result in results}
    return all(one.test in done for one in tests if number in one.numbers)


def _progress(done: int, of: int, began: float, result: Result) -> str:
    name = result.shown.test.rsplit("::", 1)[-1]
    return f"  [{done}/{of}, {time.monotonic() - began:4.0f} s] {result.outcome}: {name} ({result.seconds:.0f} s)"


def _print_line(line: table.Line, log: Path) -> None:
    _say(table.as_text(line))
    if line.verdict in ("failed", "did not run") and line.worst is not None:
        why = "\n".join(f"    {text}" for text in line.worst.why.splitlines()[:WHY_LINES])
        _say(f"{why}\n    story: {log.relative_to(ROOT)}\n    again: {table.replay_of(line)}")


def _told(lines: Sequence[table.Line], *, is_again: bool) -> bool:
    """Print what was not told yet, and the sum; whether all were survived."""
    for line in lines:
        if is_again or line.verdict == table.NO_TEST:
            _say(table.as_text(line))
    of_table = [line for line in lines if line.case.number]
    survived = sum(line.is_survived for line in of_table)
    _say(f"{survived} of {len(of_table)} survived")
    return all(line.is_survived for line in lines)


def _print_list(tests: Iterable[Shown]) -> None:
    of: dict[int, list[str]] = {}
    for one in tests:
        for number in one.numbers:
            of.setdefault(number, []).append(one.test)
    for number, case in {**CASES, 0: BESIDE}.items():
        _say(f"{number or '':>2} {case.fault}  (T: {case.allowed})")
        for test in of.get(number, [table.NO_TEST]):
            _say(f"     {test}")


def _say(text: str, to: TextIO = sys.stdout) -> None:
    """At once: whoever watches wants to see how it goes on."""
    to.write(f"{text}\n")
    to.flush()


if __name__ == "__main__":
    main()
