"""Servers for tests of processes: start them, call them, and see what processes there are."""

from __future__ import annotations

import contextlib
import os
import subprocess
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import grpc
import psutil
from dagster._grpc.types import SensorExecutionArgs

from tests.differential.calls import NEW_YEAR, origin
from tests.differential.plain import value
from tests.differential.sides import Side
from tests.support.eventually import PATIENCE, eventually
from tests.support.servers import OURS_WARM, ServerProcess

T = TypeVar("T")

USER_CODE = Path(__file__).parent.parent / "user_code" / "process"
LIMIT = PATIENCE
_GRACE = 10  # seconds that the runs of a server may take when a test is over


@dataclass
class Server(Side):
    """A running `codeserver grpc`.

    Attributes:
        seen: every worker process that was asked for; none of them may outlive the server for
            longer than the test does.
    """

    seen: set[psutil.Process] = field(default_factory=set)

    @property
    def front(self) -> subprocess.Popen[bytes]:
        return self.server.process

    @property
    def folder(self) -> Path:
        """Where it was started."""
        assert self.server.cwd
        return self.server.cwd

    def processes(self, role: str = "") -> list[psutil.Process]:
        """Its living worker processes that have this role, or any."""
        if self.front.poll() is None:
            children = psutil.Process(self.front.pid).children(recursive=True)
            self.seen.update(child for child in children if name_of(child).startswith(_name("")))
        return [child for child in self.seen if name_of(child).startswith(_name(role))]

    def only(self, role: str) -> psutil.Process:
        """Its one process with this role.

        One that was forked a moment ago still has the name of what it was forked from.
        """

        def found() -> psutil.Process:
            (process,) = self.processes(role)
            return process

        return eventually(found, what=f"one {role}")

    def wait_for_exit(self) -> int:
        """Its exit code, once it has exited by itself."""
        self.front.wait(LIMIT)
        return self.server.stop()

    def reload(self) -> str:
        """The serialized error, if there is one."""
        return self.client.reload_code(timeout=LIMIT).serialized_error

    @property
    def id(self) -> str:
        return self.client.get_server_id(timeout=LIMIT)


def _name(role: str) -> str:
    return f"codeserver {role}"[:15]  # what the kernel keeps


def name_of(process: psutil.Process) -> str:
    """What the process calls itself; nothing for one that has ended."""
    with contextlib.suppress(OSError, psutil.NoSuchProcess):
        if process.status() != psutil.STATUS_ZOMBIE:
            return Path(f"/proc/{process.pid}/comm").read_text().strip()
    return ""


@contextlib.contextmanager
def serve(
    home: Path,
    socket: Path,
    *options: str,
    cwd: Path,
    env: Mapping[str, str] | None = None,
    command: Sequence[str] = OURS_WARM,
) -> Iterator[Server]:
    """Run `codeserver grpc` with these options; `home` is the DAGSTER_HOME."""
    process = ServerProcess(
        [*command, *options], socket, env={"DAGSTER_HOME": str(home), **(env or {})}, cwd=cwd
    )
    with contextlib.ExitStack() as stack:
        # For the report of a test that fails.
        stack.callback(lambda: print(process.text))
        stack.enter_context(process)
        channel = stack.enter_context(grpc.insecure_channel(f"unix:{socket}"))
        server = Server("ours", home, process, channel)
        try:
            yield server
        finally:
            server.close()
            server.processes()
            _end(server.front)
            # Before the rest of the server's output is waited for: they have the same pipe.
            wait_until_gone(server.seen)


def _end(process: subprocess.Popen[bytes]) -> None:
    for end, patience in (
        (process.terminate, _GRACE),
        (process.terminate, LIMIT),
        (process.kill, LIMIT),
    ):
        if process.poll() is None:
            end()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(patience)


@dataclass(frozen=True)
class Ended:
    """A command that came to its end by itself."""

    code: int
    output: str


def run(*arguments: str, cwd: Path, env: Mapping[str, str] | None = None) -> Ended:
    """Run a command that must end by itself, with all that it started."""
    process = subprocess.Popen(
        arguments,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        text=True,
        cwd=cwd,
        env={**os.environ, **(env or {})},
    )
    with process:
        try:
            # Ends when the last process that has the pipe does.
            output, _ = process.communicate(timeout=LIMIT)
        except BaseException:
            process.kill()
            raise
    return Ended(process.returncode, output)


def sensor_args(server: Server, name: str, cursor: object, deadline: int) -> SensorExecutionArgs:
    return SensorExecutionArgs(
        repository_origin=origin(),
        instance_ref=server.instance_ref,
        sensor_name=name,
        last_tick_completion_time=NEW_YEAR,
        last_run_key=None,
        cursor=str(cursor),
        log_key=[],
        timeout=deadline,
        last_sensor_start_time=NEW_YEAR,
    )


def tick(server: Server, name: str, cursor: object = "", *, deadline: int = LIMIT) -> object:
    """What a tick of the sensor returns to Dagster's own client."""
    args = sensor_args(server, name, cursor, deadline)
    return value(server.client.external_sensor_execution(args))


def skip_message(server: Server, name: str = "quick", cursor: object = "") -> str:
    """What the sensor says; raises when there is an error instead."""
    answer = tick(server, name, cursor)
    assert hasattr(answer, "skip_message"), answer
    return answer.skip_message


def in_background(call: Callable[[], T]) -> Future[T]:
    """Make a call that is bounded by a deadline of its own in another thread."""
    future: Future[T] = Future()

    def work() -> None:
        try:
            future.set_result(call())
        except BaseException as error:
            future.set_exception(error)

    threading.Thread(target=work, name="call in background").start()
    return future


def pid_in(path: Path) -> int:
    """The process id that user code writes to this file."""
    return eventually(lambda: int(path.read_text()), what=f"a process id in {path}")


def wait_until_gone(processes: Iterable[psutil.Process]) -> None:
    """Fail unless they all end; those that did not are killed all the same."""
    _, alive = psutil.wait_procs(list(processes), timeout=LIMIT)
    described = [(process.pid, name_of(process)) for process in alive]
    for process in alive:
        process.kill()
    assert not alive, f"still there after {LIMIT} s: {described}"
