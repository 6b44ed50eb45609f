"""A server that does nothing but reply: what gRPC for Python can do at most.

    python -m bench.comparison.echo SOCKET FOLDER

It is `grpc.aio` on uvloop, as is the front of codeserver. To each method it replies with the bytes
of the file of that name in the folder, as they are.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import grpc

_START_SECONDS = 20.0


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


@contextmanager
def echoing(replies: Mapping[str, bytes]) -> Iterator[tuple[subprocess.Popen[bytes], Path]]:
    """A process that replies so, and its socket; it is killed at the end.

    Args:
        replies: by method.

    Raises:
        RuntimeError: it does not start.
    """
    with TemporaryDirectory(prefix="compared-", ignore_cleanup_errors=True) as name:
        socket, folder = Path(name, "echo.sock"), Path(name, "replies")
        folder.mkdir()
        for method, reply in replies.items():
            (folder / method).write_bytes(reply)
        command = [sys.executable, "-m", "bench.comparison.echo", str(socket), str(folder)]
        # In a session of its own, as the others: the kernel may share out the cores by session.
        with subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True) as process:
            try:
                end = time.monotonic() + _START_SECONDS
                while not socket.exists():
                    if process.poll() is not None or time.monotonic() > end:
                        raise RuntimeError("the echo server does not start")
                    time.sleep(0.02)
                yield process, socket
            finally:
                process.kill()


def _main() -> None:
    import uvloop

    socket, folder = sys.argv[1:]
    replies = {path.name: path.read_bytes() for path in Path(folder).iterdir()}
    asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
    asyncio.run(_serve(socket, replies))


if __name__ == "__main__":
    _main()
