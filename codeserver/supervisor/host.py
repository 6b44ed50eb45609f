"""Start a host, have it load the user's code, and collect what it says about it."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Coroutine, Mapping, Sequence
from typing import Any, TypeVar

from codeserver.errors import LoadTimeout, UserCodeError
from codeserver.supervisor.exits import explain_exit
from codeserver.supervisor.forker import Child, Forker
from codeserver.supervisor.generation import LoadFailure, RepositorySnapshot, Snapshot
from codeserver.supervisor.output import Outputs
from codeserver.supervisor.starter import Fork, Spawn, Starter
from codeserver.supervisor.tasks import Tasks
from codeserver.wire import Frame

T = TypeVar("T")

END_GRACE = 2.0
"""Seconds between SIGTERM and SIGKILL for a worker that must go."""


class LoadFailed(UserCodeError):
    """The user's code could not be loaded."""

    def __init__(self, failure: LoadFailure) -> None:
        super().__init__(failure.text)
        self.failure = failure


class Host:
    """A host with the user's code loaded.

    Attributes:
        forker: forks evaluators and runs from it.
        snapshot: what clients are told about its code.
        starter: starts processes that have its code.
        isolation: how they get it, `fork` or `spawn`.
        reasons: why so.
        environment: variables that loading the code has changed; None for one that is gone.
        ended: done when the host is no longer there.
    """

    def __init__(
        self,
        child: Child,
        forker: Forker,
        snapshot: Snapshot,
        starter: Starter,
        facts: Mapping[str, Any],
    ) -> None:
        self._child = child
        self.forker = forker
        self.snapshot = snapshot
        self.starter = starter
        self.isolation: str = facts["isolation"]
        self.reasons: Sequence[str] = facts["reasons"]
        self.environment: Mapping[str, str | None] = facts["environment"]

    @property
    def ended(self) -> asyncio.Future[int | None]:
        """Done when the host has ended."""
        return self._child.exited

    async def close(self) -> None:
        """End it; the caller has made sure that nothing needs its evaluators any more."""
        await self.forker.exit()
        done, _ = await asyncio.wait([self._child.exited], timeout=END_GRACE)
        if not done:
            await self._child.end(END_GRACE)


async def load(
    parent: Forker, outputs: Outputs, order: bytes, timeout: float | None, tasks: Tasks
) -> Host:
    """Fork a host that loads what `order` says.

    Args:
        parent: the forkserver.
        outputs: reads what worker processes print.
        order: JSON of the fields of `codeserver.worker.location.LoadOrder`.
        timeout: seconds that it may take, None for no limit.
        tasks: owns what goes on after this returns.

    Raises:
        LoadFailed: the code failed to load, in whatever way.
        WorkerCrashed: there is no forkserver to fork from.
    """
    child = await parent.fork("host")
    try:
        spawn = Spawn(parent, order, timeout)
        return await _within(timeout, _load(child, spawn, outputs, tasks))
    except BaseException:
        # Also when this task is cancelled: nobody else knows this host.
        await asyncio.shield(tasks.start("end host", child.end(END_GRACE)))
        raise


async def _load(child: Child, spawn: Spawn, outputs: Outputs, tasks: Tasks) -> Host:
    try:
        await child.channel.send(Frame({"kind": "load"}, spawn.order))
    except BrokenPipeError:
        raise await _crashed(child, "loading the code") from None
    frame = await child.channel.expect()
    if frame is None:
        raise await _crashed(child, "loading the code")
    if frame.kind == "failed":
        raise LoadFailed(_failure(frame.header["text"], frame.body))
    forker = Forker(child.channel, outputs, adopter=spawn.forkserver)
    if frame.header["isolation"] == "fork":
        tasks.start("follow host", forker.follow())
        builder = await forker.fork("snapshots")
        try:
            snapshot, jobs = await _receive_snapshot(builder, frame)
        except BaseException:
            builder.channel.close()
            raise
        tasks.start("receive jobs", _close_after(jobs, builder))
        return Host(child, forker, snapshot, Fork(forker), frame.header)
    snapshot, jobs = await _receive_snapshot(child, frame)
    tasks.start("follow host", _follow_after(jobs, forker))
    return Host(child, forker, snapshot, spawn, frame.header)


async def _close_after(jobs: Coroutine[Any, Any, None], builder: Child) -> None:
    await jobs
    builder.channel.close()


async def _follow_after(jobs: Coroutine[Any, Any, None], forker: Forker) -> None:
    await jobs
    await forker.follow()


async def _receive_snapshot(
    builder: Child, loaded: Frame
) -> tuple[Snapshot, Coroutine[Any, Any, None]]:
    """What clients are told first, and the work of receiving the rest."""
    listing = b""
    repositories: dict[str, RepositorySnapshot] = {}
    loop = asyncio.get_running_loop()
    while (frame := await builder.channel.expect()) is not None:
        header = frame.header
        if frame.kind == "failed":
            raise LoadFailed(_failure(header["text"], frame.body))
        if frame.kind == "listing":
            listing = frame.body
        elif frame.kind == "repository":
            jobs = {name: loop.create_future() for name in header["jobs"]}
            names = {kind: frozenset(header[f"{kind}s"]) for kind in ("job", "schedule", "sensor")}
            repositories[header["name"]] = RepositorySnapshot(
                frame.body, jobs, names, header["counts"]
            )
        elif frame.kind == "summary":
            seconds = {**loaded.header["seconds"], "snapshot": header["seconds"]}
            snapshot = Snapshot(listing, repositories, header["digest"], seconds)
            return snapshot, _receive_jobs(builder, repositories)
    raise await _crashed(builder, "describing the code")


async def _receive_jobs(builder: Child, repositories: dict[str, RepositorySnapshot]) -> None:
    try:
        while (frame := await builder.channel.expect()) is not None:
            if frame.kind == "described":
                break
            if frame.kind == "job":
                jobs = repositories[frame.header["repository"]].jobs
                jobs[frame.header["name"]].set_result(frame.body)
    finally:
        for repository in repositories.values():
            for job in repository.jobs.values():
                if not job.done():
                    job.set_result(None)


async def _crashed(child: Child, doing: str) -> LoadFailed:
    code = await child.end(END_GRACE)
    how = f"The process that was {doing} {explain_exit(code)}."
    words = child.output.last_words()
    text = f"{how} The last lines on its standard error:\n{words}" if words else how
    # Those lines have addresses in them, and equal replicas must find the failure equal.
    return LoadFailed(LoadFailure(b"", text, hashlib.sha256(how.encode()).hexdigest()))


def _failure(text: str, error: bytes = b"") -> LoadFailure:
    return LoadFailure(error, text, hashlib.sha256(error or text.encode()).hexdigest())


async def _within(timeout: float | None, work: Awaitable[T]) -> T:
    try:
        return await asyncio.wait_for(work, timeout)
    except asyncio.TimeoutError:
        text = (
            f"Loading the code took longer than {timeout:g} seconds (--startup-timeout), so it "
            "was ended."
        )
        raise LoadFailed(_failure(text)) from LoadTimeout(text)


def no_host(error: Exception) -> LoadFailed:
    """The load failure that it amounts to when no host can be had."""
    return LoadFailed(_failure(str(error)))
