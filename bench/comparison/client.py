"""Dagster's own client of a server, and what it sends."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
from dagster import DagsterInstance
from dagster._core.definitions.repository_definition import SINGLETON_REPOSITORY_NAME
from dagster._core.instance.ref import InstanceRef
from dagster._core.remote_origin import (
    GrpcServerCodeLocationOrigin,
    RemoteJobOrigin,
    RemoteRepositoryOrigin,
)
from dagster._core.remote_representation.code_location import GrpcServerCodeLocation
from dagster._core.remote_representation.external_data import DEFAULT_MODE_NAME, JobDataSnap
from dagster._grpc.client import DagsterGrpcClient
from dagster._grpc.types import ExecutionPlanSnapshotArgs, SensorExecutionArgs
from dagster._serdes import deserialize_value

from bench.calls import SHORT_SECONDS, Refused
from bench.servers import Server

_NEW_YEAR = 1704085200.0
TICK_SECONDS = 60


def socket_of(server: Server) -> Path:
    """What it serves on."""
    return server.folder / "server.sock"


@dataclass(frozen=True)
class Exchange:
    """A call as it was made.

    Attributes:
        method: name of the RPC.
        request: the message that was sent, not compressed.
        timeout: seconds that were allowed.
        reply: the message that came, not compressed.
    """

    method: str
    request: bytes
    timeout: int
    reply: bytes


class _Recorder(DagsterGrpcClient):
    """Dagster's client, which remembers its last unary call."""

    last: Exchange

    def _get_response(self, method: str, request: Any, timeout: int = 60) -> Any:
        reply = super()._get_response(method, request, timeout)
        sent, came = request.SerializeToString(), reply.SerializeToString()
        self.last = Exchange(method, sent, timeout, came)
        return reply


class Client:
    """Calls to a server through `DagsterGrpcClient`, which opens a channel for each of them.

    Nothing is done with the replies, so that the calls cost the client as little as they can.

    Args:
        server: whom to call.
    """

    def __init__(self, server: Server) -> None:
        socket = str(socket_of(server))
        self._recorder = _Recorder(socket=socket)
        self._client = DagsterGrpcClient(socket=socket)
        self._instance = InstanceRef.from_dir(str(server.home))
        # The webserver has one for each request. None is needed that keeps anything.
        self._ephemeral = DagsterInstance.ephemeral()
        self._location = GrpcServerCodeLocationOrigin("localhost", None, socket, "compared")
        self._origin = RemoteRepositoryOrigin(self._location, SINGLETON_REPOSITORY_NAME)
        self._snapshots: dict[str, str] = {}

    def load(self) -> GrpcServerCodeLocation:
        """`create_location`, as the webserver and the daemon do it.

        That is ListRepositories, GetServerId, ExternalRepository without the jobs, and ExternalJob
        for each job, from four threads; and making objects of all replies.
        """
        return self._location.create_location(self._ephemeral)

    def server_id(self) -> str:
        """`GetServerId`."""
        return str(self._client.get_server_id(timeout=SHORT_SECONDS))

    def list_repositories(self) -> str:
        """`ListRepositories`."""
        return self._client.list_repositories()

    def repository(self) -> str:
        """`ExternalRepository`, with the names of the jobs only, as in `load`."""
        return self._client.external_repository(self._origin, defer_snapshots=True)

    def streaming_repository(self) -> str:
        """`StreamingExternalRepository`, likewise; Dagster's client has it for asyncio only."""
        return asyncio.run(self._stream())

    async def _stream(self) -> str:
        chunks = self._client.gen_streaming_external_repository(self._origin, defer_snapshots=True)
        return "".join([chunk["serialized_external_repository_chunk"] async for chunk in chunks])

    def job(self, name: str) -> str:
        """`ExternalJob`."""
        return str(self._client.external_job(self._origin, name).serialized_job_data)

    def plan(self, job: str) -> str:
        """`ExecutionPlanSnapshot` of a job, without config, as the webserver asks before a run."""
        if job not in self._snapshots:
            self._snapshots[job] = deserialize_value(self.job(job), JobDataSnap).job.snapshot_id
        args = ExecutionPlanSnapshotArgs(
            job_origin=RemoteJobOrigin(self._origin, job),
            op_selection=[],
            run_config={},
            mode=DEFAULT_MODE_NAME,
            step_keys_to_execute=None,
            job_snapshot_id=self._snapshots[job],
            known_state=None,
            instance_ref=self._instance,
        )
        return self._client.execution_plan_snapshot(args)

    def tick(self, sensor: str, cursor: str = "") -> str:
        """`SyncExternalSensorExecution`, as the daemon asks for it.

        Args:
            sensor: its name.
            cursor: what it is given.
        """
        args = SensorExecutionArgs(
            repository_origin=self._origin,
            instance_ref=self._instance,
            sensor_name=sensor,
            last_tick_completion_time=_NEW_YEAR,
            last_run_key=None,
            cursor=cursor,
            log_key=[],
            timeout=TICK_SECONDS,
            last_sensor_start_time=_NEW_YEAR,
        )
        return self._client.external_sensor_execution(args)

    def exchange(self, call: Callable[[Client], str]) -> Exchange:
        """What a call sends and what it gets; it is made.

        Raises:
            Refused: the server does not answer it, or its reply is an error.
        """
        client, self._client = self._client, self._recorder
        try:
            checked(lambda: call(self))
        finally:
            self._client = client
        return self._recorder.last


def checked(call: Callable[[], str]) -> str:
    """What a call returns.

    Raises:
        Refused: the server does not answer it, or its reply is an error.
    """
    try:
        answer = call()
    except Exception as error:
        cause = error.__cause__
        raise Refused(cause.code().name if isinstance(cause, grpc.Call) else error) from error
    if not answer:
        raise Refused("an empty reply")
    if answer.startswith("{"):  # all but a server id
        kind = type(deserialize_value(answer)).__name__
        if "Error" in kind:
            raise Refused(kind)
    return answer
