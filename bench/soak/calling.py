"""Calls of the server as Dagster makes them, each with what came of it."""

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
"""Seconds for what is healthy, on a machine that is busy."""

_OPTIONS = [("grpc.max_receive_message_length", -1), ("grpc.use_local_subchannel_pool", 1)]


@dataclass
class Client:
    """One client with a connection of its own, which it shares with nobody else in this process.

    Attributes:
        socket: where the server is.
        requests: makes what it sends.
        random: decides what this client does.
        abort: set when it should not even finish what it does.
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
        """The RPCs of Dagster's service."""
        return stub_of(self.channel)

    def ask(self, rpc: str, args: Any, seconds: float = PATIENCE) -> str:
        """The serialized reply to a message, or to the one that carries some arguments."""
        request = args if hasattr(args, "DESCRIPTOR") else message(args)
        return ask(self.stub, rpc, request, seconds)

    def close(self) -> None:
        """Close the connection."""
        self.channel.close()


def understand(serialized: str) -> Outcome:
    """The Dagster object in a reply: an error that it carries, or else an answer."""
    value: Any = deserialize_value(serialized)
    error = getattr(value, "error", None) or getattr(value, "serializable_error_info", None)
    if type(value).__name__ == "SerializableErrorInfo":
        error = value
    if error is not None:
        return Outcome(ERROR, error.to_string())
    return Outcome(ANSWERED, str(getattr(value, "skip_message", "") or type(value).__name__))


def refusal(error: grpc.RpcError) -> Outcome:
    """A call that ended with a status."""
    return Outcome(error.code().name, error.details() or "")


def called(call: Callable[[], str]) -> Outcome:
    """What came of a call that returns something serialized."""
    try:
        return understand(call())
    except grpc.RpcError as error:
        return refusal(error)


def sensor(
    client: Client, name: str, cursor: str = "", seconds: float = PATIENCE, *, stream: bool = False
) -> Outcome:
    """A tick, as the daemon asks for it."""
    args = client.requests.sensor(name, cursor, timeout=int(seconds))
    rpc = f"{'' if stream else 'Sync'}ExternalSensorExecution"
    return called(lambda: client.ask(rpc, args, seconds))


def abandoned_sensor(client: Client, name: str, after: float) -> Outcome:
    """A tick whose caller goes away after so many seconds, unless it has ended before."""
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
    """A tick of a schedule, at this minute of an hour."""
    args = client.requests.schedule(name, NEW_YEAR + 60 * minute)
    return called(lambda: client.ask("SyncExternalScheduleExecution", args, seconds))


def plan(client: Client, job: str, snapshot_id: str = "any") -> str:
    """The serialized execution plan of a job."""
    args = client.requests.plan(job, snapshot_id=snapshot_id)
    return client.ask("ExecutionPlanSnapshot", args)


def subset(client: Client, job: str, op: str) -> str:
    """A job with one of its ops only."""
    return client.ask("ExternalPipelineSubsetSnapshot", client.requests.subset(job, ops=[op]))


def partition_names(client: Client, job: str) -> str:
    """Every partition of a job."""
    return client.ask("ExternalPartitionNames", client.requests.partition_names(job))


def partition_config(client: Client, job: str, key: str, seconds: float = PATIENCE) -> str:
    """The run config of a partition."""
    return client.ask("ExternalPartitionConfig", client.requests.partition(job, key), seconds)


def partition_params(client: Client, job: str, keys: list[str]) -> str:
    """What a backfill of these partitions needs."""
    args = client.requests.partition_params(job, keys)
    return client.ask("ExternalPartitionSetExecutionParams", args)


def repositories(client: Client) -> str:
    """The listing of the location."""
    return client.ask("ListRepositories", pb.ListRepositoriesRequest())


def repository(client: Client, *, deferred: bool, stream: bool) -> str:
    """The repository, with its jobs or without."""
    rpc = f"{'Streaming' if stream else ''}ExternalRepository"
    return client.ask(rpc, client.requests.described(deferred=deferred))


def job(client: Client, name: str) -> str:
    """One job with its snapshot, or the error that takes its place."""
    return client.ask("ExternalJob", client.requests.job(name))


def current_runs(client: Client) -> list[str]:
    """Ids of the runs that the server executes."""
    value: Any = deserialize_value(client.ask("GetCurrentRuns", pb.Empty()))
    return list(value.current_runs)
