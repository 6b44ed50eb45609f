"""The step template: a fork of a run from before its execution, from which its steps are forked.

The run itself has threads and connections by the time its first step starts, so it never forks.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence
from functools import partial

from codeserver import processes
from codeserver.errors import ProtocolError
from codeserver.messages import Exit, Exited, Fork, Forked, ForkFailed, Step
from codeserver.worker.process import basics
from codeserver.worker.process.channel import MOST_FDS, Channel
from codeserver.worker.process.forking import ForkLoop, Main, Role
from codeserver.worker.process.inherited_files import OpenFile, inherited_files
from codeserver.worker.process.originals import os, select, signal, socket
from codeserver.worker.steps import step

ENDED = "the process that forks steps has ended"


class TemplateLost(Exception):
    """No step can be forked; the message gives the reason."""


class StepTemplate:
    """The run's side of a step template.

    Args:
        pid: its process id.
        control: to the process.
    """

    def __init__(self, pid: int, control: Channel) -> None:
        self._pid = pid
        self._control = control
        self._count = 0
        self._codes: dict[int, int] = {}
        self._poll = select.poll()
        self._poll.register(control.fileno(), select.POLLIN)

    def start(
        self, body: bytes, fds: Sequence[int], environment: Mapping[str, str | None]
    ) -> tuple[int, Channel]:
        """Fork a step.

        Args:
            body: see `Step`.
            fds: descriptors that the step inherits.
            environment: see `Step`.

        Returns:
            Its process id, and a channel that the step closes by its end.

        Raises:
            TemplateLost: it cannot be forked.
        """
        if len(fds) + 3 > MOST_FDS:
            raise TemplateLost(f"it would inherit {len(fds)} open files")
        ours, theirs = map(Channel, socket.socketpair())
        self._count += 1
        order = Fork(self._count, "step")
        try:
            self._control.send(order, (theirs.fileno(), 1, 2, *fds))
            while not isinstance(told := self._receive(), (Forked, ForkFailed)):
                pass
            theirs.close()  # now that it was received (see `codeserver.system.sockets`)
            if isinstance(told, Forked):
                ours.send(Step(body, environment))
                return told.pid, ours
            reason = told.reason
        except ConnectionError:
            reason = ENDED
        except (OSError, TemplateLost) as error:
            reason = str(error)
        theirs.close()
        ours.close()
        raise TemplateLost(reason)

    def exit_code(self, pid: int, *, wait: bool) -> int | None:
        """The exit code of a step; None if it has not ended, unless told to wait for that.

        Raises:
            TemplateLost: it is unknown.
        """
        try:
            while pid not in self._codes and (wait or self._poll.poll(0)):
                self._receive()
        except OSError as error:
            raise TemplateLost(str(error)) from None
        return self._codes.pop(pid, None)

    def end(self) -> None:
        """End the process, and all its steps."""
        with contextlib.suppress(OSError):
            # A process that user code has forked may hold the socket open.
            self._control.send(Exit())
        self._control.close()
        with contextlib.suppress(ChildProcessError):
            os.waitpid(self._pid, 0)

    def _receive(self) -> object:
        """The next message but the ends of steps, which are remembered.

        Raises:
            TemplateLost: the process has ended.
        """
        message = None
        with contextlib.suppress(ProtocolError):
            message = self._control.receive()
        if message is None:
            raise TemplateLost(ENDED)
        if isinstance(message, Exited):
            self._codes[message.pid] = message.code
        return message


def fork_template(close: Callable[[], object]) -> StepTemplate | Main:
    """Fork the step template of this run, which must be single-threaded.

    Args:
        close: closes descriptors of the run that steps must not have, in the template.

    Returns:
        In the run, its side of the template. In the template, its main function.

    Raises:
        OSError: it cannot be forked.
    """
    ours, theirs = map(Channel, socket.socketpair())
    # Before the fork: the run moves the positions of files that it shares with the template.
    files = inherited_files()
    basics.flush()
    try:
        pid = os.fork()
    except OSError:
        ours.close()
        theirs.close()
        raise
    if pid:
        theirs.close()
        return StepTemplate(pid, ours)
    # No signal at the end of the run: this process then ends its steps first.
    processes.set_name("template")
    ours.close()
    close()
    return partial(_serve, theirs, files)


def _serve(control: Channel, files: Sequence[OpenFile]) -> Main:
    roles = {"step": Role(step.start, stays_in_group=True)}
    # Some init processes of containers send them to the whole group. The run decides what follows.
    ignored = (signal.SIGINT, signal.SIGTERM)
    main = ForkLoop(control, roles, files=files, ignored=ignored).run()
    if main is None:
        os._exit(0)  # exit handlers belong to the run and the steps
    return main
