"""The cost of the port that finds a location by the name of the host.

    python -m bench.by_name [--rounds N]

A real server, in whose event loop the router runs, is called directly and through the router,
in turns: GetServerId by Dagster's client, which opens a channel for each call, and over one channel
with some calls at once. A round lasts 1 s. The ratio is the median of the rounds'.
"""

from __future__ import annotations

import argparse
import asyncio
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from statistics import median, quantiles

import grpc
import psutil
from dagster._grpc.client import DagsterGrpcClient

from bench.subjects import SUBJECTS

_SECONDS = 1.0
_METHOD = "/api.DagsterApi/GetServerId"
_AT_ONCE = (1, 8, 32)

Load = Callable[[str], list[float]]
"""Calls an address for a round; returns the seconds of each call."""


async def _serve(file: str, socket: str) -> None:
    from codeserver.config import Config
    from codeserver.front.passing import ByName
    from codeserver.front.servers.server import Server
    from codeserver.target import resolve

    config, target = resolve(Config(python_file=file, host="127.0.0.1", port=0, socket=socket))
    server = Server(config, target)
    await server.start()
    router = ByName(lambda host: socket)
    routed = await router.start("127.0.0.1", 0)
    while server.location.current.served is None:  # noqa: ASYNC110
        await asyncio.sleep(0.1)
    print(server.addresses[1], *routed, flush=True)
    await asyncio.to_thread(sys.stdin.read)
    server.shutdown.by_signal(at_once=True)
    await asyncio.gather(server.close(), router.stop(10))


@contextmanager
def _served() -> Iterator[tuple[psutil.Process, str, str]]:
    """The process of a front, and its direct and its routed address."""
    with tempfile.TemporaryDirectory() as folder:
        file = SUBJECTS[0].place(Path(folder) / "location")
        command = [sys.executable, "-m", "bench.by_name", "--serve", str(file), f"{folder}/socket"]
        with subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as process:
            assert process.stdin is not None
            assert process.stdout is not None
            direct, routed = process.stdout.readline().split()
            yield psutil.Process(process.pid), direct, routed
            process.stdin.close()


def _new_channels(address: str) -> list[float]:
    host, _, port = address.rpartition(":")
    client = DagsterGrpcClient(host=host, port=int(port))
    return list(_timed(client.get_server_id))


def _one_channel(address: str) -> list[float]:
    with grpc.insecure_channel(address) as channel:
        call = channel.unary_unary(_METHOD)
        call(b"")
        return list(_timed(partial(call, b"")))


def _timed(call: Callable[[], object]) -> Iterator[float]:
    end = time.perf_counter() + _SECONDS
    while (start := time.perf_counter()) < end:
        call()
        yield time.perf_counter() - start


def _at_once(calls: int, address: str) -> list[float]:
    found: list[float] = []

    async def repeat(call: Callable[[bytes], grpc.aio.UnaryUnaryCall[bytes, bytes]]) -> None:
        end = time.perf_counter() + _SECONDS
        while (start := time.perf_counter()) < end:
            await call(b"")
            found.append(time.perf_counter() - start)

    async def load() -> None:
        async with grpc.aio.insecure_channel(address) as channel:
            call = channel.unary_unary(_METHOD)
            await call(b"")
            await asyncio.gather(*(repeat(call) for _ in range(calls)))

    asyncio.run(load())
    return found


def _measure(rounds: int) -> None:
    loads: dict[str, Load] = {
        "a channel for each call": _new_channels,
        "one channel, blocking": _one_channel,
        **{f"one channel, {calls} at once": partial(_at_once, calls) for calls in _AT_ONCE},
    }
    print(f"{'':26}{'calls/s':>16}{'p50 ms':>14}{'p99 ms':>14}{'CPU us':>12}  ratio")
    with _served() as (front, *addresses):
        for name, load in loads.items():
            times: dict[str, list[float]] = {address: [] for address in addresses}
            rates: dict[str, list[float]] = {address: [] for address in addresses}
            costs: dict[str, list[float]] = {address: [] for address in addresses}
            for turn in range(rounds):
                for address in addresses if turn % 2 else addresses[::-1]:
                    before = front.cpu_times()
                    took = load(address)
                    after = front.cpu_times()
                    times[address] += took
                    rates[address].append(len(took) / _SECONDS)
                    costs[address].append(
                        (after.user + after.system - before.user - before.system) / len(took)
                    )
            cuts = [quantiles(times[address], n=100) for address in addresses]
            direct, routed = (rates[address] for address in addresses)
            print(
                f"{name:26}{median(direct):8.0f}{median(routed):8.0f}"
                + "".join(f"{1e3 * cut[49]:7.2f}" for cut in cuts)
                + "".join(f"{1e3 * cut[98]:7.2f}" for cut in cuts)
                + "".join(f"{1e6 * median(costs[address]):6.0f}" for address in addresses)
                + f"{median(b / a for a, b in zip(direct, routed, strict=True)):7.2f}",
                flush=True,
            )


def _main() -> None:
    parser = argparse.ArgumentParser("python -m bench.by_name", description=__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--serve", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        import uvloop

        loop = uvloop.new_event_loop()
        asyncio.set_event_loop(loop)
        loop.run_until_complete(_serve(*options.serve))
        loop.close()
    else:
        _measure(options.rounds)


if __name__ == "__main__":
    _main()
