"""A process that answers requests with the user's code, one at a time."""

from __future__ import annotations

import os
import signal
from types import FrameType
from typing import NoReturn

from codeserver.errors import CallerError
from codeserver.wire import Frame
from codeserver.worker import process
from codeserver.worker.answers import answer
from codeserver.worker.channel import Channel
from codeserver.worker.location import Location


class _Terminated(BaseException):
    """SIGTERM: the front gave up on this request; `finally` blocks of user code still run."""


def _terminate(_signal: int, _frame: FrameType | None) -> None:
    raise _Terminated


def serve(channel: Channel, location: Location) -> NoReturn:
    """Answer requests until the front goes away."""
    # Both, because Dagster puts back the handler of SIGINT for both after each tick.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _terminate)
    try:
        while (frame := channel.receive()) is not None:
            _answer(channel, location, frame)
    except (_Terminated, BrokenPipeError, ConnectionResetError):
        pass
    finally:
        try:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            process.flush()
        finally:
            # Not sys.exit: what user code registered to happen at exit belongs to the host.
            os._exit(0)


def _answer(channel: Channel, location: Location, frame: Frame) -> None:
    rpc, extra = frame.header["rpc"], frame.header["extra"]
    try:
        reply = answer(location, rpc, frame.body.decode(), extra)
    except CallerError as error:
        channel.send({"kind": "refused", "error": type(error).__name__, "message": str(error)})
    except _Terminated:
        raise
    except BaseException as error:
        # What Dagster's own error handling lets through: SystemExit and its like.
        channel.send({"kind": "crashed", "message": f"User code raised {error!r}."})
    else:
        channel.send({"kind": "reply", "is_error": reply.is_error}, reply.body)
    process.flush()
