"""A server of several locations, as a program: the typed API of all, on one unix socket.

Its arguments are the name and the file of each location, and `-s` with the path of the socket.
SIGHUP removes the last location. SIGTERM ends the server.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import grpc

from codeserver.api.v1 import code_location_pb2 as pb
from codeserver.config import Config
from codeserver.front.handlers import handlers_for
from codeserver.front.reply_room import ReplyRoom
from codeserver.front.typed_api.directory import SERVICE, CodeLocationService, Directory
from codeserver.front.typed_api.location_message import Access
from codeserver.front.typed_api.service import CodeLocationApi
from codeserver.supervisor.location import Location
from codeserver.supervisor.shutdown import Shutdown
from codeserver.target import resolve
from tests.support.servers import ServerProcess

ROOT = Path(__file__).parent.parent.parent


@contextmanager
def several_locations(
    files: Mapping[str, Path], socket: Path, home: Path
) -> Iterator[ServerProcess]:
    """Run this program, with a location for each file by its name."""
    command = [sys.executable, "-m", "tests.support.several_locations"]
    for name, file in files.items():
        command += [name, str(file)]
    env = {"DAGSTER_HOME": str(home), "PYTHONDONTWRITEBYTECODE": "1"}
    with ServerProcess(command, socket, env=env, cwd=ROOT) as server:
        try:
            yield server
        finally:
            print(server.text)


async def serve(socket: str, files: Mapping[str, str]) -> None:
    directory, locations = Directory(), dict[str, Location]()
    for number, (name, file) in enumerate(files.items()):
        options = {"python_file": file, "location_name": name, "runs": "warm"}
        config, target = resolve(Config.from_options(options))
        locations[name] = Location(config, target)
        api = CodeLocationApi(config, target, locations[name])
        own = f"unix:{Path(socket).parent}/{name}.sock", f"0.0.0.0:{4101 + number}"
        api.reached_by(Access(own, (f"{name}-service", name)))
        directory.add(name, api)
    server = grpc.aio.server()
    service = CodeLocationService(directory)
    server.add_generic_rpc_handlers((handlers_for(SERVICE, pb, service, ReplyRoom()),))
    server.add_insecure_port(f"unix:{socket}")

    async def remove_last() -> None:
        name, location = locations.popitem()
        shutdown = Shutdown(0, 0)
        shutdown.by_client()
        await location.finish(shutdown)
        directory.remove(name)
        await location.close()

    signals: asyncio.Queue[int] = asyncio.Queue()
    for each in (signal.SIGHUP, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(each, signals.put_nowait, each)
    await server.start()
    await asyncio.gather(*(each.reload() for each in locations.values()))
    while await signals.get() == signal.SIGHUP:
        await remove_last()
    while locations:
        await remove_last()
    await server.stop(None)


if __name__ == "__main__":
    *given, _, path = sys.argv[1:]
    asyncio.run(serve(path, dict(zip(given[::2], given[1::2], strict=True))))
