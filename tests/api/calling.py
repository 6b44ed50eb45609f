"""Calls of the typed API through the raw stub, as any gRPC client in Python makes them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import grpc
from google.protobuf import symbol_database
from google.protobuf.message import Message
from google.rpc import error_details_pb2  # noqa: F401  (details are unpacked by their names)
from google.rpc.status_pb2 import Status

from codeserver.api import v1
from codeserver.api.v1.code_location_pb2_grpc import CodeLocationServiceStub
from tests.support.eventually import PATIENCE
from tests.support.servers import OURS_WARM, ServerProcess

USER_CODE = Path(__file__).parent.parent / "user_code" / "api"
EXAMPLE = Path(__file__).parent.parent.parent / "example_user_code" / "repo.py"
LIMIT = PATIENCE

_STREAMS = frozenset({"GetAssetGraph", "WatchLocation"})


def file_of(name: str) -> Path:
    """The file of the definitions of this name."""
    return EXAMPLE if name == "example" else USER_CODE / f"{name}.py"


@dataclass(frozen=True)
class Failure:
    """How a call failed.

    Attributes:
        code: the status.
        message: what it says.
        details: the messages in `grpc-status-details-bin`, whose own code and message have been
            compared with those of the call.
    """

    code: grpc.StatusCode
    message: str
    details: Sequence[Message]

    def all(self, kind: type[Any]) -> list[Any]:
        """Every detail of this type."""
        return [each for each in self.details if isinstance(each, kind)]

    def only(self, kind: type[Any]) -> Any:
        """The one detail of this type."""
        (found,) = self.all(kind)
        return found


@dataclass
class Api:
    """A running server and a connection with the limits that every client has by default.

    Attributes:
        server: the process.
        channel: the connection.
    """

    server: ServerProcess
    channel: grpc.Channel

    @cached_property
    def stub(self) -> Any:
        """Has a method for each RPC."""
        return CodeLocationServiceStub(self.channel)

    def call(self, rpc: str, *, timeout: float = LIMIT, **fields: Any) -> Any:
        """The reply; a list of messages when the RPC streams them.

        Args:
            rpc: name of the RPC.
            timeout: the deadline in seconds.
            fields: the fields of the request.
        """
        request = getattr(v1, f"{rpc}Request")(**fields)
        reply = getattr(self.stub, rpc)(request, timeout=timeout)
        return list(reply) if rpc in _STREAMS else reply

    def failure(self, rpc: str, *, timeout: float = LIMIT, **fields: Any) -> Failure:
        """How the call fails; an AssertionError when it does not."""
        try:
            reply = self.call(rpc, timeout=timeout, **fields)
        except grpc.RpcError as error:
            return failure_of(error)
        raise AssertionError(f"{rpc} did not fail: {reply}")

    @property
    def location(self) -> v1.Location:
        """How it is now."""
        found: v1.Location = self.call("GetLocation").location
        return found

    def loaded(self) -> v1.Location:
        """How it is once the first load has ended."""
        stream = self.stub.WatchLocation(v1.WatchLocationRequest(), timeout=LIMIT)
        for message in stream:
            if message.location.state != v1.Location.STATE_LOADING:
                stream.cancel()
                return message.location  # type: ignore[no-any-return]
        raise AssertionError("the stream has ended")

    def pages(self, rpc: str, **fields: Any) -> Iterator[Any]:
        """Every page of a list."""
        token = ""
        while True:
            page = self.call(rpc, page_token=token, **fields)
            yield page
            token = page.next_page_token
            if not token:
                return


def failure_of(error: Any) -> Failure:
    """What the status and the trailing metadata of a failed call say."""
    trailing = dict(error.trailing_metadata() or ())
    status = Status.FromString(trailing.get("grpc-status-details-bin", b""))
    if status.details:
        assert status.code == error.code().value[0]
        assert status.message == error.details()
    return Failure(error.code(), error.details(), [_unpacked(each) for each in status.details])


def _unpacked(detail: Any) -> Message:
    message = symbol_database.Default().GetSymbol(detail.TypeName())()
    assert detail.Unpack(message)
    return message  # type: ignore[no-any-return]


@contextlib.contextmanager
def serving(
    target: Path | Sequence[str],
    socket: Path,
    *options: str,
    home: Path,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
) -> Iterator[Api]:
    """Run `codeserver grpc` and connect to it.

    Args:
        target: a file with definitions, or options that say what to load.
        socket: path of the unix socket to serve on.
        options: of the command.
        home: the DAGSTER_HOME.
        cwd: the directory to run in; that of the file by default.
        env: further environment variables.
    """
    if isinstance(target, Path):
        cwd, target = cwd or target.parent, ("-f", str(target))
    server = ServerProcess(
        [*OURS_WARM, *target, *options],
        socket,
        # No bytecode: files are rewritten faster than its time stamps tell apart.
        env={"DAGSTER_HOME": str(home), "PYTHONDONTWRITEBYTECODE": "1", **(env or {})},
        cwd=cwd,
    )
    with contextlib.ExitStack() as stack:
        # For the report of a test that fails.
        stack.callback(lambda: print(server.text))
        stack.enter_context(server)
        yield Api(server, stack.enter_context(grpc.insecure_channel(f"unix:{socket}")))
