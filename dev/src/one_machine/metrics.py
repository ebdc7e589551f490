"""Reads what a process tells of itself in the Prometheus text format: only as much of it as the view needs."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

_LINE = re.compile(r"^(?P<name>[a-zA-Z_:][\w:]*)(?:\{(?P<labels>.*)\})?\s+(?P<value>\S+)")
_LABEL = re.compile(r'(?P<key>\w+)="(?P<value>(?:[^"\\]|\\.)*)"')


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One number with its name and labels."""

    name: str
    labels: dict[str, str]
    value: float


def parse(text: str) -> list[Sample]:
    """Every sample of a page; lines that are none (comments, half a line) are passed over."""
    return [sample for line in text.splitlines() if (sample := _sample(line)) is not None]


def total(samples: Iterable[Sample], name: str) -> float:
    """The sum over all label values; 0 when there is no such sample."""
    return sum(sample.value for sample in samples if sample.name == name)


def largest(samples: Iterable[Sample], name: str) -> float:
    """The largest over all label values; 0 when there is no such sample."""
    return max((sample.value for sample in samples if sample.name == name), default=0.0)


def by_label(samples: Iterable[Sample], name: str, label: str) -> dict[str, float]:
    """Sums by the value of one label, without those that are 0."""
    sums: dict[str, float] = {}
    for sample in samples:
        if sample.name == name and sample.value:
            key = sample.labels.get(label, "")
            sums[key] = sums.get(key, 0.0) + sample.value
    return sums


def _sample(line: str) -> Sample | None:
    found = _LINE.match(line)
    if found is None:
        return None
    try:
        value = float(found["value"])
    except ValueError:
        return None
    labels = {label["key"]: label["value"] for label in _LABEL.finditer(found["labels"] or "")}
    return Sample(name=found["name"], labels=labels, value=value)
