"""What a leader keeps in mind of an app's customers who are not ours, between rounds."""

from collections.abc import Iterable, Mapping

from allocator.core.foreign import (
    Foreign,
    Held,
    Readings,
    as_found,
    believed,
    held_after,
    never_held,
    readings_after,
)
from allocator.core.ids import AgentId
from allocator.core.plan import Reservation
from allocator.core.roster import IDLE, Load, Roster, freed_unseen

KEPT_S = 20.0
"""What we held is remembered for so long: longer than any roster may be old, and the platform late."""


class Others:
    """Of one app. ``lag_s``: by so much the counts are late; ``trust_s``: for so long a roster is good."""

    def __init__(self, lag_s: float, trust_s: float) -> None:
        self.foreign: Foreign = {}
        """How many each agent has."""
        self._lag_s, self._trust_s = lag_s, trust_s
        self._loads: Mapping[AgentId, Load] = {}
        self._held: Held | None = None
        self._readings: Readings = {}

    def hold(self, loads: Mapping[AgentId, Load], now: float) -> frozenset[AgentId]:
        """Note what our own rows say. Returns agents whose last roster is to be seen again: slots of theirs were freed
        without a word that it was just now.
        """
        held = as_found(loads, now) if self._held is None else self._held
        freed, self._loads = freed_unseen(self._loads, loads), loads
        if freed:
            held = never_held(held, freed)
            self._readings = {agent: line for agent, line in self._readings.items() if agent not in freed}
        taken = {agent: load.taken for agent, load in loads.items()}
        self._held = held_after(held, taken, now, KEPT_S + self._lag_s)
        return frozenset(freed)

    def see(self, roster: Roster) -> None:
        """Take from ``roster`` what it says."""
        assert self._held is not None
        kept_s = self._lag_s + self._trust_s
        self._readings = readings_after(
            self._readings, roster, self._loads, self._held, lag_s=self._lag_s, kept_s=kept_s
        )

    def believe(self, now: float) -> None:
        """Decide what is believed now."""
        self.foreign = believed(self._readings, now - self._trust_s)

    def give(self, reservations: Iterable[Reservation], now: float) -> None:
        """Slots were given out."""
        assert self._held is not None
        slots: dict[AgentId, frozenset[int]] = {}
        for given in reservations:
            before = slots.get(given.agent, self._loads.get(given.agent, IDLE).taken)
            slots[given.agent] = before | {given.slot}
        self._held = held_after(self._held, slots, now, KEPT_S + self._lag_s)
