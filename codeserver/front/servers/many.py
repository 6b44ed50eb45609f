"""A server with several locations: a place for each, one port for all, and the file of them."""

from __future__ import annotations

import asyncio
import logging
import os
import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from functools import partial
from pathlib import Path
from typing import NoReturn

from codeserver.config import Config
from codeserver.errors import NoSuchLocation, OperatorError
from codeserver.exposure.listener import Listener
from codeserver.front.access.rule import Rule
from codeserver.front.access.security import Security
from codeserver.front.dagster_api import DagsterApi
from codeserver.front.handlers import Forwarding
from codeserver.front.health import WholeHealth
from codeserver.front.passing import Port, by_name, gateway
from codeserver.front.passing.tunnel import Refused, Wish
from codeserver.front.reply_room import ReplyRoom
from codeserver.front.servers.assembly import Services
from codeserver.front.servers.doors import Doors, listeners_of
from codeserver.front.servers.place import Common, Place
from codeserver.front.servers.server import LAST_WORD_SECONDS
from codeserver.front.typed_api.directory import CodeLocationService, Directory
from codeserver.letters import shown
from codeserver.locations import Entry, read
from codeserver.supervisor.evaluating.admission import Slots
from codeserver.supervisor.loading.failure import LoadFailure
from codeserver.supervisor.processes.bases import Bases
from codeserver.supervisor.processes.spawning import Python, Spawned
from codeserver.supervisor.processes.tasks import Tasks
from codeserver.supervisor.shutdown import Shutdown
from codeserver.supervisor.watching.one_file import changes_of
from codeserver.system.sockets import temporary_folder
from codeserver.target import current_directory

_log = logging.getLogger("codeserver")

_PLENTY = 1 << 31
"""Requests that wait for an evaluator of all: the queue of each location is the limit."""


class LocationsServer:
    """Several code locations served over gRPC.

    Args:
        spawned: a forkserver that was started ahead of time.

    Attributes:
        addresses: the addresses of the port that the locations share; empty before `start`.
    """

    def __init__(self, config: Config, entries: Sequence[Entry], spawned: Spawned) -> None:
        self._config = config
        self._entries = entries
        self._tasks = Tasks()
        self.shutdown = Shutdown(config.drain_delay, config.shutdown_grace)
        self._bases = Bases(Python(config.python), spawned)
        security = Security(config)
        self._ports = [
            (each, security.rule_of(each), security.credentials_of(each) is not None)
            for each in listeners_of(config)
            if not each.path
        ]
        # Only now: nobody closes a server that lacks a file for its certificate or its tokens.
        self._made_folder = None if config.location_sockets else temporary_folder()
        self._common = Common(
            *(self._bases, Slots(config.max_workers, _PLENTY), Directory(), WholeHealth()),
            *(self.shutdown, Path(self._made_folder or config.location_sockets or "")),
            *(security, _rules_of(self._ports)),
        )
        self._places: dict[str, Place] = {}
        self._by_host: dict[str, Place] = {}
        self._retiring: list[Place] = []
        self._accepting: list[Port] = []
        self._turn = asyncio.Lock()
        self.addresses: list[str] = []
        directory = self._common.directory
        services = Services(
            Forwarding(DagsterApi, self._refuse),
            CodeLocationService(directory),
            self._common.health,
            ReplyRoom(config.max_reply_memory),
        )
        self._doors = Doors(security, services)

    async def start(self) -> None:
        """Bind the addresses, serve, and begin the first load of each location.

        Raises:
            OperatorError: an address cannot be bound.
        """
        self._doors.bind(each for each in listeners_of(self._config) if each.path)
        for rule in self._common.rules:
            self._doors.open_within(rule)
        await self._doors.start()
        self.addresses = self._doors.addresses
        for listener, rule, is_tls in self._ports:
            port = self._port(listener, rule, is_tls)
            self._accepting.append(port)
            self.addresses += await port.start(listener.host, listener.port)
            self._common.security.tell(listener)
        for entry in self._entries:
            await self._add(entry)
        await self._bases.discard_unused()
        if self._config.watch:
            self._tasks.start("watch file of locations", self._watch())

    def reload(self) -> None:
        """Take up the changes of the file on SIGHUP, unless the server shuts down."""
        if not self.shutdown.asked.is_set():
            _log.info("SIGHUP: reading %s again", self._config.locations)
            self._tasks.start("take up changes", self._take_up())

    async def serve(self) -> LoadFailure | None:
        """Serve until asked to stop, then shut down. No failed load ends this server."""
        await self.shutdown.asked.wait()
        await self.close()
        return None

    async def close(self) -> None:
        """Shut down: serve while runs and requests finish, then end every process."""
        async with self._turn:
            places = [*self._places.values()]
            retiring = [self._tasks.start("retire", each.settled()) for each in self._retiring]
            stopping = [
                self._tasks.start("stop port", port.stop(LAST_WORD_SECONDS))
                for port in self._accepting
            ]
            await asyncio.gather(*(place.close() for place in places), *retiring)
            await self._doors.stop(LAST_WORD_SECONDS)
            await asyncio.gather(*stopping)
        await self._tasks.close()
        await self._bases.close()
        if self._made_folder is not None:
            shutil.rmtree(self._made_folder, ignore_errors=True)

    async def _watch(self) -> None:
        path = os.path.join(current_directory(), self._config.locations or "")
        async for _ in changes_of(path, self._config.watch_poll, self._tasks):
            # A failure is logged, and does not end the watch.
            await asyncio.wait([self._tasks.start("take up changes", self._take_up())])

    async def _take_up(self) -> None:
        """Take up the changes of the file; a file that cannot be used changes nothing."""
        async with self._turn:
            if self.shutdown.asked.is_set():
                return
            try:
                entries = await asyncio.to_thread(read, self._config.locations or "", self._config)
            except OperatorError as error:
                _log.error("%s The locations stay as they are.", error)
                return
            await self._arrange({entry.name: entry for entry in entries})

    async def _arrange(self, wanted: Mapping[str, Entry]) -> None:
        before = {name: place.entry for name, place in self._places.items()}
        moved = {
            name
            for name in before.keys() & wanted.keys()
            if _address(before[name]) != _address(wanted[name])
        }
        for name in {*(before.keys() - wanted.keys()), *moved}:
            self._retire(name)
        changed = set(moved)
        for name, entry in wanted.items():
            try:
                if name not in self._places:
                    await self._add(entry)
                elif self._places[name].wants(entry):
                    self._places[name].change(entry)
                    changed.add(name)
            except OperatorError as error:
                _log.error("location %s is not served: %s", shown(name), error)
        self._places = {name: self._places[name] for name in wanted if name in self._places}
        self._common.directory.arrange(tuple(wanted))
        self._log_changes(before.keys(), wanted.keys(), changed)

    async def _add(self, entry: Entry) -> None:
        port = entry.config.port
        before = None
        for place in [*self._retiring]:
            if port and place.entry.config.port == port:
                await self._unbound(place)
            if place.entry.name == entry.name:
                before = place
        if self.shutdown.asked.is_set():
            return
        place = Place(entry, self._common, before)
        try:
            await place.start()
        except OperatorError:
            self._tasks.start("discard", place.discard())
            raise
        self._places[entry.name] = place
        self._index()

    async def _unbound(self, place: Place) -> None:
        """Wait until the port of this place is free, or the server has to stop."""
        waiting = {
            self._tasks.start("wait for port", place.unbound.wait()),
            self._tasks.start("wait for shutdown", self.shutdown.asked.wait()),
        }
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        for each in waiting:
            each.cancel()

    def _retire(self, name: str) -> None:
        place = self._places.pop(name)
        self._index()
        self._retiring.append(place)
        place.vacate()
        self._tasks.start("retire", self._follow(place))

    async def _follow(self, place: Place) -> None:
        await place.settled()
        self._retiring.remove(place)

    def _index(self) -> None:
        self._by_host = {host: each for each in self._places.values() for host in each.entry.hosts}

    def _log_changes(self, before: Set[str], now: Set[str], changed: Set[str]) -> None:
        parts = {"added": now - before, "changed": changed, "removed": before - now}
        said = [f"{', '.join(sorted(names))} {what}" for what, names in parts.items() if names]
        _log.info("%s: %s", self._config.locations, "; ".join(said) or "no change")

    def _port(self, listener: Listener, rule: Rule, is_tls: bool) -> Port:
        most = self._config.max_connections
        if listener.is_gateway:
            return gateway(partial(self._find, rule), is_tls=is_tls, most=most)
        return by_name(partial(self._route, rule, is_tls), is_tls=is_tls, most=most)

    def _route(self, rule: Rule, is_tls: bool, host: str) -> str:
        """The socket for a host name: of its location, or of the server itself."""
        found = self._place_of(host)
        return self._doors.within(rule, is_tls) if found is None else found.socket(rule, is_tls)

    def _place_of(self, host: str) -> Place | None:
        """The location whose host name this is, as a whole or up to the first dot."""
        return self._by_host.get(host) or self._by_host.get(host.partition(".")[0])

    def _find(self, rule: Rule, wish: Wish) -> Callable[[bool], str]:
        """The sockets for a client of a gateway."""
        caller = self._common.security.admitted(wish)
        if self._place_of(wish.host) is None:
            raise Refused("404 Not Found", self._no_such_host())
        inner = rule.of(caller)
        return lambda is_tls: self._route(inner, is_tls, wish.host)

    def _refuse(self, _request: object) -> NoReturn:
        raise NoSuchLocation(self._no_such_host())

    def _no_such_host(self) -> str:
        hosts = ", ".join(place.entry.hosts[0] for place in self._places.values())
        return (
            "This address is that of several locations, and its host is the name of none. Connect "
            f"to the name of one, with or without a domain, such as NAME.localhost: {hosts}."
        )


def _rules_of(ports: Iterable[tuple[Listener, Rule, bool]]) -> set[Rule]:
    """The rules that connections of these ports have."""
    found: set[Rule] = set()
    for listener, rule, _ in ports:
        found |= {*rule.within()} if listener.is_gateway else {rule}
    return found


def _address(entry: Entry) -> tuple[object, ...]:
    """The address of a location alone. A gRPC server cannot change it."""
    return entry.config.host, entry.config.port, entry.config.socket, entry.hosts[0]
