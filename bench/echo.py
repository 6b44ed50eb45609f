"""A server that only sends prepared replies: the upper limit of gRPC for Python.

    python bench/echo.py -f FOLDER -s SOCKET

It uses `grpc.aio` on uvloop, as the front of codeserver does. The reply of each method is the
content of the file of that name in the folder.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping
from pathlib import Path

import grpc
import uvloop


async def _serve(socket: str, replies: Mapping[str, bytes]) -> None:
    def handler(reply: bytes) -> grpc.RpcMethodHandler[bytes, bytes]:
        async def answer(_request: bytes, _context: object) -> bytes:
            return reply

        return grpc.unary_unary_rpc_method_handler(answer)

    server = grpc.aio.server()
    handlers = {method: handler(reply) for method, reply in replies.items()}
    server.add_generic_rpc_handlers(
        (grpc.method_handlers_generic_handler("api.DagsterApi", handlers),)
    )
    server.add_insecure_port(f"unix:{socket}")
    await server.start()
    await server.wait_for_termination()


def _main() -> None:
    _, folder, _, socket = sys.argv[1:]
    replies = {path.name: path.read_bytes() for path in Path(folder).iterdir()}
    asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
    asyncio.run(_serve(socket, replies))


if __name__ == "__main__":
    _main()
