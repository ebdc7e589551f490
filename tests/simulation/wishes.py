"""People ask the leader for something, and see themselves to those whom they took out."""

import asyncio
from datetime import timedelta

from allocator.core.ids import AppId, RoomId
from allocator.core.requests import Kind, Request, RequestId
from simulation.loop import outside
from simulation.people import People
from simulation.place import APP
from simulation.system import System

LOOK_S = 0.5
SEEN_TO_AFTER = timedelta(seconds=6)
"""Longer than it takes the sweep to bring back whom it must not bring back."""


class Wishes:
    """What is asked, by the word of the command."""

    def __init__(self, system: System, people: People) -> None:
        self._system, self._people = system, people
        self._dice = system.chance.of("wishes")
        self._asked = 0

    def ask(self, kind: Kind) -> None:
        """Somebody asks, if Postgres can be had."""
        if not self._asked:
            asyncio.get_running_loop().call_later(LOOK_S, self._see_to_them, context=outside())
        place = self._system.place
        rooms = [room for room in place.rooms if kind is Kind.REQUEUE or place.waits(room)]
        server = self._system.servers["postgres"]
        if server.frozen or not server.up or not rooms:
            return
        about = self._dice.choice(rooms) if kind in (Kind.REQUEUE, Kind.WITHDRAW) else None
        self._write(kind, about)

    def end_pause(self) -> None:
        """Whatever was paused or is still asked for: it ends."""
        if self._asked:
            self._write(Kind.RESUME, None)

    def _write(self, kind: Kind, room: RoomId | None) -> None:
        self._asked += 1
        self._system.log(f"somebody asks to {kind} {'the app' if room is None else f'room {room}'}")
        self._system.ledger.ask(
            Request(
                id=RequestId(f"{self._asked:032x}"),
                app=AppId(APP),
                kind=kind,
                room=room,
                by="somebody",
                at=self._system.clock.wall(),
            )
        )

    def _see_to_them(self) -> None:
        """Who waits on the platform since before they were withdrawn is helped by whoever withdrew them."""
        if self._system.over:
            return
        place, now = self._system.place, self._system.clock.wall()
        for room in list(place.rooms):
            at = self._system.withdrawn_at(room)
            is_out = at is not None and place.rooms[room].since <= at < now - SEEN_TO_AFTER
            if place.waits(room) and is_out and (APP, room) not in self._system.ledger.rows.open_rooms:
                self._people.sees_to(room)
        asyncio.get_running_loop().call_later(LOOK_S, self._see_to_them, context=outside())
