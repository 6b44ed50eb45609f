"""How a run starts its steps: the part of `multiprocessing` that Dagster's executor uses.

The executor takes a context of `multiprocessing` for new interpreters (`spawn`). The one here forks
the step template instead. If that is impossible, or would make a difference, the step is a new
interpreter, as with stock.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Mapping, Sequence
from multiprocessing import context, popen_fork, reduction, resource_tracker, spawn, util
from multiprocessing.connection import wait
from typing import Any

from codeserver.worker import dagster_internals as dagster
from codeserver.worker.process import basics
from codeserver.worker.process.forking import Main
from codeserver.worker.process.originals import os
from codeserver.worker.steps.step import Inherited
from codeserver.worker.steps.template import ENDED, StepTemplate, TemplateLost, fork_template

Obstacles = Callable[[], Sequence[str]]
"""Returns reasons why a step may not share the imports of its run."""

_PRIVATE: Sequence[tuple[object, str]] = (
    (context, "set_spawning_popen"),
    (context.SpawnProcess, "_Popen"),
    (context.SpawnProcess, "_bootstrap"),
    (resource_tracker, "_resource_tracker"),
)
"""Names of `multiprocessing` that forked steps need and that its documentation does not have."""

_UNKNOWN = 255
"""The exit code of a step whose template is lost, as with `multiprocessing`'s own fork server."""


def fork_steps(
    close: Callable[[], object] = lambda: None,
    obstacles: Obstacles = tuple,
    *,
    shares_code: bool = False,
) -> Steps | Main:
    """Fork the step template, and have the steps of this run forked from it.

    Call it before the run opens anything. A process with several threads forks nothing.

    Args:
        close: closes descriptors of the run that steps must not have, in the template.
        obstacles: asked before each step.
        shares_code: whether the run has imported the user's code already.

    Returns:
        In the run, its steps. In the template, its main function.
    """
    dagster.set_snowflake_partner_env_var()  # a run would set it later
    template: StepTemplate | Main | str
    try:
        missing = [name for owner, name in _PRIVATE if not hasattr(owner, name)]
        if missing:
            template = f"`multiprocessing` of this Python has no {missing[0]}"
        # Without a list of the kernel's, those of Python: this process was forked with one thread.
        elif len(basics.threads() or sys._current_frames()) > 1:
            template = "the run has another thread"
        else:
            template = fork_template(close)
    except OSError as error:
        template = str(error)
    return template if callable(template) else Steps(template, obstacles, shares_code=shares_code)


class Steps:
    """Starts the steps of a run.

    Args:
        template: the process that they are forked from, or the reason why there is none.
        obstacles: see `fork_steps`.
        shares_code: see `fork_steps`.
    """

    def __init__(
        self, template: StepTemplate | str, obstacles: Obstacles, *, shares_code: bool
    ) -> None:
        self._template = template
        self._obstacles = obstacles
        self._shares_code = shares_code
        self._environment = dict(os.environ)
        self._told: set[str] = set()
        dagster.start_steps_with(_context(self._launch))
        dagster.call_with_executor(self._keep_if_used)

    def end(self) -> None:
        """End the template, and all steps."""
        template, self._template = self._template, ENDED
        if isinstance(template, StepTemplate):
            template.end()

    def _keep_if_used(self, executor: object) -> None:
        # In other runs, ops may wait for all children of this process.
        if not isinstance(executor, dagster.MultiprocessExecutor):
            self.end()

    def _launch(self, process: Any) -> Any:
        try:
            if isinstance(self._template, str):
                raise TemplateLost(self._template)
            return _Popen(process, self._template, self._changes())
        except TemplateLost as error:
            if str(error) not in self._told:
                self._told.add(str(error))
                _warn(str(error))
        return context.SpawnProcess._Popen(process)

    def _changes(self) -> Mapping[str, str | None]:
        """The environment variables that have changed since the fork of the template."""
        before, now = self._environment, os.environ
        names = {*before, *now}
        changed = {name: now.get(name) for name in names if before.get(name) != now.get(name)}
        if changed and self._shares_code:
            raise TemplateLost(f"the run has changed the variable {min(changed)}")
        if reasons := self._obstacles():
            raise TemplateLost("; ".join(reasons))
        return changed


def _warn(reason: str) -> None:
    print(f"A step starts as a new interpreter: {reason}", file=sys.stderr, flush=True)


def _context(launch: Callable[[Any], Any]) -> context.SpawnContext:
    """A context like that for new interpreters, whose processes are launched by a function."""

    class SpawnProcess(context.SpawnProcess):  # the name is part of the names of processes
        _Popen = staticmethod(launch)  # type: ignore[assignment]

        def __reduce__(self) -> Any:
            return object.__new__, (context.SpawnProcess,), vars(self)

    class Context(context.SpawnContext):
        Process = SpawnProcess

    return Context()


class _Popen(popen_fork.Popen):
    """A started step, for the object that stands for its process in `multiprocessing`.

    Raises:
        TemplateLost: it cannot be forked.
    """

    method = "spawn"
    DupFd = Inherited

    def __init__(
        self, process: Any, template: StepTemplate, environment: Mapping[str, str | None]
    ) -> None:
        self._template = template
        self._environment = environment
        self._fds: list[int] = []
        super().__init__(process)

    def duplicate_for_child(self, fd: int) -> int:
        """Note a descriptor that is part of the pickled process; return its place."""
        self._fds.append(fd)
        return len(self._fds) - 1

    def poll(self, flag: int = os.WNOHANG) -> int | None:
        """The exit code; None if the step has not ended, unless `flag` is 0."""
        if self.returncode is None:
            has_time = flag != os.WNOHANG
            try:
                self.returncode = self._template.exit_code(self.pid, wait=has_time)
            except TemplateLost:
                if wait([self.sentinel], None if has_time else 0):
                    self.returncode = _UNKNOWN
        return self.returncode

    def _launch(self, process: Any) -> None:
        body = io.BytesIO()
        context.set_spawning_popen(self)  # type: ignore[arg-type]
        try:
            reduction.dump(spawn.get_preparation_data(process.name), body)
            reduction.dump(process, body)
        finally:
            context.set_spawning_popen(None)
        # The step shares it, so that memory that it has shared lives as long as the run.
        tracker: Any = resource_tracker
        fds = [tracker.getfd(), *self._fds]
        self.pid, channel = self._template.start(body.getvalue(), fds, self._environment)
        self.sentinel = channel.fileno()
        self.finalizer = util.Finalize(self, channel.close)
