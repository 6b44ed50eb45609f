"""Start a host, have it load the user's code, and collect what it says about it."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable
from typing import TypeVar

from codeserver.errors import LoadTimeout, UserCodeError
from codeserver.supervisor.exits import explain_exit
from codeserver.supervisor.forker import Child, Forker
from codeserver.supervisor.generation import LoadFailure, RepositorySnapshot, Snapshot
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
        ended: done when the host is no longer there.
    """

    def __init__(self, child: Child, forker: Forker, snapshot: Snapshot, tasks: Tasks) -> None:
        self._child = child
        self._tasks = tasks
        self.forker = forker
        self.snapshot = snapshot

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


async def load(parent: Forker, order: bytes, timeout: float | None, tasks: Tasks) -> Host:
    """Fork a host that loads what `order` says.

    Args:
        parent: the forkserver.
        order: JSON of the fields of `codeserver.worker.location.LoadOrder`.
        timeout: seconds that it may take, None for no limit.
        tasks: owns what goes on after this returns.

    Raises:
        LoadFailed: the code failed to load, in whatever way.
        WorkerCrashed: there is no forkserver to fork from.
    """
    child = await parent.fork("host")
    try:
        return await _within(timeout, _load(child, parent, order, tasks))
    except BaseException:
        # Also when this task is cancelled: nobody else knows this host.
        await asyncio.shield(tasks.start("end host", child.end(END_GRACE)))
        raise


async def _load(child: Child, parent: Forker, order: bytes, tasks: Tasks) -> Host:
    try:
        await child.channel.send(Frame({"kind": "load"}, order))
    except BrokenPipeError:
        raise await _crashed(child, "loading the code") from None
    frame = await child.channel.expect()
    if frame is None:
        raise await _crashed(child, "loading the code")
    if frame.kind == "failed":
        raise LoadFailed(_failure(frame.header["text"], frame.body))
    forker = Forker(child.channel, adopter=parent)
    tasks.start("follow host", forker.follow())
    snapshot = await _receive_snapshot(await forker.fork("snapshots"), frame, tasks)
    return Host(child, forker, snapshot, tasks)


async def _receive_snapshot(builder: Child, loaded: Frame, tasks: Tasks) -> Snapshot:
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
            repositories[header["name"]] = RepositorySnapshot(frame.body, jobs, header["counts"])
        elif frame.kind == "summary":
            tasks.start("receive jobs", _receive_jobs(builder, repositories))
            seconds = {**loaded.header["seconds"], "snapshot": header["seconds"]}
            return Snapshot(listing, repositories, header["digest"], seconds)
    raise await _crashed(builder, "describing the code")


async def _receive_jobs(builder: Child, repositories: dict[str, RepositorySnapshot]) -> None:
    try:
        while (frame := await builder.channel.expect()) is not None:
            if frame.kind == "job":
                jobs = repositories[frame.header["repository"]].jobs
                jobs[frame.header["name"]].set_result(frame.body)
    finally:
        for repository in repositories.values():
            for job in repository.jobs.values():
                if not job.done():
                    job.set_result(None)
        builder.channel.close()


async def _crashed(child: Child, doing: str) -> LoadFailed:
    code = await child.end(END_GRACE)
    return LoadFailed(_failure(f"The process that was {doing} {explain_exit(code)}."))


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
