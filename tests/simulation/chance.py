"""Chance, from one seed: a stream of its own for everything that asks, so that one change moves little else."""

from random import Random


class Chance:
    """Streams by name. The same seed and the same name give the same numbers, in every process."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self._streams: dict[str, Random] = {}

    def of(self, name: str) -> Random:
        """The stream of ``name``."""
        if name not in self._streams:
            self._streams[name] = Random(f"{self.seed} {name}")
        return self._streams[name]
