"""What each kind of happening does to a system, and how it ends."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from functools import partial

from allocator.core.requests import Kind
from simulation.loop import Process, outside
from simulation.network import Weather
from simulation.people import People
from simulation.script import Happening
from simulation.system import STEPS, AllocatorMember, Member, System
from simulation.wishes import Wishes
from support.memory.rows import Rows

SKEW_S = 0.2
TROUBLED = 1.0


def strike(system: System, people: People, wishes: Wishes, happening: Happening) -> None:
    """Let ``happening`` happen now."""
    wish = happening.what.removeprefix("asks to ")
    if happening.what not in PEOPLE and wish == happening.what:
        system.log(str(happening).split(" ", 1)[1])
    if wish != happening.what:
        wishes.ask(Kind(wish))
    elif happening.what in PEOPLE:
        PEOPLE[happening.what](people, happening)
    elif happening.who.split(" ")[0] in ("redis", "postgres"):
        _store(system, happening)
    elif happening.who == "platform":
        _platform(system, happening)
    elif " > " in happening.who:
        _link(system, happening)
    elif happening.what in SYSTEM:
        SYSTEM[happening.what](system, people, happening)
    else:
        _member(system, happening)


def heal(system: System) -> None:
    """Everything that was broken works; who was dead lives again."""
    system.log("everything heals")
    for weather, usual in system.weathers():
        _set(weather, usual)
    system.at_step = dict.fromkeys(STEPS, ())
    for server in system.servers.values():
        server.up = True
        server.thaw()
    mood = system.mood
    mood.unanswered = mood.late = mood.error = mood.too_many = 0.0
    mood.deaf = False
    system.place.count_lag_s, system.place.read_lag_s = system.script.counts_late_s, 0.0
    for member in system.members:
        if member.process.paused:
            member.process.resume()
        if not member.runs:
            member.begin()
    for agent in system.place.agents:
        system.place.go(agent, online=True)


def _later(seconds: float, what: Callable[..., object], *args: object) -> None:
    if not seconds:
        what(*args)
        return
    asyncio.get_running_loop().call_later(seconds, what, *args, context=outside())


# --- processes


def _member(system: System, happening: Happening) -> None:
    what, _, step = happening.what.partition(" at ")
    if step:
        system.at_step[step] += (lambda: _later(happening.value, _member, system, replace(happening, what=what)),)
        return
    member = _named(system, happening.who)
    if member is None or not member.runs:
        return
    system.log(f"{member.process.name} is {happening.what}")
    if happening.what == "killed":
        member.kill()
        _later(happening.for_s, _begin, system, member)
    elif happening.what == "terminated" and isinstance(member, AllocatorMember):
        member.restarts_after_s = happening.for_s
        member.stop()
    elif happening.what == "paused":
        member.process.pause()
        _later(happening.for_s, _resume, system, member.process)
    elif happening.what == "time of day jumps":
        member.skew_s += happening.value


def _named(system: System, who: str) -> Member | None:
    if who == "leader":
        return next((one for one in system.allocators if one.leads and not one.process.paused), None)
    return next((one for one in system.members if one.name == who), None)


def _begin(system: System, member: Member) -> None:
    if not member.runs:
        system.log(f"{member.name} starts again")
        member.begin()


def _resume(system: System, process: Process) -> None:
    if process.paused and not process.dead:
        system.log(f"{process.name} goes on")
        process.resume()


# --- the network


def _link(system: System, happening: Happening) -> None:
    who, server = happening.who.split(" > ")
    member = _named(system, who)
    if member is None:
        return
    weather, usual = system.weather(member.name, server), system.usual(server)
    changed = {
        "cut": replace(usual, cut=True),
        "silent": replace(usual, request_lost=TROUBLED, reply_lost=TROUBLED),
        "replies lost": replace(usual, reply_lost=TROUBLED),
        "slow": replace(usual, delay_s=(0.01, happening.value)),
    }[happening.what]
    _set(weather, changed)
    _later(happening.for_s, _set, weather, usual)


def _set(weather: Weather, like: Weather) -> None:
    for name in Weather.__slots__:
        setattr(weather, name, getattr(like, name))


# --- the stores


def _store(system: System, happening: Happening) -> None:
    server = system.servers[happening.who]
    if happening.what == "frozen":
        server.frozen = True
        _later(happening.for_s, server.thaw)
    elif happening.what == "killed":
        _crash(system, happening.who)
        _later(happening.for_s, partial(setattr, server, "up", True))
    elif happening.what == "time of day jumps":
        system.redis_clock.skew_s += happening.value
    elif happening.what == "is emptied":
        system.inbox.restore()
        system.lease.vanish()
    elif happening.who == "redis":
        _fail_over(system, "redis", partial(system.inbox.restore, system.inbox.snapshot()), happening.value)
    else:
        _fail_over(system, "postgres", partial(_set_rows, system, system.ledger.rows), happening.value)


def _crash(system: System, name: str) -> None:
    system.servers[name].crash()
    if name == "postgres":
        system.ledger.abort_all()


def _fail_over(system: System, name: str, go_back: Callable[[], None], after_s: float) -> None:
    """The replica has what there is now; the primary dies ``after_s`` from now, and what came between is lost."""

    def change() -> None:
        system.log(f"{name} dies, and its replica takes its place")
        _crash(system, name)
        go_back()
        system.servers[name].up = True

    _later(after_s, change)


def _set_rows(system: System, rows: Rows) -> None:
    system.ledger.rows = rows
    system.ledger.commits.clear()  # a leader whose successor was forgotten leads again, as far as anybody can know


# --- the platform


def _platform(system: System, happening: Happening) -> None:
    what, value = happening.what, happening.value
    if what == "counts late":
        system.place.count_lag_s = value
        _later(happening.for_s, partial(setattr, system.place, "count_lag_s", system.script.counts_late_s))
    elif what == "reads late":
        system.place.read_lag_s = value
        _later(happening.for_s, partial(setattr, system.place, "read_lag_s", 0.0))
    else:
        name, worse = what.replace(" ", "_"), True if what == "deaf" else value
        setattr(system.mood, name, worse)
        _later(happening.for_s, partial(setattr, system.mood, name, type(worse)(0)))


# --- people and the rest

PEOPLE: dict[str, Callable[[People, Happening], None]] = {
    "customer": lambda people, one: people.comes(one.who),
    "message": lambda people, one: people.writes(one.who),
    "assigns by hand": lambda people, one: people.interferes(one.what),
    "takes over": lambda people, one: people.interferes(one.what),
    "removes": lambda people, one: people.interferes(one.what),
    "resolves by hand": lambda people, one: people.interferes(one.what),
}


def _webhooks(name: str) -> Callable[[System, People, Happening], None]:
    def begin(_: System, people: People, happening: Happening) -> None:
        setattr(people, name, happening.value)
        _later(happening.for_s, partial(setattr, people, name, 0.0))

    return begin


def _offline(system: System, _: People, happening: Happening) -> None:
    system.place.go(int(happening.who), online=False)
    _later(happening.for_s, partial(system.place.go, int(happening.who), online=True))


def _capacity(system: System, _: People, happening: Happening) -> None:
    capacity = int(happening.value)
    system.policy = system.script.policy(capacity)
    for member in system.allocators:
        member.policies.give(system.policy)
    system.judge_capacity(capacity)


SYSTEM: dict[str, Callable[[System, People, Happening], None]] = {
    "webhooks lost": _webhooks("lost"),
    "webhooks doubled": _webhooks("doubled"),
    "webhooks reordered": _webhooks("reordered"),
    "offline": _offline,
    "deleted": lambda system, _, one: system.place.dismiss(int(one.who)),
    "capacity": _capacity,
    "lease vanishes": lambda system, _, __: system.lease.vanish(),
    "lease does not expire": lambda system, _, __: system.lease.never_expire(),
}
