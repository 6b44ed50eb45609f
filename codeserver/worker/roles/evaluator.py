"""The evaluator: answers requests with the user's code, one at a time.

It is forked from a host, with the code, or is the host itself if its forks cannot be trusted
(`worker.process.fork_safety`). Or it is forked from the template or the forkserver and loads the
code itself: this is equivalent to a new interpreter, but saves the import of Dagster.
"""

from __future__ import annotations

import faulthandler
import threading
import traceback
from collections.abc import Collection
from dataclasses import replace
from functools import partial
from types import FrameType
from typing import NoReturn

from codeserver.errors import CallerError, InvalidRequest, redacts_user_code
from codeserver.messages import Answer, Ask, Crashed, LoadedAgain, Refused
from codeserver.processes import NATIVE_STACK_SIGNAL, STACK_SIGNAL
from codeserver.worker import dagster_internals as dagster
from codeserver.worker.answers import answer
from codeserver.worker.failures import current_error
from codeserver.worker.loading.location import Location
from codeserver.worker.loading.ordered import load_as_ordered
from codeserver.worker.process import basics, limits, unwritten
from codeserver.worker.process.channel import Channel
from codeserver.worker.process.forking import Main
from codeserver.worker.process.leaving import finish_threads, leave
from codeserver.worker.process.originals import os, signal
from codeserver.worker.process.own_stack import write_stack
from codeserver.worker.process.wear import Wear


class _Terminated(BaseException):
    """The front has given up on this request; `finally` blocks of user code still run."""


def load_and_serve(channel: Channel) -> Main | int:
    """Load the code by order of the front, and then answer requests."""
    location = load_as_ordered(channel)
    if location is None:
        return 1
    try:
        channel.send(LoadedAgain())
    except OSError:
        return 0  # the front no longer needs this evaluator
    return partial(serve, channel, location, has_loaded=True)


def serve(channel: Channel, location: Location, *, has_loaded: bool = False) -> NoReturn:
    """Answer requests until the front is gone.

    Args:
        channel: to the front.
        location: the loaded code.
        has_loaded: whether this process has loaded the code. If so, it calls the code's exit
            handlers at its end; otherwise they belong to the process that has loaded the code.
    """
    code = 1
    threads = {*threading.enumerate()} - {threading.current_thread()}
    try:
        _Evaluator(channel, location, threads).serve()
        code = 0
    except (_Terminated, BrokenPipeError, ConnectionResetError):
        code = 0
    except BaseException:
        code = 1
        traceback.print_exc()
    finally:
        try:
            for number in (signal.SIGTERM, STACK_SIGNAL):
                signal.signal(number, signal.SIG_IGN)
            basics.flush()
            if has_loaded:
                leave(code, threads, unwritten.finish)
            unwritten.flush()
        finally:
            # Not sys.exit, which would finalize inherited objects.
            os._exit(code)


class _Evaluator:
    def __init__(
        self, channel: Channel, location: Location, threads: Collection[threading.Thread]
    ) -> None:
        self._channel = channel
        self._location = location
        self._threads = threads
        order = location.order
        # Both, because Dagster restores the handler of SIGINT for both after each tick.
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._terminate)
        basics.unblock_signals()
        signal.signal(STACK_SIGNAL, self._show_and_terminate)
        faulthandler.register(NATIVE_STACK_SIGNAL, file=2, all_threads=False)
        if order.memory_limit:
            limits.limit_memory(order.memory_limit)
        self._wear = Wear(order.max_growth)

    def serve(self) -> None:
        while (ask := self._channel.expect(Ask)) is not None:
            limits.impose()
            self._answer(ask)
        # Threads that a sensor has started may finish their work as long as the front waits.
        finish_threads(self._threads)

    def _terminate(self, _: int, __: FrameType | None) -> None:
        raise _Terminated

    def _show_and_terminate(self, _: int, frame: FrameType | None) -> None:
        write_stack(2, frame)
        raise _Terminated

    def _answer(self, ask: Ask) -> None:
        reply: Answer | Refused | Crashed
        try:
            reply = answer(self._location, ask.rpc, _text(ask.body), ask.extra)
        except CallerError as error:
            reply = Refused(type(error).__name__, str(error), error.details)
        except _Terminated:
            raise
        except BaseException as error:
            # Dagster's own error handling lets SystemExit and its like through.
            if redacts_user_code():
                reply = Crashed(b"", f"User code raised {type(error).__name__}.")
            else:
                info = dagster.serialize_value(current_error()).encode()
                reply = Crashed(info, f"User code raised {error!r}.")
        # Before the reply, because the output belongs to this request, and because this process may
        # be killed.
        basics.flush()
        unwritten.flush_inherited()
        late, worn = self._location.footprint.take_late(), self._wear.reason()
        self._channel.send(replace(reply, late=late, worn=worn))


def _text(argument: bytes) -> str:
    try:
        return argument.decode()
    except UnicodeDecodeError as error:
        raise InvalidRequest(f"The argument is not UTF-8: {error.reason}.") from None
