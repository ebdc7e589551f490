"""Counting on the hot path: one event loop counts, plain numbers, and a scrape's thread reads them.

The client library's own counters take a lock at each step, and cost a webhook a fifteenth of all the work that there is
with it; these cost a hundredth. A scrape may see a number that is one webhook older than the next: as ever.
"""

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from itertools import accumulate

from prometheus_client import Metric
from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily
from prometheus_client.utils import floatToGoString


class Count:
    """A counter. Its label values are a tuple: few, and words of ours."""

    def __init__(self, name: str, text: str, labels: Iterable[str]) -> None:
        self._name, self._text, self._labels = name, text, tuple(labels)
        self._counts: dict[tuple[str, ...], int] = {} if self._labels else {(): 0}

    def add(self, labels: tuple[str, ...]) -> None:
        """One more."""
        self._counts[labels] = self._counts.get(labels, 0) + 1

    def collect(self) -> Iterator[Metric]:
        """For the registry."""
        family = CounterMetricFamily(self._name, self._text, labels=self._labels)
        for labels, count in self._counts.copy().items():
            family.add_metric(labels, count)
        yield family


class Spread:
    """A histogram with at most one label. ``bounds`` are the upper ends of its buckets, growing."""

    def __init__(self, name: str, text: str, bounds: Iterable[float], label: str | None = None) -> None:
        self._name, self._text = name, text
        self._labels = () if label is None else (label,)
        self._bounds = tuple(map(float, bounds))
        self._ends = [*map(floatToGoString, self._bounds), "+Inf"]
        self._counts: dict[str, list[int]] = {}
        self._sums: dict[str, float] = {}
        if label is None:
            self._begin("")

    def add(self, value: float, label: str = "") -> None:
        """One more, of ``value``."""
        counts = self._counts.get(label) or self._begin(label)
        counts[bisect_left(self._bounds, value)] += 1
        self._sums[label] += value

    def collect(self) -> Iterator[Metric]:
        """For the registry."""
        family = HistogramMetricFamily(self._name, self._text, labels=self._labels)
        for label, counts in self._counts.copy().items():
            buckets = list(zip(self._ends, map(float, accumulate(counts)), strict=True))
            family.add_metric([label] if self._labels else [], buckets, self._sums[label])
        yield family

    def _begin(self, label: str) -> list[int]:
        self._sums[label] = 0.0
        counts = self._counts[label] = [0] * (len(self._bounds) + 1)
        return counts
