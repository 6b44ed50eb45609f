"""Start a host, have it load the user's code, and collect what it says about it."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Awaitable, Coroutine, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from codeserver.errors import LoadTimeout, UserCodeError
from codeserver.supervisor.exits import explain_exit
from codeserver.supervisor.forker import Child, Forker
from codeserver.supervisor.generation import Definitions, LoadFailure, RepositorySnapshot, Snapshot
from codeserver.supervisor.output import Outputs
from codeserver.supervisor.progress import Progress
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
        footprint: what of the user's files the load has used, if files are watched.
        installed: likewise, of installed packages (`codeserver.worker.template.installed`).
        libraries: versions of Dagster's libraries, by name.
        imports: how long each import took, if that was measured.
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
        self.footprint: Mapping[str, Any] | None = facts["footprint"]
        self.installed: Mapping[str, Any] | None = facts["installed"]
        self.libraries: Mapping[str, str] = facts["libraries"]
        self.imports: Sequence[Mapping[str, Any]] = facts["imports"]

    @property
    def ended(self) -> asyncio.Future[int | None]:
        """Done when the host has ended."""
        return self._child.exited

    @property
    def runs(self) -> Sequence[Child]:
        """The runs that are executed by forks of it."""
        return [child for child in self.forker.children if child.role == "run"]

    async def complete(self) -> None:
        """Wait until all is described, and then let it prepare for the processes to come."""
        await self.snapshot.complete()
        await self.starter.prepare()

    async def close(self) -> None:
        """End it; the caller has made sure that nothing needs its evaluators any more."""
        await self.forker.exit()
        done, _ = await asyncio.wait([self._child.exited], timeout=END_GRACE)
        if not done:
            await self._child.end(END_GRACE)


async def load(
    parent: Forker,
    forkserver: Forker,
    order: bytes,
    timeout: float | None,
    *,
    outputs: Outputs,
    tasks: Tasks,
    progress: Progress,
) -> Host:
    """Fork a host that loads what `order` says.

    Args:
        parent: what it is forked from: the forkserver, or a template.
        forkserver: what else is forked for it, and adopts its runs when it has died.
        order: JSON of the fields of `codeserver.worker.location.LoadOrder`.
        timeout: seconds that it may take, None for no limit.
        outputs: reads what worker processes print.
        tasks: owns what goes on after this returns.
        progress: follows the load.

    Raises:
        LoadFailed: the code failed to load, in whatever way.
        WorkerCrashed: there is no forkserver to fork from.
    """
    child = await parent.fork("host")
    try:
        spawn = Spawn(forkserver, order, timeout)
        return await _within(timeout, _load(child, spawn, outputs, tasks, progress))
    except BaseException as error:
        # Also when this task is cancelled, and then at once: nobody else knows this host.
        ending = tasks.start("end host", child.end(END_GRACE))
        if not isinstance(error, asyncio.CancelledError):
            await asyncio.shield(ending)
        raise


async def _load(
    child: Child, spawn: Spawn, outputs: Outputs, tasks: Tasks, progress: Progress
) -> Host:
    with progress.of_host(child) as fds:
        try:
            await child.channel.send(Frame({"kind": "load"}, spawn.order), fds)
        except BrokenPipeError:
            raise await _crashed(child, "loading the code") from None
        frame = await child.channel.expect()
    if frame is None:
        raise await _crashed(child, "loading the code")
    if frame.kind == "failed":
        raise LoadFailed(_reported(frame))
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
            failure = _reported(frame)
            facts = {name: loaded.header[name] for name in ("footprint", "imports")}
            raise LoadFailed(replace(failure, **facts))
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
            definitions: asyncio.Future[Definitions | None] = loop.create_future()
            snapshot = Snapshot(listing, repositories, header["digest"], seconds, definitions)
            return snapshot, _receive_rest(builder, repositories, definitions)
    raise await _crashed(builder, "describing the code")


async def _receive_rest(
    builder: Child,
    repositories: dict[str, RepositorySnapshot],
    definitions: asyncio.Future[Definitions | None],
) -> None:
    try:
        while (frame := await builder.channel.expect()) is not None:
            if frame.kind == "described":
                break
            if frame.kind == "definitions":
                definitions.set_result(await asyncio.to_thread(json.loads, frame.body))
            elif frame.kind == "job":
                jobs = repositories[frame.header["repository"]].jobs
                jobs[frame.header["name"]].set_result(frame.body)
    finally:
        if not definitions.done():
            definitions.set_result(None)
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
    return LoadFailed(LoadFailure(b"", text, hashlib.sha256(how.encode()).hexdigest(), text))


def _reported(frame: Frame) -> LoadFailure:
    header = frame.header
    digest = hashlib.sha256(frame.body).hexdigest()
    return LoadFailure(
        frame.body,
        header["text"],
        digest,
        header["brief"],
        header.get("footprint"),
        imports=header.get("imports", ()),
    )


def _failure(text: str) -> LoadFailure:
    return LoadFailure(b"", text, hashlib.sha256(text.encode()).hexdigest(), text)


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
    return LoadFailed(replace(_failure(str(error)), is_of_code=False))
