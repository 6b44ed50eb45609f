"""Evaluates requests with the code of one generation, each within its deadline."""

from __future__ import annotations

import asyncio
import logging
import signal
import time
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar, cast

from codeserver.config import Config
from codeserver.errors import (
    REFUSALS,
    Draining,
    InvalidRequest,
    RequestTimeout,
    WorkerCrashed,
)
from codeserver.letters import shown
from codeserver.messages import Answer, Ask, Crashed, Refused
from codeserver.supervisor.evaluating.admission import ENDING, Crashes, Slots
from codeserver.supervisor.evaluating.evaluators import Evaluators, Starting
from codeserver.supervisor.evaluating.request import Request
from codeserver.supervisor.processes import patience
from codeserver.supervisor.processes.child import Child
from codeserver.supervisor.processes.exits import explain_exit
from codeserver.supervisor.processes.tasks import Tasks

T = TypeVar("T")

Replied = Answer | Refused | Crashed

_log = logging.getLogger("codeserver")

_OTHER_SLOTS = 2
"""Evaluators for requests that call no function of the user."""
_SAME_MOMENT = 0.1
_AT_SIGTERM = (0, -signal.SIGTERM)
"""The exit codes of an evaluator at SIGTERM, with and without its handler."""


@dataclass(frozen=True)
class Reply:
    """The reply of an evaluator.

    Attributes:
        body: the serialized reply.
        is_error: whether the body is a bare serialized error.
        generation: the number of the generation that has answered.
    """

    body: bytes
    is_error: bool
    generation: int = 0


@dataclass(frozen=True)
class Lanes:
    """The slots for requests, shared by all generations of a location.

    Attributes:
        user_code: the slots for requests that call functions of the user.
        other: the slots for other requests. Those cannot hang, so slots become free soon.
    """

    user_code: Slots
    other: Slots

    @classmethod
    def of(cls, config: Config, whole: Slots | None = None) -> Lanes:
        """Make the lanes that the operator's settings allow.

        Args:
            config: the settings.
            whole: the slots of all locations together, for requests that call functions of the
                user.
        """
        most = 1 if config.evaluators == "one" else config.max_workers
        owner = f"location {shown(config.location_name or '')}"
        user_code = Slots(most, config.max_queue, whole, owner)
        return cls(user_code, Slots(_OTHER_SLOTS, config.max_queue))


class Pool:
    """Evaluates requests in processes that have the code of one generation.

    Args:
        imported: called with the sources that user code has imported during a request, each with
            its mark, if files are watched.
    """

    def __init__(
        self,
        evaluators: Evaluators,
        lanes: Lanes,
        tasks: Tasks,
        imported: Callable[[Mapping[str, Any]], None] = lambda _: None,
    ) -> None:
        self.evaluators = evaluators
        self._imported = imported
        self._lanes = lanes
        self._tasks = tasks
        self._crashes = Crashes()
        self._working: set[Child] = set()

    async def evaluate(self, request: Request) -> Reply:
        """Have user code answer a request.

        Raises:
            RequestTimeout: the deadline passed; the evaluator is ended.
            WorkerCrashed: the evaluator ended without a reply.
            Overloaded: too many requests wait already.
            CallerError: the request is invalid.
        """
        self._refuse_what_keeps_crashing(request)
        slots = self._lanes.user_code if request.runs_user_code else self._lanes.other
        await slots.take(request.subject, request.deadline)
        try:
            # Check again: the subject may have crashed for other requests during the wait.
            self._refuse_what_keeps_crashing(request)
            if request.deadline.has_passed:
                raise RequestTimeout(
                    f"The {request.subject} had no time left when an evaluator was free: it "
                    f"had {request.deadline}."
                )
        except BaseException:
            slots.give_back(request.subject)
            raise
        return await self._evaluate(request, slots)

    def end(self) -> None:
        """End every evaluator, and refuse further requests."""
        for evaluator in (*self.evaluators.end(), *self._working):
            self.evaluators.forget(evaluator)
            self._tasks.start("end evaluator", evaluator.end(patience.END_GRACE))

    def _refuse_what_keeps_crashing(self, request: Request) -> None:
        if request.runs_user_code:
            objection = self._crashes.objection(request.subject, time.monotonic())
            if objection is not None:
                raise WorkerCrashed(objection)

    async def _evaluate(self, request: Request, slots: Slots) -> Reply:
        deadline = request.deadline
        evaluator: Child | None = None
        starting: Starting | None = None
        try:
            evaluator = await self.evaluators.idle(deadline)
            if evaluator is None:
                starting = self.evaluators.start()
                evaluator = await deadline.limit(_started(starting))
            reply = await self._ask(evaluator, request)
        except BaseException as error:
            # After a timeout, a cancelled call or a crash, the evaluator gets no further request,
            # and its slot becomes free when it has ended. At the deadline gRPC also cancels the
            # call, and either may come first.
            gave_up = isinstance(error, (asyncio.TimeoutError, asyncio.CancelledError))
            is_late = gave_up and deadline.left < _SAME_MOMENT
            slots.counts.ended += gave_up
            slots.counts.crashed += isinstance(error, WorkerCrashed)
            self._free(slots, request, evaluator, starting, is_late)
            if isinstance(error, asyncio.TimeoutError):
                raise self._too_late(request, evaluator) from None
            raise
        slots.give_back(request.subject)
        self._crashes.clear(request.subject)
        if reply.late:
            self._imported(reply.late)
        self.evaluators.give_back(evaluator, reply.worn)
        return _understand(reply)

    def _free(
        self,
        slots: Slots,
        request: Request,
        evaluator: Child | None,
        starting: Starting | None,
        is_late: bool,
    ) -> None:
        """Free the slot of a failed request as soon as its evaluator has ended or is idle."""
        slots.count_as_ending(request.subject)
        if evaluator is not None:
            self._log_end(request, evaluator, is_late)
            ending = self._end(evaluator, is_late)
            self._tasks.start("end evaluator", self._free_after(ending, slots))
        elif starting is not None:
            keeping = self.evaluators.keep(starting)
            self._tasks.start("keep evaluator", self._free_after(keeping, slots))
        else:  # the request has no evaluator yet
            slots.give_back(ENDING)

    def _log_end(self, request: Request, evaluator: Child, is_late: bool) -> None:
        is_single = self.evaluators.is_single
        if is_late:
            why = f"took longer than {request.deadline}"
        elif is_single and not evaluator.exited.done():
            why = "is not waited for any more"
        else:
            return
        _log.warning(
            "the %s %s; its evaluator (process %d) is ended%s",
            *(request.subject, why, evaluator.pid),
            ", and what the code remembered in it is lost" if is_single else "",
        )

    def _too_late(self, request: Request, evaluator: Child | None) -> RequestTimeout:
        seconds = request.deadline
        if evaluator is not None:
            return RequestTimeout(
                f"The {request.subject} took longer than {seconds}, so its evaluator was ended."
            )
        if self.evaluators.is_single:
            return RequestTimeout(
                f"The only process that evaluates this code was busy when the {request.subject} "
                f"had waited {seconds} for it."
            )
        return RequestTimeout(f"No process for the {request.subject} was ready within {seconds}.")

    async def _ask(self, evaluator: Child, request: Request) -> Replied:
        if self.evaluators.has_ended:
            raise Draining("The server is shutting down.")
        self._working.add(evaluator)
        evaluator.output.begin(request.subject)
        ask = Ask(cast(bytes, request.argument), request.rpc, request.extra)
        deadline = request.deadline
        try:
            await evaluator.channel.send(ask, timeout=deadline.left)
            expect = evaluator.channel.expect
            reply = await expect(Answer, Refused, Crashed, timeout=deadline.left)
        except BrokenPipeError:
            reply = None
        finally:
            self._working.discard(evaluator)
        if reply is None:
            raise await deadline.limit(self._crashed(evaluator, request))
        return reply

    async def _crashed(self, evaluator: Child, request: Request) -> WorkerCrashed:
        how = await _how_it_ended(evaluator)
        if self.evaluators.has_ended:
            return WorkerCrashed("The server is shutting down, and ended the process.")
        reason = f"The process that evaluated the {request.subject} {how}."
        if words := evaluator.output.last_words():
            reason += f" The last lines on its standard error:\n{words}"
        if request.runs_user_code:
            self._crashes.add(request.subject, reason, time.monotonic())
        _log.warning("the evaluator of the %s (process %d) %s", request.subject, evaluator.pid, how)
        return WorkerCrashed(reason)

    async def _end(self, evaluator: Child, is_late: bool) -> None:
        self.evaluators.forget(evaluator)
        end = evaluator.end(patience.END_GRACE, shows_stack=is_late)
        ending = self._tasks.start("await end of evaluator", end)
        await asyncio.wait([ending], timeout=patience.END_GRACE + patience.DEATH)

    async def _free_after(self, end: Coroutine[Any, Any, None], slots: Slots) -> None:
        await end
        slots.give_back(ENDING)
        self.evaluators.warm()


async def _started(starting: Starting) -> Child:
    started = await asyncio.shield(starting)
    if isinstance(started, Child):
        return started
    raise started


async def _how_it_ended(evaluator: Child) -> str:
    """The end of an evaluator whose connection has closed, in words.

    The report of its end may come later. An evaluator that lives on is ended.
    """
    done, _ = await asyncio.wait([evaluator.exited], timeout=patience.EXIT_REPORT)
    if done:
        return explain_exit(evaluator.exited.result())
    began = time.monotonic()
    code = await evaluator.end(patience.END_GRACE)
    may_be_killed = time.monotonic() - began >= patience.END_GRACE
    if code in _AT_SIGTERM or (may_be_killed and code == -signal.SIGKILL):
        return "has closed its connection to the server, and was ended"
    return explain_exit(code)


def _understand(reply: Replied) -> Reply:
    match reply:
        case Answer(body, is_error):
            return Reply(body, is_error)
        case Refused(error, message, details):
            raise REFUSALS.get(error, InvalidRequest)(message, details)
        case Crashed(body, message):
            raise WorkerCrashed(message, body)
