"""Start a host, have it load the user's code, and receive its description of the code."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass, replace
from typing import Any

from codeserver.config import Config
from codeserver.errors import LoadTimeout, UserCodeError
from codeserver.facts import LoadOrder
from codeserver.messages import (
    DefinitionDigests,
    Described,
    JobSnapshot,
    Listing,
    Load,
    Loaded,
    LoadError,
    Repository,
    Summary,
    Uses,
)
from codeserver.supervisor.loading.failure import LoadFailure
from codeserver.supervisor.loading.progress import Progress
from codeserver.supervisor.loading.rehearsal import rehearse
from codeserver.supervisor.loading.run_modes import RunModes, Verdict, Wishes
from codeserver.supervisor.loading.snapshot import Definitions, RepositorySnapshot, Snapshot
from codeserver.supervisor.loading.starter import Fork, Import, Parent, Spawn, Starter
from codeserver.supervisor.processes import patience
from codeserver.supervisor.processes.child import Child
from codeserver.supervisor.processes.exits import explain_exit
from codeserver.supervisor.processes.forker import Forker
from codeserver.supervisor.processes.output import Outputs
from codeserver.supervisor.processes.tasks import Tasks
from codeserver.supervisor.uses import Importing
from codeserver.used import Used


class LoadFailed(UserCodeError):
    """The user's code could not be loaded."""

    def __init__(self, failure: LoadFailure) -> None:
        super().__init__(failure.text)
        self.failure = failure


@dataclass(frozen=True)
class LoadContext:
    """The order for a load, and the parts of the server that take part in it.

    Attributes:
        forkserver: adopts the host's runs when the host has died.
        clean: returns a process to fork from that has seen no user code.
        importing: collects the files that the host imports, and counts the importing processes.
    """

    order: LoadOrder
    config: Config
    forkserver: Forker
    clean: Parent
    importing: Importing
    progress: Progress
    outputs: Outputs
    tasks: Tasks

    @property
    def timeout(self) -> float | None:
        """The longest duration of the load, in seconds; None for no limit."""
        return self.config.startup_timeout or None


class Host:
    """A host with the user's code loaded.

    Attributes:
        forker: forks evaluators and runs from the host, if it forks.
        starter: starts evaluators.
        run_modes: chooses the starter of each run.
        ended: done when no further process with its code can be started.
    """

    def __init__(
        self,
        child: Child,
        forker: Forker,
        snapshot: Snapshot,
        context: LoadContext,
        report: Loaded,
        *,
        starter: Starter,
        ended: asyncio.Future[int | None],
    ) -> None:
        self._child = child
        self._context = context
        self._rehearsing: asyncio.Task[Verdict] | None = None
        self.ended = ended
        self.forker = forker
        self.snapshot = snapshot
        self.starter = starter
        self.run_modes = RunModes(
            Wishes(context.config.runs, report.run_wishes),
            starter if report.isolation == "fork" else None,
            Import(context.clean, report),
            report.reasons,
            Used(report.footprint, report.installed.folders),
        )
        self.report = report

    @property
    def can_fork(self) -> bool:
        """Whether processes that have its code can be forked from it now."""
        return self.report.isolation == "fork" and not self.ended.done() and not self.forker.is_deaf

    @property
    def runs(self) -> Sequence[Child]:
        """The runs in progress in forks of the host."""
        return [child for child in self.forker.children if child.role == "run"]

    async def complete(self) -> None:
        """Wait until the code is described, and then prepare the start of further processes."""
        await self.snapshot.complete()
        await self.starter.prepare()

    async def rehearse(self, parent: Forker, seconds: float) -> None:
        """Import the code again in a fork of `parent`; record whether the result is the same."""
        if self.ended.done():
            return
        tasks, order = self._context.tasks, self._context.order
        work = rehearse(
            self.forker, parent, order, self.report.surroundings, tasks, seconds=seconds
        )
        self._rehearsing = tasks.start("rehearse", work)
        with self._context.importing.counted():
            await asyncio.wait([self._rehearsing])
        if not self._rehearsing.cancelled():
            self.run_modes.verdict = self._rehearsing.result()

    async def close(self) -> None:
        """End the host; the caller has made sure that its evaluators are not needed any more."""
        if self._rehearsing is not None:
            self._rehearsing.cancel()
        if self.report.isolation == "spawn":
            await self._child.leave(patience.END_GRACE, patience.END_GRACE)
            if not self.ended.done():
                self.ended.set_result(None)
            return
        await self.forker.exit()
        done, _ = await asyncio.wait([self._child.exited], timeout=patience.END_GRACE)
        if not done:
            await self._child.kill()


async def start_host(parent: Forker, context: LoadContext) -> Host:
    """Fork a host from `parent`, the forkserver or a template, and have it load the code.

    Raises:
        LoadFailed: the code could not be loaded.
        WorkerCrashed: `parent` has ended, or cannot fork.
    """
    child = await parent.fork("host")
    try:
        try:
            return await asyncio.wait_for(_have_it_load(child, context), context.timeout)
        except asyncio.TimeoutError:
            text = (
                f"Loading the code took longer than {context.timeout:g} seconds "
                "(--startup-timeout), so it was ended."
            )
            raise LoadFailed(_failure(text)) from LoadTimeout(text)
    except BaseException as error:
        # Even if this task is cancelled, because nothing else knows this host. But then the task
        # does not wait for the end.
        ending = context.tasks.start("end host", child.end(patience.END_GRACE))
        if not isinstance(error, asyncio.CancelledError):
            await asyncio.shield(ending)
        raise


async def _have_it_load(child: Child, context: LoadContext) -> Host:
    with context.progress.of_host(child) as fds:
        try:
            await child.channel.send(Load(context.order), fds)
        except BrokenPipeError:
            raise await _crashed(child, "loading the code") from None
        while isinstance(told := await child.channel.expect(Uses, Loaded, LoadError), Uses):
            context.importing.uses.update(told.files)
    if told is None:
        raise await _crashed(child, "loading the code")
    if isinstance(told, LoadError):
        raise LoadFailed(_reported(told))
    tasks = context.tasks
    forker = Forker(child.channel, context.outputs, adopter=context.forkserver, pid=child.pid)
    if told.isolation == "fork":
        tasks.start("follow host", forker.follow())
        builder = await forker.fork("snapshots")
        try:
            snapshot, jobs = await _receive_snapshot(builder, told)
        except BaseException:
            builder.channel.close()
            raise
        tasks.start("receive jobs", _close_after(jobs, builder))
        starter = Fork(forker)
        return Host(child, forker, snapshot, context, told, starter=starter, ended=child.exited)
    snapshot, jobs = await _receive_snapshot(child, told)
    described = tasks.start("receive jobs", _described_by(child, jobs))
    spawn = Spawn(context.clean, context.order, context.timeout, context.importing)
    spawn.offer(described)
    ended: asyncio.Future[int | None] = asyncio.get_running_loop().create_future()
    tasks.start("follow host", _follow(child, described, context.forkserver, ended))
    return Host(child, forker, snapshot, context, told, starter=spawn, ended=ended)


async def _close_after(jobs: Coroutine[Any, Any, bool], builder: Child) -> None:
    await jobs
    builder.channel.close()


async def _described_by(child: Child, jobs: Coroutine[Any, Any, bool]) -> Child | None:
    """The host after it has described everything; None if it has ended before."""
    return child if await jobs else None


async def _follow(
    child: Child,
    described: asyncio.Future[Child | None],
    forkserver: Forker,
    ended: asyncio.Future[int | None],
) -> None:
    """Set `ended` when the code of a host that does not fork is lost.

    Its evaluators load the code themselves. So the code is lost if the forkserver has ended, or if
    the host has ended before it described the code.
    """
    if await asyncio.shield(described) is None:
        code = await child.end(patience.END_GRACE)
    else:
        loss = asyncio.ensure_future(forkserver.loss.wait())
        try:
            ends: list[asyncio.Future[Any]] = [loss, ended]
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        finally:
            loss.cancel()
        code = None
    if not ended.done():
        ended.set_result(code)


async def _receive_snapshot(
    builder: Child, loaded: Loaded
) -> tuple[Snapshot, Coroutine[Any, Any, bool]]:
    """Receive the first part of the snapshot; return it, and the work that receives the rest."""
    listing = b""
    repositories: dict[str, RepositorySnapshot] = {}
    loop = asyncio.get_running_loop()
    expect = builder.channel.expect
    while told := await expect(Listing, Repository, Summary, LoadError):
        match told:
            case LoadError():
                raise LoadFailed(
                    replace(_reported(told), footprint=loaded.footprint, imports=loaded.imports)
                )
            case Listing(body):
                listing = body
            case Repository():
                repositories[told.name] = RepositorySnapshot(
                    told.body,
                    {name: loop.create_future() for name in told.jobs},
                    {
                        "job": frozenset(told.jobs),
                        "schedule": frozenset(told.schedules),
                        "sensor": frozenset(told.sensors),
                    },
                    told.counts,
                    told.is_dynamic,
                )
            case Summary():
                seconds = {**loaded.seconds, "snapshot": told.seconds}
                definitions: asyncio.Future[Definitions | None] = loop.create_future()
                snapshot = Snapshot(listing, repositories, told.digest, seconds, definitions)
                return snapshot, _receive_rest(builder, repositories, definitions)
    raise await _crashed(builder, "describing the code")


async def _receive_rest(
    builder: Child,
    repositories: dict[str, RepositorySnapshot],
    definitions: asyncio.Future[Definitions | None],
) -> bool:
    """Receive the rest of a snapshot; return whether it is complete."""
    try:
        while told := await builder.channel.expect(DefinitionDigests, JobSnapshot, Described):
            match told:
                case Described():
                    return True
                case DefinitionDigests(body):
                    definitions.set_result(await asyncio.to_thread(json.loads, body))
                case JobSnapshot(body, repository, name):
                    repositories[repository].jobs[name].set_result(body)
        return False
    finally:
        if not definitions.done():
            definitions.set_result(None)
        for each in repositories.values():
            for job in each.jobs.values():
                if not job.done():
                    job.set_result(None)


async def _crashed(child: Child, doing: str) -> LoadFailed:
    code = await child.end(patience.END_GRACE)
    how = f"The process that was {doing} {explain_exit(code)}."
    words = child.output.last_words()
    text = f"{how} The last lines on its standard error:\n{words}" if words else how
    # The digest leaves these lines out: they have addresses in them, and replicas must agree.
    return LoadFailed(_failure(text, how))


def _reported(error: LoadError) -> LoadFailure:
    return LoadFailure(
        error.body,
        error.text,
        hashlib.sha256(error.body).hexdigest(),
        error.brief,
        error.footprint,
        is_for_what_is_taken=error.is_taken,
        imports=error.imports,
    )


def _failure(text: str, content: str | None = None) -> LoadFailure:
    digest = hashlib.sha256((content or text).encode()).hexdigest()
    return LoadFailure(b"", text, digest, text)


def no_host(error: Exception) -> LoadFailed:
    """The load failure for an error that prevents the start of a host."""
    return LoadFailed(replace(_failure(str(error)), is_of_code=False))
