"""Whether a server has come to harm."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import grpc
import psutil

from tests.process.serving import LIMIT, Server
from tests.support.eventually import eventually
from tests.support.processes import open_files

USER_CODE = Path(__file__).parent.parent / "user_code" / "fuzz"

_GROWTH = 400 * 1024 * 1024
"""Bytes that the front may grow by: replies under way, caches, and what the allocator keeps."""

_SIGNS = (
    "is a defect",
    "background task",
    "Exception in callback",
    "never retrieved",
    "codeserver/front",
)
"""What the log has of a fault of the front."""


@contextlib.contextmanager
def unharmed(server: Server, *served: Server, more_files: int = 0) -> Iterator[None]:
    """Fail if the server is another one in the end, has grown, or says that it is at fault.

    Args:
        served: its locations, if they are several.
        more_files: the most that it may have opened, such as channels of new evaluators.
    """
    locations = served or (server,)

    def hosts() -> set[int]:
        # One that was forked a moment ago still has the name of what it was forked from.
        found = {each.pid for each in server.processes("host")}
        return found if len(found) == len(locations) else set()

    front = psutil.Process(server.front.pid)
    before = eventually(hosts, what="the hosts")
    files, memory = len(open_files(front.pid)), front.memory_info().rss
    yield
    for each in locations:
        with grpc.insecure_channel(f"unix:{each.server.socket}") as channel:
            assert channel.unary_unary("/api.DagsterApi/GetServerId")(b"", timeout=LIMIT)
    assert server.front.poll() is None
    assert eventually(hosts, what="the hosts") == before
    assert front.memory_info().rss - memory < _GROWTH
    eventually(lambda: len(open_files(front.pid)) <= files + more_files, what="files are closed")
    for sign in _SIGNS:
        assert sign not in server.server.text, server.server.text
