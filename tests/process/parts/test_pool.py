"""The pool of evaluators with processes; what it does with them is in `tests/unit/test_pool*`."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest

from codeserver.errors import RequestTimeout, WorkerCrashed
from codeserver.supervisor.evaluating.admission import Slots
from codeserver.supervisor.evaluating.evaluators import Evaluators
from codeserver.supervisor.evaluating.pool import Lanes, Pool, Reply
from codeserver.supervisor.evaluating.request import Deadline, Request
from codeserver.supervisor.loading.starter import Fork
from codeserver.supervisor.processes import patience
from codeserver.supervisor.processes.tasks import Tasks
from tests.process.parts.forking import forking_process
from tests.unit.evaluators import TOO_LONG, LeapingClock
from tests.unit.waiting import DEADLINE, soon, until


async def test_real_evaluators() -> None:
    async with forking_process() as forker:
        tasks = Tasks()
        used = Pool(Evaluators(Fork(forker), tasks), Lanes(Slots(2, 0), Slots(1, 0)), tasks)

        async def ask(deed: str, **extra: Any) -> Reply:
            return await soon(
                used.evaluate(Request(deed, b"body", Deadline.after(DEADLINE), deed, extra))
            )

        assert [await ask("echo") for _ in range(3)] == [Reply(b"body", False)] * 3
        assert len(forker.children) == 1
        with pytest.raises(
            WorkerCrashed, match=r"evaluated the kill was killed by signal 11 \(SIGSEGV\)\.$"
        ):
            await ask("kill", signal=11)
        with pytest.raises(WorkerCrashed, match=r"evaluated the exit exited with code 3\.$"):
            await ask("exit", code=3)
        assert await ask("echo") == Reply(b"body", False)
        used.evaluators.close()
        await soon(tasks.settle())
        assert forker.children == frozenset()


async def test_real_evaluators_that_hang(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """One ends at SIGTERM, the other at SIGKILL with its offspring; there is room after that."""
    caplog.set_level(logging.INFO, "codeserver.output")
    async with forking_process() as forker:
        tasks = Tasks()
        used = Pool(Evaluators(Fork(forker), tasks), Lanes(Slots(1, 1), Slots(1, 1)), tasks)
        # The first one has the time to say where it is, the other one would use any.
        for count, (deed, grace) in enumerate((("hang", 3600.0), ("deaf", 0.1)), 1):
            monkeypatch.setattr(patience, "END_GRACE", grace)
            with LeapingClock() as clock:
                late = asyncio.create_task(
                    used.evaluate(Request(deed, b"", Deadline.after(TOO_LONG), deed))
                )
                await until(lambda count=count: caplog.messages.count("it hangs") == count)  # type: ignore[misc]
                clock.let_pass(TOO_LONG)
                with pytest.raises(RequestTimeout):
                    await soon(late)
            reply = await soon(
                used.evaluate(Request("echo", b"after", Deadline.after(DEADLINE), "echo"))
            )
            assert reply.body == b"after"
        used.evaluators.close()
        await soon(tasks.settle())
        assert forker.children == frozenset()
        await until(
            lambda: [
                each
                for each in caplog.records
                if "forking_program.py" in each.getMessage() and each.origin == "hang"  # type: ignore[attr-defined]
            ]
        )
