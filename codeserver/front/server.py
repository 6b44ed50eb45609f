"""The whole server: location, services, addresses, and the order of startup and shutdown."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os

import grpc
from google import protobuf

from codeserver.api import error_details
from codeserver.api.v1 import code_location_pb2
from codeserver.config import Config
from codeserver.dagster_wire import dagster_api_pb2
from codeserver.errors import Draining
from codeserver.front.binding import bind
from codeserver.front.dagster_api import DagsterApi
from codeserver.front.handlers import handlers_for
from codeserver.front.health import Health
from codeserver.front.reply_room import ReplyRoom
from codeserver.front.typed_api.service import CodeLocationApi
from codeserver.health_wire import health_pb2
from codeserver.supervisor.loading.failure import LoadFailure
from codeserver.supervisor.location import Location
from codeserver.supervisor.processes.forkserver import Spawning
from codeserver.supervisor.processes.spawning import Spawned
from codeserver.supervisor.processes.tasks import Tasks
from codeserver.supervisor.shutdown import Shutdown
from codeserver.target import Target

_log = logging.getLogger("codeserver")

_DEFAULT_MESSAGE_BYTES = 100_000_000
_LAST_WORD_SECONDS = 3.0
_MOST_PENDING = 50_000
_LONGEST_PENDING_SECONDS = 24 * 60 * 60


class Server:
    """A code location served over gRPC.

    Args:
        spawned: a forkserver that was started ahead of time, if any.

    Attributes:
        addresses: the bound addresses; empty before `start`.
    """

    def __init__(self, config: Config, target: Target, spawned: Spawned | None = None) -> None:
        self._config = config
        self._target = target
        self._tasks = Tasks()
        self.shutdown = Shutdown(config.drain_delay, config.shutdown_grace)
        self._fatal: LoadFailure | None = None
        self._heartbeats = Heartbeats()
        self.location = Location(config, target, Spawning(spawned=spawned))
        self.addresses: list[str] = []
        self._server = grpc.aio.server(options=grpc_options())
        api = DagsterApi(config, self.location, self.shutdown.by_client, self._heartbeats.hear)
        service = dagster_api_pb2.DESCRIPTOR.services_by_name["DagsterApi"]
        self._typed_api = CodeLocationApi(config, target, self.location)
        typed = code_location_pb2.DESCRIPTOR.services_by_name["CodeLocationService"]
        health = health_pb2.DESCRIPTOR.services_by_name["Health"]
        replies = ReplyRoom()
        # gRPC asks the handlers one after the other, so the busiest service comes first.
        self._server.add_generic_rpc_handlers(
            (
                handlers_for(service, dagster_api_pb2, api, replies),
                handlers_for(typed, code_location_pb2, self._typed_api, replies),
                handlers_for(health, health_pb2, Health(self.location.current), replies),
            )
        )
        _add_optional_features(self._server)

    async def start(self) -> None:
        """Bind the addresses, serve, and begin the first load.

        Raises:
            OperatorError: an address cannot be bound.
        """
        self.addresses = bind(self._server, self._config)
        self.location.log.served_on = ", ".join(self.addresses)
        if self._config.snapshot is not None:
            from codeserver.snapshot.restoring import restore

            await restore(self.location, self._config, self._target)
        await self._server.start()
        if self._config.watch:
            from codeserver.supervisor.watching.watcher import Watcher

            watcher = Watcher(self._config, self._target, self.location, self._tasks)
            await watcher.begin()
            self._tasks.start("watch", watcher.run())
        self._tasks.start("first load", self._load())

    def reload(self) -> None:
        """Load the code again on SIGHUP, unless the server shuts down."""
        if not self.shutdown.asked.is_set():
            _log.info("SIGHUP: loading the code again")
            self._tasks.start("reload", self._reload())

    async def serve(self) -> LoadFailure | None:
        """Serve until asked to stop, then shut down.

        Returns:
            The failed load that ended the server, if one did.
        """
        await self.shutdown.asked.wait()
        await self.close()
        return self._fatal

    async def close(self) -> None:
        """Shut down: serve while runs and requests finish, then end every process."""
        await self.location.finish(self.shutdown)
        self._typed_api.end_streams()
        await self._server.stop(_LAST_WORD_SECONDS)
        await self.location.close()
        await self._tasks.close()
        for address in self.addresses:
            if address.startswith("unix:"):
                with contextlib.suppress(OSError):
                    os.unlink(address.removeprefix("unix:"))

    async def _load(self) -> None:
        try:
            failure = await self.location.reload()
        except Draining:
            return
        if failure is not None and self._config.on_load_error == "exit":
            self._fatal = failure
            self.shutdown.by_signal(at_once=True)
        if self._config.heartbeat:
            self._tasks.start("watch heartbeat", self._watch_heartbeat())

    async def _reload(self) -> None:
        with contextlib.suppress(Draining):
            await self.location.reload()

    async def _watch_heartbeat(self) -> None:
        limit = self._config.heartbeat_timeout
        await self._heartbeats.cease(limit)
        _log.warning("no heartbeat for %d seconds, shutting down", limit)
        self.shutdown.by_client()


class Heartbeats:
    """Receives the heartbeats of the client that a server with `--heartbeat` must not outlive."""

    def __init__(self) -> None:
        self._heard = asyncio.Event()

    def hear(self) -> None:
        """Record a heartbeat."""
        self._heard.set()

    async def cease(self, limit: float) -> None:
        """Wait until no heartbeat has arrived for `limit` seconds."""
        while True:
            self._heard.clear()
            try:
                await asyncio.wait_for(self._heard.wait(), limit)
            except asyncio.TimeoutError:
                return


def _add_optional_features(server: grpc.aio.Server) -> None:
    """Add the features whose packages can be imported, and log the missing ones.

    Code generated from protos refuses a protobuf or grpcio older than the one it was generated for.
    An installer that downgrades these, such as for an older Dagster, leaves such packages behind.
    Dagster's server starts in that environment, so this one must start, too.
    """
    if error_details.unusable:
        _warn_of_missing("details of errors", "googleapis-common-protos", error_details.unusable)
    try:
        from codeserver.front import reflection
    except Exception as error:
        _warn_of_missing("gRPC reflection", "grpcio-reflection", error)
    else:
        reflection.add_to(server)


def _warn_of_missing(feature: str, package: str, error: Exception) -> None:
    """Log a missing feature, with the command that installs a package release that fits."""
    _log.warning(
        "serving without %s: %s. To have it: pip install %s grpcio==%s protobuf==%s",
        feature,
        " ".join(str(error).split()).partition(". ")[0].rstrip("."),
        package,
        grpc.__version__,
        protobuf.__version__,
    )


def grpc_options() -> list[tuple[str, int]]:
    """The options of the gRPC server."""
    return [
        ("grpc.max_receive_message_length", _bytes("DAGSTER_GRPC_MAX_RX_BYTES")),
        ("grpc.max_send_message_length", _bytes("DAGSTER_GRPC_MAX_SEND_BYTES")),
        # Above this number of pending calls gRPC cancels calls at random, and after this time it
        # cancels every pending call, both without a reason. The limits are so high that the
        # handlers refuse the excess calls instead, with an error that names the reason.
        ("grpc.server.max_pending_requests", _MOST_PENDING),
        ("grpc.server.max_pending_requests_hard_limit", _MOST_PENDING),
        ("grpc.server_max_unrequested_time_in_server", _LONGEST_PENDING_SECONDS),
        # Otherwise a second server could bind the same port, and each would get some of the calls.
        ("grpc.so_reuseport", 0),
    ]


def _bytes(variable: str) -> int:
    value = os.environ.get(variable, "")
    return int(value) if value.isdecimal() else _DEFAULT_MESSAGE_BYTES
