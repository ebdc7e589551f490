"""Why a session waits, for the people who ask. Every session that a plan leaves waiting has one."""

from collections.abc import Mapping
from enum import StrEnum


class WaitReason(StrEnum):
    """Words for an operations team; they appear in metrics, views and, later, an API."""

    NO_AGENT_ONLINE = "no_agent_online"
    ALL_AT_CAPACITY = "all_at_capacity"
    NO_ELIGIBLE_AGENT = "no_eligible_agent"
    CHANNEL_AT_CAPACITY = "channel_at_capacity"
    """Who has room has as many from this source or channel as the policy allows."""
    APP_AT_CAPACITY = "app_at_capacity"
    """The app has as many sessions as the policy allows in total."""
    WAITING_FOR_THEIR_AGENT = "waiting_for_their_agent"
    """The agent who served the room last is online but full, and the policy's patience is not over."""
    OUTSIDE_HOURS = "outside_hours"
    PAUSED = "paused"
    """By the policy."""
    PAUSED_BY_HAND = "paused_by_hand"
    """By a person, with `allocator pause`."""
    PLATFORM_UNAVAILABLE = "platform_unavailable"
    CREDENTIALS_REFUSED = "credentials_refused"
    ASKING = "asking_who_may"
    """The roster is being fetched: the next round knows more."""
    CALLS_AT_LIMIT = "calls_at_limit"
    """As many assignments are under way as may be: the next outcome makes room."""
    LEAD_IN_QUESTION = "lead_in_question"
    """The lease could not be renewed for a while: nothing is sent that might outlast it."""
    VERIFYING = "verifying"
    """Its room is being read, because this wait is in question."""
    BACKING_OFF = "backing_off"
    """The platform refused it; it is tried again soon."""


MEANINGS: Mapping[str, str] = {
    WaitReason.NO_AGENT_ONLINE: "nobody who may take it is online",
    WaitReason.ALL_AT_CAPACITY: "everybody who may take it and is online has as many customers as they can carry",
    WaitReason.NO_ELIGIBLE_AGENT: "the platform names nobody who may take it",
    WaitReason.CHANNEL_AT_CAPACITY: "who has room has as many from this channel as the policy allows",
    WaitReason.APP_AT_CAPACITY: "the app has as many sessions as the policy allows in total",
    WaitReason.WAITING_FOR_THEIR_AGENT: "the agent who served them last is online but full, and is waited for",
    WaitReason.OUTSIDE_HOURS: "it is outside business hours",
    WaitReason.PAUSED: "assigning is paused by the policy",
    WaitReason.PAUSED_BY_HAND: "assigning is paused by a person",
    WaitReason.PLATFORM_UNAVAILABLE: "the platform does not answer, or asked for a pause",
    WaitReason.CREDENTIALS_REFUSED: "the platform refuses our credentials",
    WaitReason.ASKING: "the platform is being asked who may take it",
    WaitReason.CALLS_AT_LIMIT: "as many assignments are under way as may be",
    WaitReason.LEAD_IN_QUESTION: "the leader is not sure of its lease",
    WaitReason.VERIFYING: "its room is being read, because this wait is in question",
    WaitReason.BACKING_OFF: "the platform refused it; it is tried again soon",
}
"""Each in a few words, for a person."""
