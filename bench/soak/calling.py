"""Calls to the server as Dagster makes them, with their outcomes."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from random import Random
from typing import Any

import grpc
from dagster._grpc.__generated__ import dagster_api_pb2 as pb
from dagster._serdes import deserialize_value

from bench.requests import NEW_YEAR, Requests, ask, message, stub_of
from bench.soak.outcomes import ANSWERED, ERROR, Outcome

PATIENCE = 60.0
"""Limit in seconds for healthy calls on a busy machine."""

_OPTIONS = [("grpc.max_receive_message_length", -1), ("grpc.use_local_subchannel_pool", 1)]


@dataclass
class Client:
    """A client with its own connection.

    Attributes:
        socket: the unix socket of the server.
        requests: makes the requests.
        random: decides the actions of this client.
        abort: set when the client must drop even the current operation.
    """

    socket: Path
    requests: Requests
    random: Random
    abort: threading.Event = field(default_factory=threading.Event)

    @cached_property
    def channel(self) -> grpc.Channel:
        """The connection."""
        return grpc.insecure_channel(f"unix:{self.socket}", options=_OPTIONS)

    @cached_property
    def stub(self) -> Any:
        """A stub of Dagster's service."""
        return stub_of(self.channel)

    def ask(self, rpc: str, args: Any, seconds: float = PATIENCE) -> str:
        """The serialized reply to a message, or to the message that carries these arguments."""
        request = args if hasattr(args, "DESCRIPTOR") else message(args)
        return ask(self.stub, rpc, request, seconds)

    def close(self) -> None:
        """Close the connection."""
        self.channel.close()


def understand(serialized: str) -> Outcome:
    """The outcome of a serialized reply: the error in it, or else an answer."""
    value: Any = deserialize_value(serialized)
    error = getattr(value, "error", None) or getattr(value, "serializable_error_info", None)
    if type(value).__name__ == "SerializableErrorInfo":
        error = value
    if error is not None:
        return Outcome(ERROR, error.to_string())
    return Outcome(ANSWERED, str(getattr(value, "skip_message", "") or type(value).__name__))


def refusal(error: grpc.RpcError) -> Outcome:
    """The outcome of a call that failed with a gRPC status."""
    return Outcome(error.code().name, error.details() or "")


def called(call: Callable[[], str]) -> Outcome:
    """Make a call that returns a serialized reply; returns its outcome."""
    try:
        return understand(call())
    except grpc.RpcError as error:
        return refusal(error)


def sensor(
    client: Client, name: str, cursor: str = "", seconds: float = PATIENCE, *, stream: bool = False
) -> Outcome:
    """The outcome of a sensor's tick, requested as by the daemon."""
    args = client.requests.sensor(name, cursor, timeout=int(seconds))
    rpc = f"{'' if stream else 'Sync'}ExternalSensorExecution"
    return called(lambda: client.ask(rpc, args, seconds))


def abandoned_sensor(client: Client, name: str, after: float) -> Outcome:
    """The outcome of a tick whose caller goes away after `after` seconds, if it runs so long."""
    request = message(client.requests.sensor(name, "", timeout=int(PATIENCE)))
    future = client.stub.SyncExternalSensorExecution.future(request, timeout=PATIENCE)
    ended = threading.Event()
    future.add_done_callback(lambda _: ended.set())
    ended.wait(after)
    future.cancel()
    try:
        return understand(future.result().serialized_sensor_result)
    except grpc.FutureCancelledError:
        return Outcome("CANCELLED")
    except grpc.RpcError as error:
        return refusal(error)


def schedule(client: Client, name: str, minute: int, seconds: float = PATIENCE) -> Outcome:
    """The outcome of a schedule's tick at this minute of an hour."""
    args = client.requests.schedule(name, NEW_YEAR + 60 * minute)
    return called(lambda: client.ask("SyncExternalScheduleExecution", args, seconds))


def plan(client: Client, job: str, snapshot_id: str = "any") -> str:
    """The serialized execution plan of a job."""
    args = client.requests.plan(job, snapshot_id=snapshot_id)
    return client.ask("ExecutionPlanSnapshot", args)


def subset(client: Client, job: str, op: str) -> str:
    """The serialized subset of a job with one of its ops."""
    return client.ask("ExternalPipelineSubsetSnapshot", client.requests.subset(job, ops=[op]))


def partition_names(client: Client, job: str) -> str:
    """The serialized partition names of a job."""
    return client.ask("ExternalPartitionNames", client.requests.partition_names(job))


def partition_config(client: Client, job: str, key: str, seconds: float = PATIENCE) -> str:
    """The serialized run config of a partition."""
    return client.ask("ExternalPartitionConfig", client.requests.partition(job, key), seconds)


def partition_params(client: Client, job: str, keys: list[str]) -> str:
    """The serialized run config and tags of partitions, as for a backfill."""
    args = client.requests.partition_params(job, keys)
    return client.ask("ExternalPartitionSetExecutionParams", args)


def repositories(client: Client) -> str:
    """The serialized list of the location's repositories."""
    return client.ask("ListRepositories", pb.ListRepositoriesRequest())


def repository(client: Client, *, deferred: bool, stream: bool) -> str:
    """The serialized repository, with whole jobs or with their names only."""
    rpc = f"{'Streaming' if stream else ''}ExternalRepository"
    return client.ask(rpc, client.requests.described(deferred=deferred))


def job(client: Client, name: str) -> str:
    """The serialized snapshot of a job, or the error in its place."""
    return client.ask("ExternalJob", client.requests.job(name))


def current_runs(client: Client) -> list[str]:
    """The ids of the runs that the server executes."""
    value: Any = deserialize_value(client.ask("GetCurrentRuns", pb.Empty()))
    return list(value.current_runs)
