"""The loop of a process that forks: take orders from the front, and report the ends of children.

The forkserver, templates and hosts run it. It is single-threaded and never runs user code. So it
always answers, and a fork never copies a locked lock.

A forked child does not run inside this loop: `run` returns the child's `Main`, and the caller
returns it to the trampoline. So the stack of a child (and every traceback of user code) starts
clean, and the child can end like any Python program.
"""

from __future__ import annotations

import contextlib
import sys
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from codeserver import processes
from codeserver.messages import (
    Adopt,
    Exit,
    Exited,
    Fork,
    Forked,
    ForkFailed,
    Prepare,
    Signal,
)
from codeserver.system import children
from codeserver.wire import Message
from codeserver.worker.process import basics, stdio
from codeserver.worker.process.channel import Channel
from codeserver.worker.process.ends import Ends
from codeserver.worker.process.inherited_files import OpenFile, inherited_files, open_again
from codeserver.worker.process.leaving import disown_inherited
from codeserver.worker.process.originals import os, select, signal

Main = Callable[[], Any]
"""The main function of a process. It returns an exit code or another main function."""


def trampoline(main: Main) -> int:
    """Call a main function, and then each one that it returns, until one returns an exit code."""
    result: Any = main
    while callable(result):
        result = result()
    return int(result)


@dataclass(frozen=True)
class Role:
    """A role of a child.

    Attributes:
        start: makes the child's main function from its channel to the front and further
            descriptors. A child that outlives the front gets the reading ends of its output.
        outlives_parent: whether the child goes on when the parent dies.
        writes_in_turn: whether the child appends to inherited files after its siblings, because
            together they stand for one process.
        ahead: work that this process does once, before it forks the first child of the role.
        stays_in_group: whether the child stays in the group of its parent, and processes that user
            code starts in it go on after its end. Others lead a session.
    """

    start: Callable[[Channel, list[int]], Main]
    outlives_parent: bool = False
    writes_in_turn: bool = False
    stays_in_group: bool = False
    ahead: Callable[[], None] | None = None


def _never_started(_: Channel, __: list[int]) -> Main:
    raise AssertionError("an adopted child was started by its first parent")


_ADOPTED = Role(_never_started, outlives_parent=True)
_ORPHANED = Role(_never_started)


def _close(fds: list[int]) -> None:
    for fd in fds:
        os.close(fd)


def _kill_group(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)


class ForkLoop:
    """Obeys orders of the front to fork and to signal children.

    Args:
        control: to the front.
        roles: the roles of children, by name.
        prepare: does work ahead of time for all later children.
        files: the user's open files, if they are known; they are looked up otherwise.
        ignored: signals that this process ignores. Its children do not.
    """

    def __init__(
        self,
        control: Channel,
        roles: Mapping[str, Role],
        prepare: Callable[[], None] = lambda: None,
        files: Sequence[OpenFile] | None = None,
        ignored: Sequence[int] = (),
    ) -> None:
        self._ignored = ignored
        self._prepare = prepare
        self._control = control
        self._roles = roles
        self._children: dict[int, Role] = {}
        self._files = files
        self._done: set[Callable[[], None]] = set()
        self._poll = select.poll()
        self._poll.register(control.fileno(), select.POLLIN)
        self._ends = Ends(self._poll)

    def run(self) -> Main | None:
        """Obey orders until the front is gone or sends `Exit`.

        Returns:
            In the calling process, None. In a forked child, its main function.
        """
        # Here and not at start-up: user code may have taken the handlers or the wake-up descriptor
        # since then, and Dagster leaves its interrupt handlers behind.
        basics.open_standard_streams()
        basics.reset_signals()
        for number in self._ignored:
            signal.signal(number, signal.SIG_IGN)
        if self._files is None:
            self._files = inherited_files()
        self._ends.hear_signals()
        try:
            while True:
                self._report_ended_children()
                ready = {fd for fd, _ in self._poll.poll(self._ends.patience)}
                self._ends.rest()
                if self._control.fileno() in ready:
                    received = self._control.receive_with_fds()
                    if received is None or isinstance(received[0], Exit):
                        break
                    main = self._obey(*received)
                    if main is not None:
                        return main
        except (BrokenPipeError, ConnectionResetError):
            pass
        self._end_children()
        return None

    def _obey(self, order: Message, fds: list[int]) -> Main | None:
        match order:
            case Fork():
                return self._fork(order, fds)
            case Signal(pid, number):
                self._signal(pid, number)
            case Adopt(pid):
                self._adopt(pid)
            case Prepare():
                self._prepare()
        return None

    def _fork(self, order: Fork, fds: list[int]) -> Main | None:
        role = self._roles[order.role]
        if role.ahead is not None and role.ahead not in self._done:
            self._done.add(role.ahead)
            role.ahead()
        parent = os.getpid()
        basics.flush()  # otherwise each child would print the buffered output again
        try:
            with warnings.catch_warnings():
                # Python 3.12 warns of threads; the audit has decided about them before.
                warnings.simplefilter("ignore", DeprecationWarning)
                pid = os.fork()
        except OSError as error:
            _close(fds)
            self._control.send(ForkFailed(order.number, str(error)))
            return None
        if pid == 0:
            self._become_child(role, parent)
            processes.set_name(order.role)
            basics.prefer_as_victim(order.role)
            channel, stdout, stderr, *others = fds
            stdio.redirect(stdout, stderr)
            self._own_files(role)
            return role.start(Channel.from_fd(channel), others)
        _close(fds)
        self._children[pid] = role
        self._ends.watch(pid)
        self._control.send(Forked(order.number, pid))
        return None

    def _become_child(self, role: Role, parent: int) -> None:
        basics.reset_signals()
        basics.reset_stack_signals()
        if not role.stays_in_group:
            os.setsid()
            if not role.outlives_parent:
                basics.die_with_parent(parent)
        # The front must see the end of the parent's socket when the parent ends, not when the last
        # of its relatives does.
        self._control.close()
        self._ends.close()
        basics.reseed()
        disown_inherited()

    def _own_files(self, role: Role) -> None:
        try:
            open_again(self._files or (), in_turn=role.writes_in_turn)
        except OSError as error:
            # Without its own position, the child would read and write where others do.
            print(f"An open file cannot be opened again: {error}", file=sys.stderr, flush=True)
            os._exit(1)

    def _signal(self, pid: int, number: int) -> None:
        # Only children that are not reaped yet: their process ids cannot have been reused.
        if pid not in self._children:
            self._adopt(pid)  # `Adopt` may have come before the kernel handed the child over
        if pid not in self._children:
            return
        try:
            if number == signal.SIGKILL and os.getpgid(pid) == pid:
                os.killpg(pid, number)
            else:
                os.kill(pid, number)
        except (ProcessLookupError, PermissionError):  # macOS forbids it for a group of zombies
            pass

    def _adopt(self, pid: int) -> None:
        """Take over the child of a dead child, if the kernel has handed it to this process."""
        if children.is_ours(pid):
            self._children[pid] = _ADOPTED
            self._ends.watch(pid)

    def _report_ended_children(self) -> None:
        while (ended := children.reap_ended(self._end_group)) is not None:
            pid, code = ended
            self._ends.forget(pid)
            self._control.send(Exited(pid, code))

    def _end_group(self, pid: int) -> None:
        """End the processes that user code has started in a child that has ended."""
        role = self._children.pop(pid, None)
        if role is None and processes.name_of(pid) in processes.DEPENDENT_NAMES:
            role = _ORPHANED
        if role is not None and not (role.outlives_parent or role.stays_in_group):
            _kill_group(pid)

    def _end_children(self) -> None:
        """Kill and reap every child that must not outlive this process."""
        for pid, role in list(self._children.items()):
            if not role.outlives_parent:
                self._signal(pid, signal.SIGKILL)
                children.reap(pid, _kill_group)
        # The kernel may have handed processes of those children to this process.
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
