"""Calls to the server as Dagster makes them, with their outcomes."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from random import Random
from typing import Any

import grpc
from dagster._grpc.__generated__ import dagster_api_pb2 as pb
from dagster._serdes import deserialize_value

from bench.requests import Requests, ask, message, stub_of
from bench.soak.tally import ANSWERED, CANCELLED, ERROR, Outcome

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

    def close(self) -> None:
        """Close the connection."""
        self.channel.close()

    def ask(self, rpc: str, args: Any, seconds: float = PATIENCE) -> str:
        """The serialized reply to a message, or to the message that carries these arguments."""
        request = args if hasattr(args, "DESCRIPTOR") else message(args)
        return ask(self.stub, rpc, request, seconds)

    def outcome(self, rpc: str, args: Any, seconds: float = PATIENCE) -> Outcome:
        """The outcome of a call of `ask`."""
        try:
            return understood(self.ask(rpc, args, seconds))
        except grpc.RpcError as error:
            return refused(error)

    def tick(
        self, sensor: str, cursor: str = "", seconds: float = PATIENCE, *, stream: bool = False
    ) -> Outcome:
        """The outcome of a sensor's tick, requested as by the daemon."""
        args = self.requests.sensor(sensor, cursor, timeout=int(seconds))
        return self.outcome(f"{'' if stream else 'Sync'}ExternalSensorExecution", args, seconds)

    def abandoned_tick(self, sensor: str, after: float) -> Outcome:
        """The outcome of a tick whose caller goes away after `after` seconds, or at its end."""
        request = message(self.requests.sensor(sensor, "", timeout=int(PATIENCE)))
        future = self.stub.SyncExternalSensorExecution.future(request, timeout=PATIENCE)
        ended = threading.Event()
        future.add_done_callback(lambda _: ended.set())
        ended.wait(after)
        future.cancel()
        try:
            return understood(future.result().serialized_sensor_result)
        except grpc.FutureCancelledError:
            return Outcome(CANCELLED)
        except grpc.RpcError as error:
            return refused(error)

    def current_runs(self) -> list[str]:
        """The ids of the runs that the server executes."""
        value: Any = deserialize_value(self.ask("GetCurrentRuns", pb.Empty()))
        return list(value.current_runs)


def understood(serialized: str) -> Outcome:
    """The outcome of a serialized reply: the error in it, or else an answer."""
    value: Any = deserialize_value(serialized)
    error = getattr(value, "error", None) or getattr(value, "serializable_error_info", None)
    if type(value).__name__ == "SerializableErrorInfo":
        error = value
    if error is not None:
        return Outcome(ERROR, error.to_string())
    return Outcome(ANSWERED, str(getattr(value, "skip_message", "") or type(value).__name__))


def refused(error: grpc.RpcError) -> Outcome:
    """The outcome of a call that failed with a gRPC status."""
    return Outcome(error.code().name, error.details() or "")
