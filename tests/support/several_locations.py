"""A server of several locations, on one unix socket, with a socket beside it for each location."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.support.servers import OURS_WARM, ServerProcess

LIST = "locations.toml"


@contextmanager
def several_locations(
    files: Mapping[str, Path], socket: Path, home: Path
) -> Iterator[ServerProcess]:
    """Serve a location for each file by its name, with `NAME-service` as a further host."""
    folder = socket.parent
    write_list(folder, files)
    command = [
        *(*OURS_WARM, "--locations", str(folder / LIST)),
        *("--location-sockets", str(folder)),
    ]
    env = {"DAGSTER_HOME": str(home), "PYTHONDONTWRITEBYTECODE": "1"}
    with ServerProcess(command, socket, env=env) as server:
        try:
            yield server
        finally:
            print(server.text)


def write_list(folder: Path, files: Mapping[str, Path]) -> None:
    """Write the list of the locations, in place of the previous one."""
    lines = [
        f"[locations.{json.dumps(name)}]\npython_file = {json.dumps(str(file))}\n"
        f"hosts = [{json.dumps(f'{name}-service')}]\n"
        for name, file in files.items()
    ]
    (folder / f"{LIST}.new").write_text("".join(lines))
    (folder / f"{LIST}.new").rename(folder / LIST)


def serve_only(server: ServerProcess, files: Mapping[str, Path]) -> None:
    """Have the server serve these locations from now on."""
    write_list(server.socket.parent, files)
    server.process.send_signal(signal.SIGHUP)
