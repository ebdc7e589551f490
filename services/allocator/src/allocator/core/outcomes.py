"""What the platform's answers mean, as values. Expected answers are never exceptions.

An *outcome* is what became of one ``assign_agent``; a *view* is what reading a room showed.
The one distinction that all of them serve: did the request surely have no effect, surely have its effect, or
is that unknown? Only ``Unknown`` leaves a request that may still land.
"""

from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Done:
    """The agent is in the room."""


@dataclass(frozen=True, slots=True)
class SomebodyThere:
    """Refused: the room has an agent already. Perhaps ours, by a request whose answer was lost."""


@dataclass(frozen=True, slots=True)
class AlreadyOver:
    """Refused: the room is resolved."""


@dataclass(frozen=True, slots=True)
class AgentRefused:
    """Refused because of this agent, or for a reason nobody recorded; another agent may do."""

    reason: str


@dataclass(frozen=True, slots=True)
class RoomRefused:
    """Refused because of the room: it cannot be served by anyone."""

    reason: str


@dataclass(frozen=True, slots=True)
class CredentialsRefused:
    """The platform does not know us. Concerns the whole app."""


@dataclass(frozen=True, slots=True)
class NotNow:
    """The platform asks for a pause. Concerns the whole app."""

    retry_after_s: float


@dataclass(frozen=True, slots=True)
class Unknown:
    """No answer, or none that can be read: the request may have had its effect, or may still have it."""

    reason: str


@dataclass(frozen=True, slots=True)
class NotSent:
    """We did not send it, because the right to send was not sure for long enough."""


Outcome: TypeAlias = (
    Done | SomebodyThere | AlreadyOver | AgentRefused | RoomRefused | CredentialsRefused | NotNow | Unknown | NotSent
)


@dataclass(frozen=True, slots=True)
class Waits:
    """Nobody is in the room and it is not resolved."""


@dataclass(frozen=True, slots=True)
class Served:
    """Somebody is in the room: the agent asked about (``ours``), or somebody else."""

    ours: bool


@dataclass(frozen=True, slots=True)
class Over:
    """The room is resolved."""


@dataclass(frozen=True, slots=True)
class Missing:
    """The platform knows no such room."""


@dataclass(frozen=True, slots=True)
class NotSeen:
    """The room could not be read; ``because`` is the outcome that reading it had."""

    because: Unknown | NotNow | CredentialsRefused | NotSent


View: TypeAlias = Waits | Served | Over | Missing | NotSeen
