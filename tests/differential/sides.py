"""Two servers on the same code: stock Dagster, and the one under test."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import grpc
import pytest
from dagster import DagsterInstance
from dagster._core.instance.ref import InstanceRef
from dagster._grpc.__generated__ import DagsterApiStub
from dagster._grpc.client import DagsterGrpcClient
from dagster._grpc.utils import max_send_bytes

from tests.support.among_several import NAME
from tests.support.dagster_names import STATE_STORAGE
from tests.support.servers import OURS, STOCK_API_GRPC, STOCK_CODE_SERVER, ServerProcess

ROOT = Path(__file__).parent.parent.parent
USER_CODE = ROOT / "tests" / "user_code" / "differential"

# CODESERVER_TEST_SERVER=stock-api compares stock with stock: everything must then be equal, which
# shows that the tests hide nothing but noise.
STOCK_AGAINST_STOCK = os.environ.get("CODESERVER_TEST_SERVER") == "stock-api"

AMONG_SEVERAL = os.environ.get("CODESERVER_TEST_SERVER") == "among-several"
"""Whether ours is one of several locations of its server."""

API_GRPC = (*STOCK_API_GRPC, "--lazy-load-user-code")
CODE_SERVER_START = STOCK_CODE_SERVER
_SERVED = (sys.executable, "-m", "tests.support.among_several") if AMONG_SEVERAL else OURS
_OURS = {API_GRPC: (*_SERVED, "--lazy-load-user-code"), CODE_SERVER_START: _SERVED}

MAX_MESSAGE = 100_000_000  # of both servers, and of Dagster's client


def only_if_allowed() -> None:
    """Skip a test of large messages if Dagster's client sends none as large as that."""
    if max_send_bytes() < MAX_MESSAGE:
        pytest.skip("the client of this Dagster does not send as much")


_DAGSTER_YAML = """
telemetry:
  enabled: false
"""
_STATE_STORAGE = """
defs_state_storage:
  module: dagster._core.storage.defs_state.blob_storage_state_storage
  class: {storage}
  config:
    base_path: {home}/defs_state
"""


@dataclass
class Side:
    """One of the two servers, with an instance of its own.

    Attributes:
        name: "stock" or "ours".
        home: DAGSTER_HOME of the server.
        server: the process.
        channel: a connection that imposes no limits of its own.
    """

    name: str
    home: Path
    server: ServerProcess
    channel: grpc.Channel

    @cached_property
    def client(self) -> DagsterGrpcClient:
        return self.server.client

    @cached_property
    def instance(self) -> DagsterInstance:
        return DagsterInstance.from_ref(self.instance_ref)

    @cached_property
    def instance_ref(self) -> InstanceRef:
        return InstanceRef.from_dir(str(self.home))

    @cached_property
    def stub(self) -> Any:
        """Calls with a message of one's own making, for what Dagster's client would not send."""
        return DagsterApiStub(self.channel)

    def close(self) -> None:
        self.channel.close()
        if "instance" in vars(self):
            self.instance.dispose()


@dataclass(frozen=True)
class Pair:
    stock: Side
    ours: Side

    def __iter__(self) -> Iterator[Side]:
        return iter((self.stock, self.ours))


@contextmanager
def serving(
    target: Sequence[str],
    work: Path,
    *,
    reference: tuple[str, ...] = API_GRPC,
    cwd: Path = USER_CODE,
    env: Mapping[str, str] | None = None,
) -> Iterator[Pair]:
    """Serve `target` (options that say what to load) with stock's `reference` and with ours.

    Both start and stop at the same time; sockets and instances live under `work`.
    """
    ours = reference if STOCK_AGAINST_STOCK else _OURS[reference]
    if AMONG_SEVERAL:  # the file of locations makes paths absolute, and names its locations
        target = [str(cwd / word) if (cwd / word).is_file() else word for word in target]
        reference = (*reference, "--location-name", NAME)
    with ExitStack() as stack:
        threads = stack.enter_context(ThreadPoolExecutor(2))

        def start(name: str, command: Sequence[str]) -> Side:
            home = home_at(work / name)
            server = ServerProcess(
                [*command, *target],
                socket=work / f"{name}.sock",
                # No bytecode: files are rewritten faster than its time stamps tell apart.
                env={
                    **{"DAGSTER_HOME": str(home), "PYTHONDONTWRITEBYTECODE": "1"},
                    **({"PYTHONPATH": str(ROOT)} if AMONG_SEVERAL else {}),
                    **(env or {}),
                },
                cwd=cwd,
            )
            stack.enter_context(server)
            options = [
                ("grpc.max_receive_message_length", -1),
                ("grpc.max_send_message_length", -1),
            ]
            channel = grpc.insecure_channel(f"unix:{server.socket}", options=options)
            side = Side(name, home, server, channel)
            stack.callback(side.close)
            return side

        futures = [threads.submit(start, "stock", reference), threads.submit(start, "ours", ours)]
        pair = Pair(*(future.result() for future in futures))
        yield pair
        list(threads.map(lambda side: side.server.stop(), pair))


def home_at(path: Path) -> Path:
    if not path.exists():
        path.mkdir()
        text = _DAGSTER_YAML + (_STATE_STORAGE if STATE_STORAGE else "")
        (path / "dagster.yaml").write_text(text.format(home=path, storage=STATE_STORAGE))
    return path
