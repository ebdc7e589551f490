"""The guards of the protocol. A variant is the protocol with some of them taken out, or done in another way."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class Protocol:
    """As the design has it, unless said otherwise."""

    record_before_pop: bool = True
    """An entry is deleted from the stream after Postgres has it. Else: taken out first, kept in memory, written
    then.
    """
    fence: bool = True
    """Each transaction finds the writer's term in force, or writes nothing."""
    slots_are_rows: bool = True
    """The schema refuses a second session on a slot (decision 0003)."""
    intent_rows: bool = True
    """RESERVED is written down before the platform is told. Else: only what the platform answered is."""
    pinned: bool = True
    """What is sent again is for the same agent. Else: a room that reads as empty gets any free agent."""
    compare_and_set: bool = True
    """``max_agent=1``: the platform refuses an agent for a room that has one."""
    slot_held_in_doubt: bool = True
    """Until the quarantine is over. Else: after a time-out the agent may get somebody else."""
    trust_when_sending: bool = True
    """Trust in the lease is checked right before sending. Else: only when the slot is given out."""
    recovery: Literal["looks", "announces", "forgets"] = "announces"
    """What a new leader does with what it finds RESERVED: reads the room first (as the design had it), announces it
    again at once (decision 0011), nothing.
    """

    check_is_sending: bool = True
    """Nothing lies between the trust check and the packet. No code can promise that: a process may be paused there."""
    quarantine_by_reading: bool = True
    """A reading that shows an empty room frees the slot only if it *began* after the quarantine. Else: if it is
    *written down* after it.
    """
    doubt_outlives_success: bool = True
    """That an earlier request for a session may still land is remembered when a later one succeeds: the room is read
    before its end is believed, and then the slot is held until the quarantine is over. Else: a success is the end of
    doubt.
    """
    view_ends_doubt: bool = False
    """A reading that shows our agent ends doubt, although of two unanswered requests one may still be out."""
    inbox_first: bool = False
    """What recovery announces again waits until the inbox has told what it knew of the room (0011, known gap)."""
    when_unsure: Literal["new term", "took effect", "failed"] = "new term"
    """After a commit without a reply: begin a new term and see what was written (decision 0002), or believe
    something.
    """
    term_waits: bool = True
    """A new term waits for transactions under way (``FOR SHARE``)."""
    own_term_follows_own: bool = True
    """After a commit without a reply, a new term is begun only if our own is still in force. Else: whoever led
    since.
    """
    fence_names_leader: bool = False
    """The fence compares the number of the term and who began it. Else: the number."""
    failover_is_noticed: bool = True
    """A failover of Postgres breaks the leader's connections, which it takes for a commit without a reply."""
    sweep: bool = False
    """Rooms that wait on the platform and that no row knows are taken up."""
