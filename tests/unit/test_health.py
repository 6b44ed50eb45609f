"""What health checks are told: the status, and in trailing metadata what is behind it."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2_grpc
from grpc_health.v1.health_pb2 import HealthCheckRequest as Request

from codeserver.config import Config
from codeserver.front.handlers import handlers_for
from codeserver.front.health import Health
from codeserver.front.reply_room import ReplyRoom
from codeserver.health_wire import health_pb2
from codeserver.lifecycle import State
from codeserver.messages import Loaded
from codeserver.serving import Broken, Nothing
from codeserver.supervisor.loading.failure import LoadFailure
from codeserver.supervisor.loading.host import Host, LoadContext
from codeserver.supervisor.loading.snapshot import Snapshot
from tests.unit.waiting import others_have_ended, soon

SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING
SERVICE_UNKNOWN = health_pb2.HealthCheckResponse.SERVICE_UNKNOWN
LAST_LOAD = "codeserver.LastLoad"

NOTHING: Any = None
LOADING = LoadContext(NOTHING, Config(), *(NOTHING,) * 6)


def host() -> Host:
    snapshot = Snapshot(b"", {}, "")
    return Host(NOTHING, NOTHING, snapshot, LOADING, Loaded(), starter=NOTHING, ended=NOTHING)


def failure(brief: str) -> LoadFailure:
    return LoadFailure(b"", "everything", "digest", brief)


class Current:
    """A state and a value that a test sets."""

    def __init__(self) -> None:
        self.state = State.LOADING
        self.has_loaded = False
        self.served: Nothing | Broken[LoadFailure] = Nothing()
        self._on_change: list[Callable[[State], None]] = []
        self._on_load_end: list[Callable[[Any], None]] = []

    def on_change(self, listener: Callable[[State], None]) -> None:
        self._on_change.append(listener)
        listener(self.state)

    def on_load_end(self, listener: Callable[[Any], None]) -> None:
        self._on_load_end.append(listener)

    def move(self, state: State) -> None:
        self.state = state
        for listener in self._on_change:
            listener(state)

    def loaded(self, outcome: LoadFailure | Host) -> None:
        self.served = Broken(outcome) if isinstance(outcome, LoadFailure) else Nothing()
        self.has_loaded = isinstance(outcome, Host)
        for listener in self._on_load_end:
            listener(outcome)


class Client:
    def __init__(self, current: Current, channel: grpc.aio.Channel) -> None:
        self.current = current
        self._channel = channel
        # That of gRPC's own package, as other clients have it.
        self._stub: Any = health_pb2_grpc.HealthStub(channel)

    async def check(self, service: str = "") -> tuple[int, dict[str, Any]]:
        """The status, and the trailing metadata."""
        call = self._stub.Check(Request(service=service))
        status = (await soon(call)).status
        # A list, because `dict` cannot read the metadata of older releases.
        return status, dict([*await soon(call.trailing_metadata())])

    async def list(self) -> dict[str, int]:
        call = self._channel.unary_unary(
            "/grpc.health.v1.Health/List",
            response_deserializer=health_pb2.HealthListResponse.FromString,
        )
        return {name: each.status for name, each in (await soon(call(b""))).statuses.items()}

    def watch(self, service: str = "") -> Any:
        return self._stub.Watch(Request(service=service))


@contextlib.asynccontextmanager
async def serving(folder: Path) -> AsyncIterator[Client]:
    current, server = Current(), grpc.aio.server()
    service = health_pb2.DESCRIPTOR.services_by_name["Health"]
    health = Health(current)  # type: ignore[arg-type]
    server.add_generic_rpc_handlers(
        (handlers_for(service, health_pb2, health, ReplyRoom(1_000_000)),)
    )
    server.add_insecure_port(f"unix:{folder}/s")
    await server.start()
    try:
        async with grpc.aio.insecure_channel(f"unix:{folder}/s") as channel:
            yield Client(current, channel)
    finally:
        await server.stop(0)
        await others_have_ended()


@pytest.mark.parametrize(
    ("state", "status"),
    [
        (State.LOADING, NOT_SERVING),
        (State.READY, SERVING),
        (State.RELOADING, SERVING),
        (State.FAILED, SERVING),
        (State.LOST, NOT_SERVING),
        (State.DRAINING, NOT_SERVING),
    ],
)
async def test_the_state_is_told(short_tmp: Path, state: State, status: int) -> None:
    async with serving(short_tmp) as client:
        client.current.move(State.READY if status == NOT_SERVING else State.LOADING)
        client.current.move(state)
        for service in ("", "DagsterApi"):
            assert await client.check(service) == (status, {"codeserver-state": state.value})


async def test_the_last_load_is_told_whatever_is_served(short_tmp: Path) -> None:
    async with serving(short_tmp) as client:
        assert (await client.check(LAST_LOAD))[0] == NOT_SERVING, "before the first one"
        for outcome, status in (
            (host(), SERVING),
            (failure("a"), NOT_SERVING),
            (failure("b"), NOT_SERVING),
            (host(), SERVING),
        ):
            client.current.loaded(outcome)
            client.current.move(State.READY)
            assert (await client.check(LAST_LOAD))[0] == status
            assert (await client.check())[0] == SERVING


@pytest.mark.parametrize(
    ("brief", "headline"),
    [
        (
            "Traceback (most recent call last):\n  File\nValueError: what is wrong\n    and more",
            "ValueError: what is wrong",
        ),
        ("It was killed. The last lines:\nsome words", "It was killed. The last lines:"),
        ("ValueError: what is wrong\n\n", "ValueError: what is wrong"),
        ("one line", "one line"),
        ("", "everything"),
        ("ValueError: é€😀", "ValueError: \\xe9\\u20ac\\U0001f600"),
        ("ValueError: \x1b[31mred\ttab\x00\x7f", "ValueError:  [31mred tab"),
        ("ValueError: \udcff", "ValueError: \\udcff"),
        ("x" * 1_000, "x" * 300),
        ("é" * 1_000, "\\xe9" * 75),
    ],
)
async def test_the_error_of_the_newest_load_is_told_in_a_line(
    short_tmp: Path, brief: str, headline: str
) -> None:
    async with serving(short_tmp) as client:
        client.current.move(State.FAILED)
        client.current.loaded(failure(brief))
        for service in ("", LAST_LOAD):
            _, told = await client.check(service)
            assert told.pop("codeserver-state") == State.FAILED.value
            assert told.pop("codeserver-load-error").rstrip() == headline
            assert not told
        client.current.loaded(host())
        assert "codeserver-load-error" not in (await client.check())[1]


async def test_a_service_that_is_not_known(short_tmp: Path) -> None:
    async with serving(short_tmp) as client:
        with pytest.raises(grpc.aio.AioRpcError) as error:
            await client.check("other")
    assert error.value.code() is grpc.StatusCode.NOT_FOUND


async def test_every_service_is_listed(short_tmp: Path) -> None:
    async with serving(short_tmp) as client:
        expected = {"": NOT_SERVING, "DagsterApi": NOT_SERVING, LAST_LOAD: NOT_SERVING}
        assert await client.list() == expected
        client.current.loaded(host())
        assert await client.list() == {**expected, LAST_LOAD: SERVING}
        client.current.move(State.READY)
        assert await client.list() == dict.fromkeys(expected, SERVING)


async def test_changes_are_told_to_each_who_watches(short_tmp: Path) -> None:
    async with serving(short_tmp) as client:
        gone, staying, unknown = client.watch(), client.watch(), client.watch("other")
        for watch, status in (
            (gone, NOT_SERVING),
            (staying, NOT_SERVING),
            (unknown, SERVICE_UNKNOWN),
        ):
            assert (await soon(watch.read())).status == status
        gone.cancel()
        for state, status in ((State.READY, SERVING), (State.DRAINING, NOT_SERVING)):
            client.current.move(state)
            assert (await soon(staying.read())).status == status
