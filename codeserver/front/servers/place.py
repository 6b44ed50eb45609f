"""The place of a name: one of several locations with its own gRPC server."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import dataclasses
import itertools
import logging
import os
from collections.abc import Collection, Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from codeserver.errors import Draining
from codeserver.front.access.rule import EVERYTHING, Rule
from codeserver.front.access.security import Security
from codeserver.front.binding import make_room
from codeserver.front.dagster_api import DagsterApi
from codeserver.front.handlers import Forwarding
from codeserver.front.health import Health, WholeHealth
from codeserver.front.held_socket import HeldSocket
from codeserver.front.reply_room import ReplyRoom
from codeserver.front.servers.assembly import Services
from codeserver.front.servers.doors import Doors, listeners_of
from codeserver.front.servers.served_location import Requests, ServedLocation
from codeserver.front.servers.server import LAST_WORD_SECONDS
from codeserver.front.typed_api.directory import CodeLocationService, Directory
from codeserver.front.typed_api.location_message import Access
from codeserver.locations import Entry
from codeserver.log_context import LOCATION
from codeserver.supervisor.evaluating.admission import Slots
from codeserver.supervisor.loading.failure import LoadFailure
from codeserver.supervisor.processes.bases import Bases
from codeserver.supervisor.processes.spawning import Python
from codeserver.supervisor.processes.tasks import Tasks
from codeserver.supervisor.shutdown import Shutdown

_log = logging.getLogger("codeserver")

_numbers = itertools.count(1)


@dataclass(frozen=True)
class Common:
    """The parts of the server that its locations have in common.

    Attributes:
        bases: processes from which forkservers are forked.
        whole: the evaluators of all locations together.
        directory: the locations, for the typed API.
        health: the health of the server.
        shutdown: the shutdown of the server.
        sockets: the directory of the sockets of locations.
        security: the certificate and the tokens of the server.
        rules: those of the ports that the locations share.
    """

    bases: Bases
    whole: Slots
    directory: Directory
    health: WholeHealth
    shutdown: Shutdown
    sockets: Path
    security: Security
    rules: Collection[Rule]


class Place:
    """The place of a name, where one location may follow another.

    A location with other settings is loaded beside the one that is served, and takes its place once
    it is there. The gRPC server stays.

    Args:
        entry: the location as the file has it.
        before: the place of the same name at other addresses, whose runs go on.

    Attributes:
        entry: the location as the file has it.
        addresses: the bound addresses of the location alone; the socket is the first.
        unbound: set when a retired place has no address any more.
    """

    def __init__(self, entry: Entry, common: Common, before: Place | None = None) -> None:
        self.entry = entry
        self.addresses: list[str] = []
        self.unbound = asyncio.Event()
        self._socket: HeldSocket | None = None
        self._common = common
        self._tasks = Tasks()
        self._context = contextvars.copy_context()
        self._context.run(LOCATION.set, entry.name)
        self._candidate: ServedLocation | None = None
        self._is_refused = False
        self._is_ending = False
        self._context.run(self._begin, None if before is None else before._served)

    def _begin(self, before: ServedLocation | None) -> None:
        self._served = self._make(self.entry, before)
        self._health = Health(self._served.location.current)
        self._own = Directory()
        self._own.add(self.entry.name, self._served.typed_api)
        services = Services(
            Forwarding(DagsterApi, lambda _: self._served.dagster_api),
            CodeLocationService(self._own),
            self._health,
            ReplyRoom(self._common.security.exposure.max_reply_memory),
        )
        # gRPC removes a socket at the path that it has bound. Another place may have it by then.
        self._first = os.path.join(os.path.dirname(self._path), f".{os.getpid()}.{next(_numbers)}")
        self._doors = Doors(self._common.security, services)

    @property
    def _path(self) -> str:
        in_folder = str(self._common.sockets / f"{self.entry.hosts[0]}.sock")
        return self.entry.config.socket or in_folder

    def socket(self, rule: Rule, is_tls: bool) -> str:
        """The path by which this process connects a client with the location, under a rule."""
        if rule == EVERYTHING and not is_tls:
            return "" if self._socket is None else self._socket.within
        return self._doors.within(rule, is_tls)

    def begin(self, name: str, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Do work about the location in the background, so that the log names the location."""
        return self._context.run(self._tasks.start, f"{name} {self.entry.name}", work)

    async def start(self) -> None:
        """Bind the addresses, serve, and begin the first load.

        Raises:
            OperatorError: an address cannot be bound.
        """
        self.addresses = self._bind()
        await self.begin("start", self._start())

    async def _start(self) -> None:
        self._show(self._served)
        self._common.directory.add(self.entry.name, self._served.typed_api)
        self._common.health.follow(self.entry.name, self._served.location.current)
        await self._served.restore()
        await self._doors.start()
        self.begin("first load", _load(self._served))

    def _bind(self) -> list[str]:
        make_room(self._path)  # a rename would replace whatever is there
        own = dataclasses.replace(self.entry.config, socket=self._first, listen=())
        self._doors.bind(listeners_of(own))
        for rule in self._common.rules:
            self._doors.open_within(rule)
        os.rename(self._first, self._path)
        self._socket = HeldSocket(self._path)
        return [f"unix:{self._socket.path}", *self._doors.addresses[1:]]

    def _unlink(self) -> None:
        if self._socket is not None:
            self._socket.close()

    def _make(self, entry: Entry, earlier: ServedLocation | None = None) -> ServedLocation:
        python = Python(entry.config.python, tuple(sorted(entry.environment.items())))
        return ServedLocation(
            *(entry.config, entry.target, self._common.bases.source(python)),
            Requests(self.restart),
            whole=self._common.whole,
            earlier=None if earlier is None else earlier.location,
        )

    def _show(self, served: ServedLocation) -> None:
        made_of_name, *given = self.entry.hosts
        served.reached_by(Access(self.addresses, (*given, made_of_name)))
        served.location.log.served_on = ", ".join([f"host {self.entry.hosts[0]}", *self.addresses])

    def restart(self) -> None:
        """Have a new location with the same settings take the place, as `ShutdownServer` asks."""
        self.change(self.entry)

    def wants(self, entry: Entry) -> bool:
        """Whether this entry is another one, or the one whose location could not take the place."""
        return entry != self.entry or self._is_refused

    def change(self, entry: Entry) -> None:
        """Have a location with these settings, at the same addresses, take the place."""
        if self._common.shutdown.asked.is_set():
            return
        self.entry = entry
        self._is_refused = False
        self.begin("change", self._change(entry))

    async def _change(self, entry: Entry) -> LoadFailure | None:
        if self._is_ending:
            return None  # since the change was asked for
        made = self._make(entry, self._served)
        if self._candidate is not None:
            self._leave(self._candidate)
        self._candidate = made
        self._show(made)
        made.location.log.hold_failure()
        try:
            failure = await made.load()
        except Draining:
            return None
        if made is not self._candidate:
            return failure  # the settings have changed again
        self._candidate = None
        if failure is not None and self._served.location.stays(failure):
            self._is_refused = True
            # For who has repaired the code, and asks for a reload.
            self._served.location.instead = lambda: self._change(entry)
            self._leave(made)
            return failure
        made.location.log.release_failure()
        self._follow(made)
        return failure

    def _follow(self, made: ServedLocation) -> None:
        before, self._served = self._served, made
        self._is_refused = False
        self._health.follow(made.location.current)
        for directory in (self._own, self._common.directory):
            directory.replace(self.entry.name, made.typed_api)
        before.typed_api.successor = made.typed_api
        self._common.health.follow(self.entry.name, made.location.current)
        self._leave(before)

    def _leave(self, served: ServedLocation) -> None:
        """Let what this location has begun end, without a limit for its runs, and end it."""
        shutdown = self._common.shutdown.part()
        shutdown.by_client()
        self.begin("end", _end(served, shutdown))

    def vacate(self) -> None:
        """Serve this name no longer; requests and runs that have begun end."""
        self._is_ending = True
        self._context.run(self._served.location.drain)
        self._common.directory.remove(self.entry.name)
        self._common.health.forget(self.entry.name)
        self._health.end_streams()
        self._unlink()
        if self._candidate is not None:
            self._leave(self._candidate)
            self._candidate = None
        self._leave(self._served)
        self.begin("unbind", self._unbind())

    async def _unbind(self) -> None:
        await self._doors.stop(self.entry.config.shutdown_grace)
        self.unbound.set()

    async def settled(self) -> None:
        """Wait for the end of everything that was begun here."""
        await self._tasks.settle()

    async def discard(self) -> None:
        """End a place that could not be started."""
        await self._doors.stop(None)
        shutdown = self._common.shutdown.part()
        shutdown.by_client()
        await _end(self._served, shutdown)

    async def close(self) -> None:
        """End everything, within the limits of the shutdown of the server."""
        shutdown = self._common.shutdown
        self._is_ending = True
        if self._candidate is not None:
            self._leave(self._candidate)
            self._candidate = None
        await self.begin("finish", self._served.finish(shutdown))
        await self._doors.stop(LAST_WORD_SECONDS)
        await self.begin("close", self._served.close())
        await self._tasks.settle()
        self._unlink()


async def _end(served: ServedLocation, shutdown: Shutdown) -> None:
    await served.finish(shutdown)
    await served.close()


async def _load(served: ServedLocation) -> None:
    with contextlib.suppress(Draining):
        await served.load()
