"""How much memory a process holds while a campaign goes on: it may rise at first, and must level off."""

from collections.abc import Iterator

GROWTH_MAX_MB = 48.0
"""From the warm-up to the end."""
LEVEL_MAX_MB = 8.0
"""From the middle to the end: what leaks a little with each input grows as much there as before."""
LEVEL_FROM = 100_000
"""With fewer inputs the second half says nothing."""
WARM_UP = 4_000
SHOWN = 10


class Track:
    """What was seen: inputs so far, and MB."""

    def __init__(self, runs: int) -> None:
        self._runs = runs
        self._seen: list[tuple[int, float]] = []

    def note(self, inputs: int, resident_mb: float) -> None:
        """After so many inputs the process holds so much."""
        if inputs >= min(WARM_UP, self._runs):
            self._seen.append((inputs, resident_mb))

    @property
    def growth_mb(self) -> float:
        """From the warm-up to the end."""
        return self._last[1] - self._seen[0][1] if self._seen else 0.0

    @property
    def late_growth_mb(self) -> float:
        """How much more the process held at the most in the last quarter than in the second one."""
        return self._peak(0.75, 1.0) - self._peak(0.25, 0.5) if self._seen else 0.0

    def complaint(self) -> str | None:
        """What is wrong with it, if anything."""
        if self.growth_mb > GROWTH_MAX_MB:
            return f"the gateway's memory grew by {self.growth_mb:.1f} MB"
        if self._last[0] >= LEVEL_FROM and self.late_growth_mb > LEVEL_MAX_MB:
            return f"the gateway's memory does not level off: {self.late_growth_mb:.1f} MB more in the last quarter"
        return None

    def told(self) -> Iterator[str]:
        """A line for each tenth of the way."""
        for tenth in range(SHOWN + 1):
            at = self._seen[0][0] + (self._last[0] - self._seen[0][0]) * tenth / SHOWN if self._seen else 0
            found = next(((inputs, mb) for inputs, mb in self._seen if inputs >= at), None)
            if found is not None:
                yield f"{found[0]:>12,} inputs  {found[1]:6.1f} MB"

    @property
    def _last(self) -> tuple[int, float]:
        return self._seen[-1] if self._seen else (0, 0.0)

    def _peak(self, since: float, until: float) -> float:
        first, last = since * self._last[0], until * self._last[0]
        part = [mb for inputs, mb in self._seen if first <= inputs <= last]
        return max(part, default=self._seen[0][1])
