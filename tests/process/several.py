"""Servers of several locations for tests of processes, and what each location has of its own."""

from __future__ import annotations

import contextlib
import copy
import json
import re
import signal
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
import psutil

from codeserver.api import v1
from codeserver.api.v1.code_location_pb2_grpc import CodeLocationServiceStub
from tests.process.serving import LIMIT, Server, in_background, name_of, serve, skip_message
from tests.support.eventually import eventually
from tests.support.servers import OURS_WARM

Settings = Mapping[str, Any]

LIST = "locations.toml"
READY = v1.Location.STATE_READY


@dataclass
class Several:
    """A running server of several locations.

    Attributes:
        whole: the server, at its own socket.
        folder: has the file of the locations.
        sockets: the directory of their sockets.
        entries: the settings of each location, as the file has them.
    """

    whole: Server
    folder: Path
    sockets: Path
    entries: Mapping[str, Settings]
    _of: dict[str, Server] = field(default_factory=dict)

    def location(self, name: str) -> Server:
        """One location, at its own socket. Its processes are those of the whole server."""
        if name not in self._of:
            socket = self.sockets / f"{name}.sock"
            process = copy.copy(self.whole.server)
            process.socket = socket
            channel = grpc.insecure_channel(f"unix:{socket}")
            self._of[name] = Server(name, self.whole.home, process, channel, self.whole.seen)
        return self._of[name]

    def told(self, name: str) -> v1.Location:
        """What the typed API says of a location."""
        stub: Any = CodeLocationServiceStub(self.whole.channel)
        found = stub.GetLocation(v1.GetLocationRequest(location=name), timeout=LIMIT).location
        assert isinstance(found, v1.Location)
        return found

    def names(self) -> list[str]:
        """The locations that the server has now."""
        stub: Any = CodeLocationServiceStub(self.whole.channel)
        reply = stub.ListLocations(v1.ListLocationsRequest(), timeout=LIMIT)
        return [each.name for each in reply.locations]

    def ready(self, *names: str) -> None:
        """Wait until these locations are served, after their first load."""
        for name in names:
            eventually(lambda name=name: self.told(name).state == READY, what=f"{name} is ready")  # type: ignore[misc]

    def write(self, entries: Mapping[str, Settings]) -> None:
        """Write the file of the locations, in place of the previous one."""
        self.entries = entries
        write_list(self.folder, entries)

    def take_up(self, entries: Mapping[str, Settings]) -> None:
        """Write the file, and have the server read it."""
        self.write(entries)
        self.whole.front.send_signal(signal.SIGHUP)

    @property
    def base(self) -> psutil.Process:
        """The process with Dagster that forkservers are forked from."""
        (base,) = [
            each
            for each in psutil.Process(self.whole.front.pid).children()
            if name_of(each) == "codeserver forkserver"[:15]
        ]
        return base

    def processes(self, name: str, role: str) -> list[psutil.Process]:
        """The living processes of one location that have this role."""
        top = self.forkserver(name)
        within = {top, *top.children(recursive=True)}
        return [each for each in self.whole.processes(role) if each in within]

    def only(self, name: str, role: str) -> psutil.Process:
        """The one process of a location that has this role."""

        def found() -> psutil.Process:
            (process,) = self.processes(name, role)
            return process

        return eventually(found, what=f"one {role} of {name}")

    def forkserver(self, name: str) -> psutil.Process:
        """The forkserver of a location that has the sensor `quick`, found from an evaluator."""

        def found() -> psutil.Process:
            match = re.search(r"pid (\d+)", skip_message(self.location(name)))
            assert match
            line = psutil.Process(int(match[1])).parents()
            return line[line.index(self.base) - 1]

        return eventually(found, what=f"the forkserver of {name}")

    def close(self) -> None:
        for each in self._of.values():
            each.close()


@contextlib.contextmanager
def asked_without_pause(*servers: Server) -> Iterator[None]:
    """Fail if a call that needs no user code fails, or if a server id changes."""
    over = threading.Event()

    def ask(server: Server) -> int:
        before, count = server.id, 0
        while not (count and over.is_set()):
            assert server.client.get_server_id(timeout=LIMIT) == before
            assert "defs" in server.client.list_repositories()
            count += 1
        return count

    asking = [in_background(lambda server=server: ask(server)) for server in servers]  # type: ignore[misc]
    try:
        yield
    finally:
        over.set()
        counts = [each.result(LIMIT) for each in asking]
    assert all(counts)


def write_list(folder: Path, entries: Mapping[str, Settings]) -> None:
    """Write the file of the locations by a rename."""
    (folder / f"{LIST}.new").write_text(text_of(entries))
    (folder / f"{LIST}.new").rename(folder / LIST)


def text_of(entries: Mapping[str, Settings]) -> str:
    """The file of these locations."""
    return "\n".join(
        "\n".join(
            [
                f"[locations.{json.dumps(name)}]",
                *(f"{key} = {_value(value)}" for key, value in settings.items()),
                "",
            ]
        )
        for name, settings in entries.items()
    )


def _value(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key} = {_value(each)}" for key, each in value.items()) + "}"
    return json.dumps(str(value) if isinstance(value, Path) else value)


@contextlib.contextmanager
def serve_several(
    home: Path,
    folder: Path,
    entries: Mapping[str, Settings],
    *options: str,
    temporary: Path | None = None,
    command: Sequence[str] = OURS_WARM,
) -> Iterator[Several]:
    """Serve these locations, with sockets in the folder. Its path has to be short.

    Args:
        temporary: the directory for temporary files, in which the server then makes a directory for
            the sockets.
        command: the server, without options.
    """
    write_list(folder, entries)
    env = {"PYTHONDONTWRITEBYTECODE": "1"}
    if temporary is None:
        options = (*options, "--location-sockets", str(folder))
    else:
        env["TMPDIR"] = str(temporary)
    socket, listed = folder / "s", ("--locations", LIST)
    with serve(home, socket, *listed, *options, cwd=folder, env=env, command=command) as server:
        sockets = folder if temporary is None else next(temporary.glob("codeserver-*"))
        several = Several(server, folder, sockets, entries)
        try:
            yield several
        finally:
            several.close()
        for defect in ("background task", "is a defect"):
            assert defect not in server.server.text
