"""The policy as people write it: one schema for every door (a file, the ``spec`` of an ``AllocationPolicy`` object).

The structs below are its only source: the file is read with them, and the schema that ``kubectl explain`` shows is
made from them, descriptions and bounds included. What they cannot say (no agent twice, an interval that begins and
ends at once) is in :mod:`allocator.core.spec_rules`.

Nothing is ever ``null``: a field that may be left out is ``UNSET`` where it was.
"""

from collections.abc import Iterable, Iterator, Mapping
from enum import StrEnum
from typing import Annotated, Any

import msgspec
from msgspec import NODEFAULT, UNSET, Meta, UnsetType

from allocator.core.ids import AppId

API_VERSION = "antre.dev/v1alpha1"
KIND = "AllocationPolicy"
CAPACITY_MAX = 1000
TOTAL_MAX = 1_000_000
APPS_MAX = 1000
AGENTS_MAX = 1000
NAMED_AGENTS_MAX = 300
"""With a capacity of their own: so many can be compared with each other within a rule's budget in Kubernetes."""
DIVISIONS_MAX = 200
CHANNELS_MAX = 200
RULES_MAX = 100
INTERVALS_MAX = 50
CLOSED_MAX = 400
ID_MAX = 2**53 - 1


class Strategy(StrEnum):
    """How to choose among the agents who may."""

    STICKY = "sticky"
    """The agent who served this room last."""
    LEAST_LOADED = "leastLoaded"
    """By percent of their capacity."""
    LONGEST_IDLE = "longestIdle"
    """Who was given somebody, or was freed of somebody, longest ago."""
    PLATFORM = "platform"
    """Whom the platform suggests, if the maximum allows: the original service's way. Stands alone."""


class Outside(StrEnum):
    """What happens outside of the hours."""

    HOLD = "hold"
    """Who waits is held until the next opening."""
    ASSIGN = "assign"
    """As if open."""


class Day(StrEnum):
    """A day of the week."""

    MON = "Mon"
    TUE = "Tue"
    WED = "Wed"
    THU = "Thu"
    FRI = "Fri"
    SAT = "Sat"
    SUN = "Sun"


Capacity = Annotated[int, Meta(ge=0, le=CAPACITY_MAX)]
_Id = Annotated[int, Meta(ge=1, le=ID_MAX)]
_App = Annotated[str, Meta(pattern="^[0-9A-Za-z][0-9A-Za-z_.-]{0,63}$", max_length=64)]
_Source = Annotated[str, Meta(pattern="^[a-z][a-z0-9_-]{0,31}$", max_length=32, examples=["wa", "ig", "qiscus"])]
_Email = Annotated[str, Meta(pattern=r"^[^@\s]+@[^@\s]+$", max_length=254)]
_Name = Annotated[str, Meta(min_length=1, max_length=255)]
_Duration = Annotated[str, Meta(pattern="^([0-9]{1,5}h)?([0-9]{1,5}m)?([0-9]{1,6}s)?$", min_length=2, max_length=20)]
_From = Annotated[str, Meta(pattern="^([01][0-9]|2[0-3]):[0-5][0-9]$", max_length=5, examples=["08:00"])]
_To = Annotated[str, Meta(pattern="^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$", max_length=5, examples=["17:00", "24:00"])]
_Date = Annotated[str, Meta(pattern="^[0-9]{4}-[0-9]{2}-[0-9]{2}$", max_length=10, examples=["2026-12-25"])]


class _Part(msgspec.Struct, forbid_unknown_fields=True, rename="camel"):
    """A mapping that has these fields and no others."""


class AgentMax(_Part, kw_only=True):
    """The capacity of one agent, named by number or by e-mail address."""

    id: Annotated[_Id, Meta(description="The agent's number at Qiscus. Either this or `email`.")] | UnsetType = UNSET
    email: (
        Annotated[_Email, Meta(description="The agent's e-mail address, in any case of letters. Either this or `id`.")]
        | UnsetType
    ) = UNSET
    max: Annotated[Capacity, Meta(description="Sessions of this agent at once; 0: none.")]


class DivisionMax(_Part, kw_only=True):
    """The capacity of each agent of one division."""

    name: Annotated[_Name, Meta(description="The division's name at Qiscus, in any case of letters.")]
    max: Annotated[
        Capacity,
        Meta(description="Sessions of each of its agents at once. Of several divisions the smallest applies."),
    ]


class ChannelMax(_Part, kw_only=True):
    """How many of one agent's sessions may come from one place."""

    source: Annotated[_Source, Meta(description="The kind of channel the sessions come from, as `wa`.")] | UnsetType = (
        UNSET
    )
    channel_id: (
        Annotated[_Id, Meta(description="The number of the channel they come from; with `source`, both must agree.")]
        | UnsetType
    ) = UNSET
    max: Annotated[Capacity, Meta(description="Of one agent's sessions, at most so many from there; 0: none.")]


class CapacitySpec(_Part, kw_only=True):
    """How many at once. Agent before division before default; every other cap that applies, applies too."""

    default: Annotated[Capacity, Meta(description="Sessions per agent at once where nothing below says it.")] = 2
    total: (
        Annotated[
            int,
            Meta(ge=0, le=TOTAL_MAX, description="Sessions of the app at once. Left out: no limit."),
        ]
        | UnsetType
    ) = UNSET
    agents: Annotated[
        list[AgentMax], Meta(max_length=NAMED_AGENTS_MAX, description="Capacities of single agents.")
    ] = []
    divisions: Annotated[
        list[DivisionMax],
        Meta(max_length=DIVISIONS_MAX, description="Capacities of the agents of a division, each for themselves."),
    ] = []
    channels: Annotated[
        list[ChannelMax],
        Meta(max_length=CHANNELS_MAX, description="Caps on what one agent has from one source or channel."),
    ] = []


class When(_Part, kw_only=True):
    """Which sessions a rule is about. Left out: all."""

    sources: (
        Annotated[
            list[_Source],
            Meta(min_length=1, max_length=CHANNELS_MAX, description="Kinds of channel, as `wa`: one of them."),
        ]
        | UnsetType
    ) = UNSET
    channel_ids: (
        Annotated[
            list[_Id],
            Meta(
                min_length=1,
                max_length=CHANNELS_MAX,
                description="Numbers of channels: one of them. A session whose channel Qiscus did not name has none.",
            ),
        ]
        | UnsetType
    ) = UNSET


class Rule(_Part, kw_only=True):
    """Who may take the sessions that `when` describes: whoever is of a division or is an agent named here."""

    when: Annotated[When, Meta(description="Which sessions this rule is about; both lists must agree.")] = (
        msgspec.field(default_factory=When)
    )
    divisions: (
        Annotated[
            list[_Name],
            Meta(min_length=1, max_length=DIVISIONS_MAX, description="Names of divisions whose agents may take them."),
        ]
        | UnsetType
    ) = UNSET
    agents: (
        Annotated[
            list[_Id],
            Meta(min_length=1, max_length=AGENTS_MAX, description="Numbers of agents who may take them."),
        ]
        | UnsetType
    ) = UNSET


class StickySpec(_Part, kw_only=True):
    """A customer comes back to the agent who served the room last."""

    for_: Annotated[
        _Duration,
        Meta(description="How long after its end a session is remembered, as `24h` or `1h30m`; at most 720h."),
    ] = msgspec.field(default="24h", name="for")
    patience: Annotated[
        _Duration,
        Meta(description="How long a customer waits for that agent while they are online but full; at most 24h."),
    ] = "0s"


class Interval(_Part, kw_only=True):
    """Open on these days from one time to another, by the clock of the time zone."""

    days: Annotated[
        list[Day], Meta(min_length=1, max_length=7, description="Days of the week on which the interval begins.")
    ]
    from_: Annotated[_From, Meta(description="The first minute that is open, as `08:00`.")] = msgspec.field(name="from")
    to: Annotated[
        _To,
        Meta(description="The first minute that is not, as `17:00`. Earlier than `from`: on the next day."),
    ]


class ClosedDay(_Part, kw_only=True):
    """A day on which nothing is open."""

    date: Annotated[_Date, Meta(description="The day, as `2026-12-25`.")]
    name: Annotated[str, Meta(max_length=255, description="What it is called, for people.")] = ""


class HoursSpec(_Part, kw_only=True):
    """When customers are given to agents. It never touches the agents' own status."""

    timezone: Annotated[
        str, Meta(min_length=1, max_length=64, description="Of all times here: a name as `Asia/Jakarta`.")
    ]
    open: (
        Annotated[
            list[Interval],
            Meta(min_length=1, max_length=INTERVALS_MAX, description="Open intervals. Left out: around the clock."),
        ]
        | UnsetType
    ) = UNSET
    closed: Annotated[
        list[ClosedDay], Meta(max_length=CLOSED_MAX, description="Days on which nothing is open, whatever `open` says.")
    ] = []
    outside: Annotated[
        Outside,
        Meta(description="`hold`: customers wait for the next opening; `assign`: as if open."),
    ] = Outside.HOLD


class Spec(_Part, kw_only=True):
    """What an operations team decides: who may take whom, how many at once, in which order, at which hours."""

    apps: (
        Annotated[
            list[_App],
            Meta(
                min_length=1,
                max_length=APPS_MAX,
                description="The Qiscus app ids this policy is for. Left out: every app that no other policy names.",
            ),
        ]
        | UnsetType
    ) = UNSET
    paused: Annotated[
        bool, Meta(description="True: customers are taken in and keep their places, and nobody is assigned.")
    ] = False
    capacity: Annotated[CapacitySpec, Meta(description="How many sessions at once.")] = msgspec.field(
        default_factory=CapacitySpec
    )
    eligibility: Annotated[
        list[Rule],
        Meta(
            max_length=RULES_MAX,
            description="Who may take which sessions. The first rule that matches decides; "
            "where none does, whoever Qiscus lets into the room.",
        ),
    ] = []
    strategy: Annotated[
        list[Strategy],
        Meta(
            min_length=1,
            max_length=len(Strategy),
            description="How to choose among those who may: a chain, the next decides where the one before sees no "
            "difference. `sticky` comes first, `platform` stands alone.",
        ),
    ] = msgspec.field(default_factory=lambda: [Strategy.LEAST_LOADED, Strategy.LONGEST_IDLE])
    sticky: Annotated[
        StickySpec, Meta(description="How the strategy `sticky` remembers; without effect where the chain lacks it.")
    ] = msgspec.field(default_factory=StickySpec)
    hours: Annotated[HoursSpec, Meta(description="Business hours. Left out: always open.")] | UnsetType = UNSET


def plain_of(spec: Spec) -> dict[str, Any]:
    """``spec`` as plain values, without what is as by default: the same from whichever door it comes."""
    return _plain(spec)


def row_of(spec: Spec) -> dict[str, Any]:
    """``spec`` as it is stored for an app: without ``apps``, which says where it goes and not what it is."""
    return _without_apps(_plain(spec))


def rows_for(spec: Any, apps: Iterable[AppId]) -> Iterator[tuple[AppId, dict[str, Any]]]:
    """Those of ``apps`` that ``spec``, in plain values, is for, each with what is stored for it."""
    named = spec.get("apps")
    for app in apps:
        if named is None or app in named:
            yield app, _without_apps(spec)


def _without_apps(plain: Mapping[str, Any]) -> dict[str, Any]:
    return {name: part for name, part in plain.items() if name != "apps"}


def _plain(part: msgspec.Struct) -> dict[str, Any]:
    """``part`` without the fields that are as by default, also where they were written out."""
    row: dict[str, Any] = {}
    for field in msgspec.structs.fields(part):
        value = getattr(part, field.name)
        default = field.default if field.default_factory is NODEFAULT else field.default_factory()
        if value is not UNSET and value != default:
            row[field.encode_name] = _value(value)
    return row


def _value(value: Any) -> Any:
    if isinstance(value, list):
        return [_value(one) for one in value]
    return _plain(value) if isinstance(value, msgspec.Struct) else msgspec.to_builtins(value)
