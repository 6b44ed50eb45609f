"""Start a host, have it load the user's code, and collect what it says about it."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Awaitable, Coroutine, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

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
from codeserver.supervisor.loading.importing import Importing
from codeserver.supervisor.loading.progress import Progress
from codeserver.supervisor.loading.rehearsal import Code, rehearse
from codeserver.supervisor.loading.run_modes import RunModes, Used, Verdict, Wishes
from codeserver.supervisor.loading.snapshot import Definitions, RepositorySnapshot, Snapshot
from codeserver.supervisor.loading.starter import Fork, Import, Parent, Spawn, Starter
from codeserver.supervisor.processes import patience
from codeserver.supervisor.processes.exits import explain_exit
from codeserver.supervisor.processes.forker import Child, Forker
from codeserver.supervisor.processes.output import Outputs
from codeserver.supervisor.processes.tasks import Tasks

T = TypeVar("T")


class LoadFailed(UserCodeError):
    """The user's code could not be loaded."""

    def __init__(self, failure: LoadFailure) -> None:
        super().__init__(failure.text)
        self.failure = failure


@dataclass(frozen=True)
class Loading:
    """What a host is to load, and by what means.

    Attributes:
        order: the order to do so.
        config: the operator's settings.
        forkserver: adopts the host's runs when the host has died.
        clean: forks processes that have seen no user code.
        importing: is told what the host uses, and counts what loads the code like it.
        progress: follows the load.
        outputs: reads what worker processes print.
        tasks: owns what goes on after the load.
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
        """Seconds that the load may take, None for no limit."""
        return self.config.startup_timeout or None

    @property
    def spawn(self) -> Spawn:
        """Starts processes that load the same by themselves."""
        return Spawn(self.clean, self.order, self.timeout, self.importing)


class Host:
    """A host with the user's code loaded.

    Attributes:
        forker: forks evaluators and runs from it, if it forks.
        snapshot: what clients are told about its code.
        starter: starts evaluators.
        run_modes: chooses what starts a run.
        loaded: its report of the load.
        ended: done when no process with its code can be had any more.
    """

    def __init__(
        self,
        child: Child,
        forker: Forker,
        snapshot: Snapshot,
        loading: Loading,
        loaded: Loaded,
        *,
        starter: Starter,
        ended: asyncio.Future[int | None],
    ) -> None:
        self._child = child
        self._loading = loading
        self._rehearsing: asyncio.Task[Verdict] | None = None
        self.ended = ended
        self.forker = forker
        self.snapshot = snapshot
        self.starter = starter
        self.run_modes = RunModes(
            Wishes(loading.config.runs, loaded.run_wishes),
            starter if loaded.isolation == "fork" else None,
            Import(loading.clean, loaded),
            loaded.reasons,
            Used(loaded.footprint, loaded.installed.folders),
        )
        self.loaded = loaded

    @property
    def can_fork(self) -> bool:
        """Whether it forks processes that have its code."""
        return self.loaded.isolation == "fork" and not self.ended.done() and not self.forker.is_deaf

    @property
    def runs(self) -> Sequence[Child]:
        """The runs that are executed by forks of it."""
        return [child for child in self.forker.children if child.role == "run"]

    async def complete(self) -> None:
        """Wait until all is described, and then let it prepare for the processes to come."""
        await self.snapshot.complete()
        await self.starter.prepare()

    async def rehearse(self, parent: Forker, seconds: float) -> None:
        """Find out whether importing its code again gives the same.

        Args:
            parent: what to fork the process from that imports it.
            seconds: how long its load took.
        """
        if self.ended.done():
            return
        code = Code(self._loading.order, self.loaded.surroundings, seconds)
        tasks = self._loading.tasks
        self._rehearsing = tasks.start("rehearse", rehearse(self.forker, parent, code, tasks))
        with self._loading.importing.one():
            await asyncio.wait([self._rehearsing])
        if not self._rehearsing.cancelled():
            self.run_modes.verdict = self._rehearsing.result()

    async def close(self) -> None:
        """End it; the caller has made sure that nothing needs its evaluators any more."""
        if self._rehearsing is not None:
            self._rehearsing.cancel()
        if self.loaded.isolation == "spawn":
            await self._child.leave(patience.END_GRACE, patience.END_GRACE)
            if not self.ended.done():
                self.ended.set_result(None)
            return
        await self.forker.exit()
        done, _ = await asyncio.wait([self._child.exited], timeout=patience.END_GRACE)
        if not done:
            await self._child.kill()


async def load(parent: Forker, loading: Loading) -> Host:
    """Fork a host from `parent`, the forkserver or a template, that loads what was ordered.

    Raises:
        LoadFailed: the code failed to load, in whatever way.
        WorkerCrashed: there is no forkserver to fork from.
    """
    child = await parent.fork("host")
    try:
        return await _within(loading.timeout, _load(child, loading))
    except BaseException as error:
        # Also when this task is cancelled, and then at once: nobody else knows this host.
        ending = loading.tasks.start("end host", child.end(patience.END_GRACE))
        if not isinstance(error, asyncio.CancelledError):
            await asyncio.shield(ending)
        raise


async def _load(child: Child, loading: Loading) -> Host:
    with loading.progress.of_host(child) as fds:
        try:
            await child.channel.send(Load(loading.order), fds)
        except BrokenPipeError:
            raise await _crashed(child, "loading the code") from None
        while isinstance(told := await child.channel.expect(Uses, Loaded, LoadError), Uses):
            loading.importing.uses.update(told.files)
    if told is None:
        raise await _crashed(child, "loading the code")
    if isinstance(told, LoadError):
        raise LoadFailed(_reported(told))
    tasks = loading.tasks
    forker = Forker(child.channel, loading.outputs, adopter=loading.forkserver, pid=child.pid)
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
        return Host(child, forker, snapshot, loading, told, starter=starter, ended=child.exited)
    snapshot, jobs = await _receive_snapshot(child, told)
    described = tasks.start("receive jobs", _described_by(child, jobs))
    spawn = loading.spawn
    spawn.offer(described)
    ended: asyncio.Future[int | None] = asyncio.get_running_loop().create_future()
    tasks.start("follow host", _follow(child, described, loading.forkserver, ended))
    return Host(child, forker, snapshot, loading, told, starter=spawn, ended=ended)


async def _close_after(jobs: Coroutine[Any, Any, bool], builder: Child) -> None:
    await jobs
    builder.channel.close()


async def _described_by(child: Child, jobs: Coroutine[Any, Any, bool]) -> Child | None:
    """The host, once it has described everything; None when it has ended before."""
    return child if await jobs else None


async def _follow(
    child: Child,
    described: asyncio.Future[Child | None],
    forkserver: Forker,
    ended: asyncio.Future[int | None],
) -> None:
    """Find out when the code of a host that forks nothing is lost.

    Its evaluators load the code themselves, so that is when nothing is left to fork those from, or
    when the host has not even described the code.
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
    """What clients are told first, and the work of receiving the rest."""
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
    """Receive it; returns whether that was all."""
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
    # Those lines have addresses in them, and equal replicas must find the failure equal.
    return LoadFailed(LoadFailure(b"", text, hashlib.sha256(how.encode()).hexdigest(), text))


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
