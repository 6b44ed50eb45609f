"""A process that answers requests with the user's code, one at a time."""

from __future__ import annotations

import faulthandler
import os
import signal
import threading
import traceback
from types import FrameType
from typing import Any, NoReturn

from codeserver.errors import CallerError
from codeserver.wire import STACK_SIGNAL, Frame
from codeserver.worker import dagster_internals as dagster
from codeserver.worker import limits, process, unwritten
from codeserver.worker.answers import answer
from codeserver.worker.channel import Channel
from codeserver.worker.failures import current_error
from codeserver.worker.leaving import finish_threads
from codeserver.worker.location import Location
from codeserver.worker.wear import Wear


class _Terminated(BaseException):
    """SIGTERM: the front gave up on this request; `finally` blocks of user code still run."""


def serve(channel: Channel, location: Location) -> NoReturn:
    """Answer requests until the front goes away."""
    code = 1
    try:
        _Evaluator(channel, location).serve()
        code = 0
    except (_Terminated, BrokenPipeError, ConnectionResetError):
        code = 0
    except BaseException:
        code = 1
        traceback.print_exc()
    finally:
        try:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            process.flush()
            unwritten.flush()
        finally:
            # Not sys.exit: what user code registered to happen at exit belongs to the host.
            os._exit(code)


class _Evaluator:
    def __init__(self, channel: Channel, location: Location) -> None:
        self._channel = channel
        self._location = location
        self._threads = {*threading.enumerate()} - {threading.current_thread()}
        order = location.order
        # Both, because Dagster puts back the handler of SIGINT for both after each tick.
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._terminate)
        if STACK_SIGNAL is not None:
            faulthandler.register(STACK_SIGNAL, file=2, all_threads=False)
        if order.memory_limit:
            limits.limit_memory(order.memory_limit)
        self._wear = Wear(order.max_growth)

    def serve(self) -> None:
        while (frame := self._channel.receive()) is not None:
            limits.impose()
            self._answer(frame)
        # Threads that a sensor has left to finish its work may do so, as long as the front waits.
        finish_threads(self._threads)

    def _terminate(self, _: int, __: FrameType | None) -> None:
        raise _Terminated

    def _answer(self, frame: Frame) -> None:
        rpc, extra = frame.header["rpc"], frame.header["extra"]
        body = b""
        try:
            reply = answer(self._location, rpc, frame.body.decode(), extra)
            header: dict[str, Any] = {"kind": "reply", "is_error": reply.is_error}
            body = reply.body
        except CallerError as error:
            header = {
                "kind": "refused",
                "error": type(error).__name__,
                "message": str(error),
                "details": error.details,
            }
        except _Terminated:
            raise
        except BaseException as error:
            # What Dagster's own error handling lets through: SystemExit and its like.
            header = {"kind": "crashed", "message": f"User code raised {error!r}."}
            body = dagster.serialize_value(current_error()).encode()
        # Before the reply: what is printed belongs to this request. And nobody knows whether this
        # process will come to its end by itself.
        process.flush()
        unwritten.flush_inherited()
        if self._location.footprint is not None:
            header["late"] = self._location.footprint.take_late()
        self._channel.send({**header, "worn": self._wear.reason()}, body)
