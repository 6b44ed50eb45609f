"""Fleets: the same locations as one server of ours with all of them, or as a stock server each."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import psutil  # type: ignore[import-untyped]

from bench.attempts import asked
from bench.client import Client
from bench.processes import eventually
from bench.servers import OURS, Kind, Server, temporary_folder

START_SECONDS = 600.0
_POLL_SECONDS = 0.02
_MEGABYTES_BY_SERVER = 250

Place = Callable[[Path], Path]
"""Writes the code of a location into a new folder, and returns the file to serve."""


@dataclass(frozen=True)
class Fleet:
    """Running servers of several locations.

    Attributes:
        kind: the program.
        servers: the servers: one with all locations, or one for each.
        clients: a client of each location by name.
        port: the port of all locations together; None with a server for each.
        own_ports: the port of each location alone; empty with a server for each.
    """

    kind: Kind
    servers: Sequence[Server]
    clients: Mapping[str, Client]
    port: int | None
    own_ports: Mapping[str, int]

    @property
    def began(self) -> float:
        """The time of the first start, on the monotonic clock."""
        return self.servers[0].began

    @property
    def processes(self) -> list[psutil.Process]:
        """The living processes of all servers."""
        return [process for server in self.servers for process in server.processes]

    def wait_until_loaded(self, names: Sequence[str] | None = None) -> None:
        """Wait until these locations are loaded and described, or all of them.

        Raises:
            RuntimeError: one is not loaded in time.
        """
        for name in names or [*self.clients]:
            client = self.clients[name]
            if not eventually(partial(_is_loaded, client), START_SECONDS, _POLL_SECONDS):
                said = "\n".join(server.output.text[-500:] for server in self.servers)
                raise RuntimeError(f"{self.kind.label} does not load {name}: {said}")


def _is_loaded(client: Client) -> bool:
    return asked(client.list_repositories).error is None and bool(client.repository())


@contextmanager
def fleet(kind: Kind, places: Mapping[str, Place]) -> Iterator[Fleet]:
    """Servers of these locations that were just started; they are killed at the end.

    Raises:
        RuntimeError: the machine has too little memory for as many servers.
    """
    wanted = (1 if kind is OURS else len(places)) * _MEGABYTES_BY_SERVER
    if psutil.virtual_memory().available < wanted * 1_000_000:
        raise RuntimeError(f"{len(places)} servers may need {wanted / 1000:.0f} GB of memory")
    with temporary_folder() as folder, ExitStack() as stack:
        if kind is OURS:
            yield _one_server(stack, folder, places)
        else:
            yield _server_for_each(stack, kind, folder, places)


def _one_server(stack: ExitStack, folder: Path, places: Mapping[str, Place]) -> Fleet:
    port, *ports = _free_ports(1 + len(places))
    own_ports = dict(zip(places, ports, strict=True))
    sockets = folder / "s"
    sockets.mkdir()
    text = "".join(
        f'[locations.{name}]\npython_file = "{place(folder / name)}"\nport = {own_ports[name]}\n'
        for name, place in places.items()
    )
    listed = folder / "locations.toml"
    listed.write_text(text, "utf-8")
    more = ("--location-sockets", str(sockets), "--host", "127.0.0.1", "--port", str(port))
    kind = replace(OURS, arguments=(*OURS.arguments, *more), option="--locations")
    server = stack.enter_context(closing(Server(kind, folder, listed)))
    clients = {name: Client(sockets / f"{name}.sock", server.home) for name in places}
    return Fleet(OURS, [server], clients, port, own_ports)


def _server_for_each(
    stack: ExitStack, kind: Kind, folder: Path, places: Mapping[str, Place]
) -> Fleet:
    files = {}
    for name, place in places.items():
        (folder / name).mkdir()
        files[name] = place(folder / name / "code")
    servers = {}
    for name, file in files.items():
        servers[name] = stack.enter_context(closing(Server(kind, folder / name, file)))
    clients = {name: server.client for name, server in servers.items()}
    return Fleet(kind, [*servers.values()], clients, None, {})


def _free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        found = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in found:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in found]
