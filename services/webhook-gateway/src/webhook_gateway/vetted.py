"""An inbox that acknowledges nothing which its store may lose: for installations that require a durable Redis.

    append ──▶ a doubt is known: refused, nothing is written
           ──▶ written ──▶ on a connection whose server was not asked yet: ask it ──▶ no doubt: acknowledged

A failover, or a server that came back with other settings, shows as a new connection; so the question comes before the
first acknowledgment, not at the next look. A setting that is changed under a living connection shows at the next look
(:data:`~chassis.durability.EVERY_S`): for so long there may be acknowledgments that the store can lose.
"""

from collections.abc import Sequence
from typing import Protocol

from chassis.durability import Doubt, Durability
from webhook_gateway.ports import Entry, Inbox, Interrupted, NoInbox, Unavailable

RETRY_AFTER_S = 10
"""A person has to mend it."""


class Candid(Inbox, Protocol):
    """An inbox that tells what its store is worth."""

    connections: int

    async def doubts(self) -> Sequence[Doubt] | None:
        """For what the store may lose what it acknowledged; None: it does not answer."""


class VettedInbox:
    """``inbox``, as long as ``durability`` knows nothing against it."""

    def __init__(self, inbox: Candid, durability: Durability) -> None:
        self._inbox = inbox
        self._durability = durability
        self._vetted = 0

    async def append(self, batch: Sequence[Entry]) -> None:
        """See the port. What is refused after it was written is written twice when it is sent again, and counts twice
        nowhere: its session is open already.
        """
        self._refuse()
        spoilt: NoInbox | None = None
        try:
            await self._inbox.append(batch)
        except NoInbox as error:  # what is for other apps would be acknowledged
            spoilt = error
        if self._inbox.connections != self._vetted:
            await self._vet()
            self._refuse()
        if spoilt is not None:
            raise spoilt

    async def ping(self) -> None:
        """See the port."""
        await self._inbox.ping()
        self._refuse()

    async def _vet(self) -> None:
        connection = self._inbox.connections
        doubts = await self._inbox.doubts()
        if doubts is None or connection != self._inbox.connections:  # asked was another than had been written to
            raise Interrupted("redis did not say whether it is durable")
        self._durability.note(doubts)
        self._vetted = connection

    def _refuse(self) -> None:
        if (threat := self._durability.threat()) is not None:
            raise Unavailable(threat, retry_after_s=RETRY_AFTER_S)
