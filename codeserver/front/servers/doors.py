"""The doors of a location: its listeners, each with a gRPC server that keeps the rule of it."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Callable, Iterable
from functools import partial

import grpc

from codeserver import default_address
from codeserver.config import Config
from codeserver.exposure.listener import Listener
from codeserver.front.access.rule import Rule
from codeserver.front.access.security import Security
from codeserver.front.binding import bind_port, bind_socket
from codeserver.front.held_socket import HeldSocket
from codeserver.front.passing import Port, gateway
from codeserver.front.passing.tunnel import Wish
from codeserver.front.servers.assembly import Services, grpc_server
from codeserver.system.sockets import temporary_folder

Credentials = grpc.ServerCredentials | None


def listeners_of(config: Config) -> list[Listener]:
    """All listeners that the operator has named, or else the default one; the port first.

    If binding a port fails, no socket file is left behind then.
    """
    found = []
    if config.port is not None or not (config.socket or config.listen):
        port = default_address.PORT if config.port is None else config.port
        found.append(Listener(host=config.host, port=port))
    found += [each for each in config.listen if not each.path]
    if config.socket:
        found.append(Listener(path=config.socket))
    return [*found, *(each for each in config.listen if each.path)]


class Doors:
    """Everything that leads to the services of one location.

    Attributes:
        addresses: the bound addresses; unix sockets first.
    """

    def __init__(self, security: Security, services: Services) -> None:
        self._security = security
        self._services = services
        self._servers: dict[Rule, grpc.aio.Server] = {}
        self._inner = _Inner()
        self._sockets: list[HeldSocket] = []
        self._gateways: list[tuple[Listener, Port]] = []
        self.addresses: list[str] = []

    def bind(self, listeners: Iterable[Listener]) -> None:
        """Bind these addresses; those of gateways at the start.

        Raises:
            OperatorError: one cannot be bound, or lacks what its rule needs.
        """
        sockets, ports = [], []
        for each in listeners:
            rule = self._security.rule_of(each)
            if each.is_gateway:
                for inner in rule.within():
                    self.open_within(inner)
                find = partial(self._find, rule)
                is_tls = self._security.credentials_of(each) is not None
                self._gateways.append(
                    (
                        each,
                        gateway(find, is_tls=is_tls, most=self._security.exposure.max_connections),
                    )
                )
            elif each.path:
                server = self._server(rule)
                sockets.append(bind_socket(server, each.path, mode=each.mode, owner=each.owner))
                self._sockets.append(HeldSocket(each.path))
            else:
                credentials = self._security.credentials_of(each)
                ports += bind_port(self._server(rule), each.host, each.port, credentials)
                self._security.tell(each)
        self.addresses = [*sockets, *ports]

    def open_within(self, rule: Rule) -> None:
        """Make sockets for connections of this process that keep a rule; see `within`."""
        server, credentials = self._server(rule), self._security.credentials
        self._inner.bind(server, (rule, False), None)
        if credentials is not None:
            self._inner.bind(server, (rule, True), credentials)

    def within(self, rule: Rule, is_tls: bool) -> str:
        """The socket of a rule for a client that speaks TLS, or for one that does not."""
        return self._inner.path((rule, is_tls))

    def _server(self, rule: Rule) -> grpc.aio.Server:
        if rule not in self._servers:
            self._servers[rule] = grpc_server(self._security.exposure, self._services, rule)
        return self._servers[rule]

    def _find(self, rule: Rule, wish: Wish) -> Callable[[bool], str]:
        """The sockets for a client of a gateway."""
        caller = self._security.admitted(wish)
        return partial(self.within, rule.of(caller))

    async def start(self) -> None:
        """Serve.

        Raises:
            OperatorError: the address of a gateway cannot be bound.
        """
        for listener, port in self._gateways:
            self.addresses += await port.start(listener.host, listener.port)
            self._security.tell(listener)
        await asyncio.gather(*(each.start() for each in self._servers.values()))

    async def stop(self, grace: float | None) -> None:
        """Refuse new calls, and end the others after `grace` seconds, or at once."""
        await asyncio.gather(
            *(each.stop(grace) for each in self._servers.values()),
            *(port.stop(grace or 0) for _, port in self._gateways),
        )
        for held in self._sockets:
            held.close()  # gRPC removes only those of servers that have started
        self._inner.close()


class _Inner:
    """Sockets that only this process connects to, in a folder of its own."""

    def __init__(self) -> None:
        self._folder: str | None = None
        self._held: dict[tuple[Rule, bool], HeldSocket] = {}

    def bind(self, server: grpc.aio.Server, key: tuple[Rule, bool], given: Credentials) -> None:
        """Bind the one for a rule, with TLS if there are credentials, unless it is there."""
        if key not in self._held:
            self._folder = self._folder or temporary_folder()
            path = os.path.join(self._folder, f"{len(self._held)}.sock")
            bind_socket(server, path, given)
            self._held[key] = HeldSocket(path)

    def path(self, key: tuple[Rule, bool]) -> str:
        """By which this process connects to it; empty if there is none."""
        held = self._held.get(key)
        return "" if held is None else held.within

    def close(self) -> None:
        """Remove all."""
        for held in self._held.values():
            held.close()
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
