"""Dagster's own client of a server, and replies and errors in words."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import grpc
from dagster import DagsterInstance
from dagster._core.instance.ref import InstanceRef
from dagster._core.remote_representation.external_data import JobDataSnap
from dagster._grpc.__generated__ import dagster_api_pb2 as pb
from dagster._grpc.client import DagsterGrpcClient
from dagster._serdes import deserialize_value
from grpc_health.v1 import health_pb2  # type: ignore[import-untyped]
from grpc_health.v1.health_pb2_grpc import HealthStub  # type: ignore[import-untyped]

from bench.origins import GrpcServerCodeLocationOrigin
from bench.requests import Requests, stub_of

SHORT_SECONDS = 2
"""The limit that the webserver and the daemon set for GetServerId."""
TICK_SECONDS = 60
HOT_CALLS = ("GetServerId", "ListRepositories", "ExternalJob")
RELOAD_SECONDS = 60


class Refused(Exception):
    """The server replied with an error, or not at all."""


@dataclass(frozen=True)
class Exchange:
    """A call of an RPC with its deadline in seconds; its messages are not compressed."""

    method: str
    request: bytes
    timeout: int
    reply: bytes


class _Recorder(DagsterGrpcClient):
    """Dagster's client, with a record of its last unary call."""

    last: Exchange

    def _get_response(self, method: str, request: Any, timeout: int = 60) -> Any:
        reply = super()._get_response(method, request, timeout)
        sent, came = request.SerializeToString(), reply.SerializeToString()
        self.last = Exchange(method, sent, timeout, came)
        return reply


class Client:
    """Calls a server through `DagsterGrpcClient`, which opens a channel for each call.

    The methods return the replies as they are, so that the calls cost the client little CPU;
    `said` puts a reply into words. `home` is the server's DAGSTER_HOME.
    """

    def __init__(self, socket: Path, home: Path) -> None:
        self.socket = socket
        self.instance_ref = InstanceRef.from_dir(str(home))
        self.requests = Requests(self.instance_ref)
        self._client = DagsterGrpcClient(socket=str(socket))
        self._snapshots: dict[str, str] = {}

    def load(self) -> None:
        """`create_location`, as the webserver and the daemon do it.

        The client calls ListRepositories, GetServerId, ExternalRepository without the jobs, and
        ExternalJob for each job from four threads, and makes objects of all replies.
        """
        location = GrpcServerCodeLocationOrigin("localhost", None, str(self.socket), "compared")
        # The instance's databases must be closed in the thread that opened them.
        with DagsterInstance.ephemeral() as instance:
            location.create_location(instance).cleanup()

    def server_id(self) -> str:
        """`GetServerId`, as the webserver and the daemon call it every second."""
        return str(self._client.get_server_id(timeout=SHORT_SECONDS))

    @contextmanager
    def polling_ids(self) -> Iterator[Callable[[], str]]:
        """A function that calls `GetServerId` over one channel, open during the block."""
        with self.channel() as channel:
            stub = stub_of(channel)
            yield lambda: str(stub.GetServerId(pb.Empty(), timeout=SHORT_SECONDS).server_id)

    def health(self) -> str:
        """The status that the health service reports, such as SERVING."""
        with self.channel() as channel:
            return health(channel)

    def list_repositories(self) -> str:
        """`ListRepositories`, with the same limit as GetServerId."""
        reply = self._client._query(
            "ListRepositories", pb.ListRepositoriesRequest, timeout=SHORT_SECONDS
        )
        return str(reply.serialized_list_repositories_response_or_error)

    def repository(self) -> str:
        """`ExternalRepository`, with the names of the jobs only, as in `load`."""
        return self._client.external_repository(self.requests.origin, defer_snapshots=True)

    def streaming_repository(self) -> str:
        """`StreamingExternalRepository`; in Dagster's client, it is asynchronous only."""

        async def joined() -> str:
            chunks = self._client.gen_streaming_external_repository(
                self.requests.origin, defer_snapshots=True
            )
            return "".join([each["serialized_external_repository_chunk"] async for each in chunks])

        return asyncio.run(joined())

    def job(self, name: str) -> str:
        """`ExternalJob`."""
        reply = self._client.external_job(self.requests.origin, name)
        return str(reply.serialized_job_data or reply.serialized_error)

    def plan(self, job: str) -> str:
        """`ExecutionPlanSnapshot` of a job, without config, as the webserver asks before a run."""
        if job not in self._snapshots:
            self._snapshots[job] = deserialize_value(self.job(job), JobDataSnap).job.snapshot_id
        args = self.requests.plan(job, snapshot_id=self._snapshots[job])
        return self._client.execution_plan_snapshot(args)

    def tick(self, sensor: str, cursor: str = "", *, seconds: int = TICK_SECONDS) -> str:
        """`SyncExternalSensorExecution`, as the daemon asks for it, with a limit in seconds."""
        args = self.requests.sensor(sensor, cursor, timeout=seconds)
        return self._client.external_sensor_execution(args)

    def reload(self) -> str:
        """`ReloadCode`: the serialized error, or an empty string."""
        return str(self._client.reload_code(timeout=RELOAD_SECONDS).serialized_error)

    def hot_calls(self, job: str) -> dict[str, Callable[[], str]]:
        """The most frequent calls of the webserver and the daemon, by name of the RPC."""
        calls = (self.server_id, self.list_repositories, partial(self.job, job))
        return dict(zip(HOT_CALLS, calls, strict=True))

    def exchange(self, call: Callable[[], str]) -> Exchange:
        """Make a call of this client, and return it with its request and its reply.

        Raises:
            Refused: the server does not answer, or its reply is an error.
        """
        recorder = _Recorder(socket=str(self.socket))
        client, self._client = self._client, recorder
        try:
            said(call)
        finally:
            self._client = client
        return recorder.last

    def channel(self) -> grpc.Channel:
        """A new connection, with compression as in Dagster's client."""
        return grpc.insecure_channel(f"unix:{self.socket}", compression=grpc.Compression.Gzip)


def health(channel: grpc.Channel, seconds: float = SHORT_SECONDS) -> str:
    """The status that the health service reports over a channel, such as SERVING."""
    request = health_pb2.HealthCheckRequest(service="DagsterApi")
    reply = HealthStub(channel).Check(request, timeout=seconds)
    return str(health_pb2.HealthCheckResponse.ServingStatus.Name(reply.status))


def said(call: Callable[[], str]) -> str:
    """Make a call, and return its reply in words: a skip reason, a server id, or a class name.

    Raises:
        Refused: the server does not answer, or its reply carries an error.
    """
    try:
        reply = call()
    except Exception as error:
        raise Refused(failure(error)) from error
    if not reply.startswith("{"):
        return reply
    value: Any = deserialize_value(reply)
    if "Error" in type(value).__name__:
        raise Refused(_headline(value))
    return str(getattr(value, "skip_message", None) or type(value).__name__)


def failure(error: Exception) -> str:
    """The exception of a call in words, with the status of the call if it has one."""
    if isinstance(error, grpc.Call):
        return f"{error.code().name}: {error.details()}"
    text = str(error).strip() or type(error).__name__
    cause = error.__cause__
    return f"{text} ({failure(cause)})" if isinstance(cause, grpc.RpcError) else text


def _headline(value: Any) -> str:
    """The first line of an error, or of the error in a reply, without the traceback."""
    error: Any = getattr(value, "error", None) or value
    while getattr(error, "cause", None) is not None:
        error = error.cause
    lines = str(getattr(error, "message", error)).rstrip().splitlines()
    if not lines:
        return "an error without a message"
    # The message of a syntax error begins with the place.
    return lines[-1] if lines[0].startswith(" ") else lines[0]
