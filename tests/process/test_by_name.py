"""The port that finds a location by name: real servers behind it, Dagster's client, and kills."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from collections.abc import Coroutine, Iterator
from pathlib import Path
from typing import Any, TypeVar

import grpc
import pytest
from dagster._core.errors import DagsterUserCodeUnreachableError
from dagster._grpc.client import DagsterGrpcClient

from codeserver.front.passing import Port, by_name
from tests.process.conftest import Start
from tests.process.serving import LIMIT, USER_CODE, run, wait_until_gone
from tests.support.eventually import eventually

T = TypeVar("T")

REPO = ("-f", str(USER_CODE / "repo.py"))

CLIENT = """
import sys, grpc
channel = grpc.insecure_channel(sys.argv[1])
next(channel.unary_stream("/grpc.health.v1.Health/Watch")(b""))
print("in a stream", flush=True)
sys.stdin.read()
"""


class Router:
    """A router in a thread of this process; each host is a name of a socket in the folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        self._by_name, (self.address,) = self._wait(self._start())

    @property
    def port(self) -> int:
        return int(self.address.rpartition(":")[2])

    def connections(self) -> int:
        return len(list(self._by_name._connections))

    def close(self) -> None:
        self._wait(self._by_name.stop(0))
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _start(self) -> tuple[Port, list[str]]:
        router = by_name(self._route)
        return router, await router.start("127.0.0.1", 0)

    def _route(self, host: str) -> str:
        name = host.partition(".")[0]
        return str(self._folder / f"{name if name.isdecimal() and name != '127' else 0}.sock")

    def _wait(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(LIMIT)


@pytest.fixture
def router(work: Path) -> Iterator[Router]:
    router = Router(work)
    yield router
    router.close()


def test_dagsters_client_reaches_each_location_by_its_name(start: Start, router: Router) -> None:
    first, second = start(*REPO), start(*REPO, "--fixed-server-id", "second")
    ids = {"localhost": first.id, "1.localhost": second.id}
    assert ids["1.localhost"] == "second"

    for host, server_id in ids.items():
        client = DagsterGrpcClient(host=host, port=router.port)
        # Python's resolver, unlike gRPC's, may not know the names below `localhost`.
        options = [("grpc.default_authority", f"{host}:{router.port}")]
        with grpc.insecure_channel(router.address, options) as channel:
            reply = channel.unary_unary("/api.DagsterApi/GetServerId")(b"", timeout=LIMIT)
        assert server_id.encode() in reply
        if host == "localhost":
            assert client.get_server_id(timeout=LIMIT) == server_id
            assert client.ping("hello")["echo"] == "hello"
            replies = [*client.streaming_ping(sequence_length=3, echo="echo")]
            assert [reply["echo"] for reply in replies] == ["echo"] * 3
            assert client.health_check_query() == "SERVING"
            assert "repository_symbols" in client.list_repositories()


def test_the_commands_about_a_server_work_through_the_router(
    start: Start, router: Router, work: Path
) -> None:
    start(*REPO)
    for command in ("reload", "health", "status"):
        arguments = (sys.executable, "-m", "codeserver", command, "--address", router.address)
        ended = run(*arguments, cwd=work)
        assert ended.code == 0, ended.output


def test_killed_clients_leave_no_connection_behind(start: Start, router: Router) -> None:
    start(*REPO)
    client = subprocess.Popen(
        [sys.executable, "-c", CLIENT, router.address],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    with client:
        assert client.stdout is not None
        assert client.stdout.readline() == b"in a stream\n"
        assert router.connections() == 1
        client.kill()

    eventually(lambda: router.connections() == 0)


def test_a_killed_server_is_unreachable_until_it_is_back(start: Start, router: Router) -> None:
    server, other = start(*REPO), start(*REPO, "--fixed-server-id", "other")
    client = DagsterGrpcClient(host="127.0.0.1", port=router.port)
    assert client.get_server_id(timeout=LIMIT) == server.id
    with grpc.insecure_channel(router.address) as channel:
        call = channel.unary_unary("/api.DagsterApi/GetServerId")
        call(b"", timeout=LIMIT)
        gone = [*server.processes()]
        server.front.kill()
        wait_until_gone(gone)

        with pytest.raises(grpc.RpcError) as lost:
            call(b"", timeout=LIMIT)
        assert lost.value.code() == grpc.StatusCode.UNAVAILABLE
    with pytest.raises(DagsterUserCodeUnreachableError):
        client.get_server_id(timeout=LIMIT)
    assert other.id == "other"
