"""How gRPC serves, where its own ways would be no help to clients."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

import grpc
import grpc.aio

from codeserver.exposure import Exposure
from codeserver.front.servers.assembly import grpc_options
from tests.support.eventually import PATIENCE

SHORT = 1
"""Seconds that calls may be pending; gRPC itself would say 30."""


async def test_calls_that_wait_for_a_busy_server_are_answered(short_tmp: Path) -> None:
    """As when ten thousand come at once, and the last are reached after half a minute."""
    is_first = iter([True])

    async def answer(_request: bytes, _context: object) -> bytes:
        if next(is_first, False):
            # The event loop has no time for the others, which are older than they may be then.
            threading.Event().wait(SHORT + 0.5)
        return b"answered"

    handlers = {"Call": grpc.unary_unary_rpc_method_handler(answer)}
    default = {"grpc.server_max_unrequested_time_in_server": SHORT}
    server = grpc.aio.server(options=[*(default | dict(grpc_options(Exposure()))).items()])
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("Test", handlers),))
    address = f"unix:{short_tmp}/socket"
    server.add_insecure_port(address)
    await server.start()

    with grpc.insecure_channel(address) as channel:
        call = channel.unary_unary("/Test/Call")
        calls = [call.future(b"", timeout=PATIENCE) for _ in range(20)]
        refusals = [await asyncio.to_thread(each.exception) for each in calls]
    await server.stop(None)

    assert not any(refusals), refusals
