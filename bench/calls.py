"""Calls to a code server, made with Dagster's own client or its stubs, each with a deadline."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
from dagster._core.definitions.repository_definition import SINGLETON_REPOSITORY_NAME
from dagster._core.instance.ref import InstanceRef
from dagster._core.remote_origin import GrpcServerCodeLocationOrigin, RemoteRepositoryOrigin
from dagster._grpc.__generated__ import dagster_api_pb2 as pb
from dagster._grpc.__generated__.dagster_api_pb2_grpc import DagsterApiStub
from dagster._grpc.client import DagsterGrpcClient
from dagster._grpc.types import ListRepositoriesResponse, SensorExecutionArgs
from dagster._serdes import deserialize_value
from grpc_health.v1 import health_pb2
from grpc_health.v1.health_pb2_grpc import HealthStub

SHORT_SECONDS = 2
"""The limit that the webserver and the daemon set for GetServerId."""
RELOAD_SECONDS = 60

_NEW_YEAR = 1704085200.0
_ORIGIN = RemoteRepositoryOrigin(
    GrpcServerCodeLocationOrigin(host="localhost", port=4000, location_name="here"),
    SINGLETON_REPOSITORY_NAME,
)


class Refused(Exception):
    """The server answered, with an error instead of what was asked for."""


@dataclass(frozen=True)
class Attempt:
    """How a call went.

    Attributes:
        seconds: how long it took.
        answer: what the server said; None when there was no answer.
        error: what the caller got instead, in words; None when there was an answer.
    """

    seconds: float
    answer: str | None = None
    error: str | None = None

    def __str__(self) -> str:
        return self.answer or "" if self.error is None else self.error


def attempt(call: Callable[[], str]) -> Attempt:
    """Make a call, whatever becomes of it."""
    began = time.monotonic()
    try:
        answer = call()
    except Exception as error:
        return Attempt(time.monotonic() - began, error=_describe(error))
    return Attempt(time.monotonic() - began, answer)


def _describe(error: Exception) -> str:
    if isinstance(error, grpc.RpcError):
        return _status(error)
    text = str(error).strip() or type(error).__name__
    cause = error.__cause__
    return f"{text} ({_status(cause)})" if isinstance(cause, grpc.RpcError) else text


def _status(error: Any) -> str:
    """Of what gRPC's stubs raise, which the type says nothing about."""
    return f"{error.code().name}: {error.details()}"


class Calls:
    """The calls that are made to one server.

    Each opens a channel of its own, as Dagster's client does.

    Args:
        socket: what it serves on.
        home: its DAGSTER_HOME.
    """

    def __init__(self, socket: Path, home: Path) -> None:
        self._address = f"unix:{socket}"
        self._client = DagsterGrpcClient(socket=str(socket))
        self._instance = InstanceRef.from_dir(str(home))

    def server_id(self) -> str:
        """`GetServerId`, as the webserver and the daemon call it every second."""
        return str(self._client.get_server_id(timeout=SHORT_SECONDS))

    @contextmanager
    def polling_ids(self) -> Iterator[Callable[[], str]]:
        """`GetServerId`, over one channel that stays open meanwhile."""
        with self._channel() as channel:
            stub = DagsterApiStub(channel)  # type: ignore[no-untyped-call]
            yield lambda: str(stub.GetServerId(pb.Empty(), timeout=SHORT_SECONDS).server_id)

    def health(self) -> str:
        """The status that the health service reports, such as SERVING."""
        request = health_pb2.HealthCheckRequest(service="DagsterApi")
        with self._channel() as channel:
            reply = HealthStub(channel).Check(request, timeout=SHORT_SECONDS)
        return str(health_pb2.HealthCheckResponse.ServingStatus.Name(reply.status))

    def list_repositories(self) -> str:
        """How many repositories there are.

        Raises:
            Refused: the answer is the error with which the code failed to load.
        """
        with self._channel() as channel:
            stub = DagsterApiStub(channel)  # type: ignore[no-untyped-call]
            reply = stub.ListRepositories(pb.ListRepositoriesRequest(), timeout=SHORT_SECONDS)
        value = deserialize_value(reply.serialized_list_repositories_response_or_error)
        if not isinstance(value, ListRepositoriesResponse):
            raise Refused(f"load error: {_headline(value)}")
        return f"{len(value.repository_symbols)} repository"

    def repository(self) -> str:
        """The serialized repository, as the webserver fetches it: with names of jobs only."""
        return self._client.external_repository(_ORIGIN, defer_snapshots=True)

    def job(self, name: str) -> str:
        """The serialized snapshot of a job.

        Raises:
            Refused: there is an error instead.
        """
        reply = self._client.external_job(_ORIGIN, name)
        if not reply.serialized_job_data:
            raise Refused(_headline(deserialize_value(reply.serialized_error)))
        return str(reply.serialized_job_data)

    def tick(self, sensor: str, cursor: str = "", *, seconds: int = 10) -> str:
        """What a tick of the sensor says.

        Args:
            sensor: its name.
            cursor: what it is given.
            seconds: how long the tick may take.

        Raises:
            Refused: the sensor failed.
        """
        args = SensorExecutionArgs(
            repository_origin=_ORIGIN,
            instance_ref=self._instance,
            sensor_name=sensor,
            last_tick_completion_time=_NEW_YEAR,
            last_run_key=None,
            cursor=cursor,
            log_key=[],
            timeout=seconds,
            last_sensor_start_time=_NEW_YEAR,
        )
        value = deserialize_value(self._client.external_sensor_execution(args))
        skipped = getattr(value, "skip_message", None)
        if skipped is None:
            raise Refused(_headline(value))
        return str(skipped)

    def reload(self) -> str:
        """`ReloadCode`.

        Raises:
            Refused: the reply says that the code failed to load.
        """
        error = self._client.reload_code(timeout=RELOAD_SECONDS).serialized_error
        if error:
            raise Refused(_headline(deserialize_value(error)))
        return "success"

    @contextmanager
    def _channel(self) -> Iterator[grpc.Channel]:
        compression = grpc.Compression.Gzip
        with grpc.insecure_channel(self._address, compression=compression) as channel:
            yield channel


def _headline(value: object) -> str:
    """What a serialized error, or what has one, says in a line; without the traceback."""
    error: Any = getattr(value, "error", value)
    while getattr(error, "cause", None) is not None:
        error = error.cause
    lines = str(getattr(error, "message", error)).rstrip().splitlines()
    if not lines:
        return "an error without a message"
    # Of a syntax error, the place comes first.
    return lines[-1] if lines[0].startswith(" ") else lines[0]
