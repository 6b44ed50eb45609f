"""Timed control calls, as from the webserver and probes, which must be quick and never fail.

A separate process makes them, so that the load of the clients does not distort the times.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping

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


def _server_id(channel: grpc.Channel) -> bool:
    return bool(stub_of(channel).GetServerId(pb.Empty(), timeout=_TIMEOUT).server_id)


def _ping(channel: grpc.Channel) -> bool:
    reply = stub_of(channel).Ping(pb.PingRequest(echo="soak"), timeout=_TIMEOUT)
    return bool(reply.echo == "soak")


def _repositories(channel: grpc.Channel) -> bool:
    request = pb.ListRepositoriesRequest()
    reply = ask(stub_of(channel), "ListRepositories", request, _TIMEOUT)
    return "ListRepositoriesResponse" in reply


PROBES: Mapping[str, Callable[[grpc.Channel], bool]] = {
    "GetServerId": _server_id,
    "Ping": _ping,
    "health Check": lambda channel: health(channel, _TIMEOUT) == "SERVING",
    "ListRepositories": _repositories,
}


@contextlib.contextmanager
def watching(it: Soak) -> Iterator[None]:
    """Make the control calls in a loop during the block."""
    command = [sys.executable, "-m", "bench.soak.control", str(it.server.socket)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        reader = threading.Thread(target=_read, args=(it, process), name="control", daemon=True)
        reader.start()
        try:
            yield
        finally:
            assert process.stdin
            process.stdin.close()
            try:
                process.wait(_END_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
            reader.join(_END_SECONDS)


def _read(it: Soak, process: subprocess.Popen[bytes]) -> None:
    assert process.stdout
    for line in process.stdout:
        rpc, begin, seconds, kind, text = json.loads(line)
        it.tally.seconds[rpc].append(seconds)
        if not kind:
            continue
        expected = []
        if text == _NOT_SERVING and it.tally.was_disrupted(begin, begin + seconds):
            expected = [Expected(WRONG, name="not serving, after a kill")]
        if expected or not it.progress.stop.is_set():
            name, outcome = f"control: {rpc}", Outcome(kind, text)
            it.judge(name, outcome, expected, begin, needs_process=False)


def _probe(rpc: str, socket: str, stop: threading.Event) -> None:
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
        line = json.dumps([rpc, begin, time.monotonic() - begin, kind, text])
        # In one write, because the other threads write to the same pipe.
        os.write(1, f"{line}\n".encode())


def main(socket: str) -> None:
    """Make all control calls, each in its own thread, until the end of standard input."""
    stop = threading.Event()
    threads = [threading.Thread(target=_probe, args=(rpc, socket, stop)) for rpc in PROBES]
    for thread in threads:
        thread.start()
    try:
        sys.stdin.read()
    finally:
        stop.set()


if __name__ == "__main__":
    main(sys.argv[1])
