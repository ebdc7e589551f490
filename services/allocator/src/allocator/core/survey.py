"""What a plan needs to know from our own rows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from allocator.core.ids import AgentId, Lane
from allocator.core.policy import Policy
from allocator.core.roster import Load
from allocator.core.session import Session


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """One app as it stands."""

    policy: Policy
    """The newest valid one: that of the app, else that for every app, else the standard; and its halt."""
    loads: Mapping[AgentId, Load]
    heads: Mapping[Lane, Sequence[Session]]
    """The oldest of each lane that wait for their turn."""
