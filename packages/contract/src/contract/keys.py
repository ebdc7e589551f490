"""The names of what we keep in Redis. Every key about customers carries its app.

The braces are a hash tag: should a store ever be spread over several servers, all keys of an app stay
together on one.
"""

from dataclasses import dataclass

from contract.events import AppId


@dataclass(frozen=True, slots=True)
class Keys:
    """Key names under ``prefix``, so that two installations can share a Redis."""

    prefix: str = "antre"

    def inbox(self, app: AppId) -> str:
        """The stream of events that Postgres has not recorded yet."""
        return f"{self.prefix}:{{{app}}}:inbox"

    def put_aside(self, app: AppId) -> str:
        """The stream of entries that nobody could read, for a person to look at."""
        return f"{self.prefix}:{{{app}}}:put-aside"

    def glance(self, app: AppId) -> str:
        """What the leader sees of an app at this moment, for those who ask; it goes away by itself."""
        return f"{self.prefix}:{{{app}}}:glance"

    @property
    def lease(self) -> str:
        """Who should lead: ``owner|counter``, with a time to live."""
        return f"{self.prefix}:{{lease}}:holder"

    @property
    def handover(self) -> str:
        """A list that a leader who leaves pushes to, so that one of those who wait wakes at once."""
        return f"{self.prefix}:{{lease}}:handover"
