"""Timed control calls, as from the webserver and probes, which must be quick and never fail.

A separate process makes them, so that the load of the clients does not distort the times.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
from dagster._grpc.__generated__ import dagster_api_pb2 as pb

from bench.client import health
from bench.requests import ask, stub_of
from bench.soak.soaking import Soak
from bench.soak.tally import WRONG, Expected, Outcome

_EVERY = 0.2
_TIMEOUT = 20.0
_END_SECONDS = 30.0

_NOT_SERVING = "not the reply of a working server"


def _server_id(stub: Any) -> bool:
    return bool(stub.GetServerId(pb.Empty(), timeout=_TIMEOUT).server_id)


def _ping(stub: Any) -> bool:
    return bool(stub.Ping(pb.PingRequest(echo="soak"), timeout=_TIMEOUT).echo == "soak")


def _repositories(stub: Any) -> bool:
    reply = ask(stub, "ListRepositories", pb.ListRepositoriesRequest(), _TIMEOUT)
    return "ListRepositoriesResponse" in reply


PROBES: Mapping[str, Callable[[grpc.Channel], bool]] = {
    "GetServerId": lambda channel: _server_id(stub_of(channel)),
    "Ping": lambda channel: _ping(stub_of(channel)),
    "health Check": lambda channel: health(channel, _TIMEOUT) == "SERVING",
    "ListRepositories": lambda channel: _repositories(stub_of(channel)),
}


@contextlib.contextmanager
def watching(it: Soak) -> Iterator[None]:
    """Make the control calls in a loop during the block, and judge them at its end."""
    command = [sys.executable, "-m", "bench.soak.control", str(it.server.socket)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        try:
            yield
        finally:
            try:
                output, _ = process.communicate(timeout=_END_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                raise
    for rpc, begin, end, kind, text in json.loads(output):
        it.tally.seconds[rpc].append(end - begin)
        if kind:
            expected = []
            if text == _NOT_SERVING and it.tally.was_disrupted(begin, end):
                expected = [Expected(WRONG, name="not serving, after a kill")]
            outcome = Outcome(kind, text)
            it.judge(f"control: {rpc}", outcome, expected, begin, end, needs_process=False)


def _probe(rpc: str, socket: str, stop: threading.Event, made: list[object]) -> None:
    """Make one of the control calls in a loop, each time over a new connection."""
    while not stop.wait(_EVERY):
        begin = time.monotonic()  # the same clock in all processes
        kind = text = ""
        try:
            with grpc.insecure_channel(f"unix:{socket}") as channel:
                if not PROBES[rpc](channel):
                    kind, text = WRONG, _NOT_SERVING
        except grpc.RpcError as error:
            kind, text = error.code().name, error.details() or ""
        made.append((rpc, begin, time.monotonic(), kind, text))


def main(socket: str) -> None:
    """Make all control calls, each in its own thread, until standard input ends; print them."""
    stop, made = threading.Event(), list[object]()
    with ThreadPoolExecutor(len(PROBES)) as pool:
        futures = [pool.submit(_probe, rpc, socket, stop, made) for rpc in PROBES]
        try:
            sys.stdin.read()
        finally:
            stop.set()
    for future in futures:
        future.result()
    print(json.dumps(made))


if __name__ == "__main__":
    main(sys.argv[1])
