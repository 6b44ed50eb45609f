"""`codeserver grpc`: serve a code location."""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import dataclasses
import fcntl
import gc
import logging
import os
import select
import signal
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from codeserver.cli import ahead
from codeserver.cli.options.code_file import check_is_there, syntax_error, usage_errors
from codeserver.cli.options.settings import config_options, given_by
from codeserver.cli.options.several import check_combination
from codeserver.cli.options.spellings import CODE_SERVER_START, Spelling
from codeserver.cli.printing.logs import logging_to_stderr
from codeserver.config import Config
from codeserver.errors import OperatorError
from codeserver.locations import Entry, read
from codeserver.system import losses
from codeserver.system.memory import LIMITS_GROWTH
from codeserver.target import Target, other_python, resolve

if TYPE_CHECKING:
    from codeserver.front.servers.many import LocationsServer
    from codeserver.front.servers.server import Server

    AnyServer = Server | LocationsServer

Code = Target | Sequence[Entry]
"""The code of one location, or several locations."""

_log = logging.getLogger("codeserver")

_VERBOSITY = "GRPC_VERBOSITY"

_OVERRIDE_PATH = "DAGSTER_DEFS_STATE_INFO_OVERRIDE_PATH"

_DESCRIPTORS = {
    "ready_fd": (os.O_RDONLY, "written to"),
    "lifeline_fd": (os.O_WRONLY, "read"),
}


@click.command("grpc")
@config_options()
def grpc_command(**options: Any) -> None:
    """Serve Dagster definitions over gRPC.

    Takes every option and environment variable of `dagster api grpc` and of
    `dagster code-server start`. Without a target, it serves the one of the pyproject.toml in the
    current directory; without a port or socket, it listens on 127.0.0.1:4000.
    """
    context = click.get_current_context()
    sources = {name: given_by(context, name) for name in options}
    _take_override(options, sources)
    with usage_errors():
        given = Config.from_options(options, sources)
        if context.find_object(Spelling) and given.port is None and not given.socket:
            # As Dagster's own commands say it.
            raise OperatorError("You must pass one and only one of --port/-p or --socket/-s.")
        check_combination(given, sources)
        code: Code
        if given.locations is None:
            config, code = resolve(given)
        else:
            config = dataclasses.replace(given, python=other_python(given.python))
            code = read(given.locations, config)
        check(config, sources)
        if isinstance(code, Target) and _must_be_there(context, config):
            check_is_there(code)
    with logging_to_stderr(config.log_level, config.log_format):
        if config.lifeline_fd is not None:
            # Runs may outlive the server. With the descriptor, they would pass for it.
            os.set_inheritable(config.lifeline_fd, False)
            follow = partial(_follow, config.lifeline_fd)
            threading.Thread(target=follow, name="lifeline", daemon=True).start()
        exit_code = _serve(config, code)
    sys.exit(exit_code)


def _take_override(options: dict[str, Any], sources: dict[str, str | None]) -> None:
    """Replace `--defs-state-info` by the content of the override file, if any.

    A launcher that may change the versions after it has written the server's arguments names a
    file in `DAGSTER_DEFS_STATE_INFO_OVERRIDE_PATH`. The content of the file wins, and an empty
    file pins no version. If the file cannot be read, the argument counts. (As in
    `resolve_serialized_defs_state_info` of `dagster._cli.utils`, Dagster 1.13.)
    """
    path = os.environ.get(_OVERRIDE_PATH)
    if not path:
        return
    try:
        content = Path(path).read_text("utf-8").strip()
    except OSError as error:
        _log.warning(
            "%s (from %s) cannot be read (%s); --defs-state-info counts",
            path,
            _OVERRIDE_PATH,
            error.strerror,
        )
        return
    options["defs_state_info"] = content or None
    sources["defs_state_info"] = f"{_OVERRIDE_PATH} ({path})"


def check(config: Config, given_by: Mapping[str, str | None]) -> None:
    """Raise an `OperatorError` that names the option or variable that the server cannot have."""

    def source(name: str) -> str:
        return given_by.get(name) or "--" + name.replace("_", "-")

    if config.worker_memory_limit and not LIMITS_GROWTH:
        raise OperatorError(f"{source('worker_memory_limit')} needs Linux; leave it out here.")
    for name in ("watch_dir", "watch_filter", "watch_poll"):
        if getattr(config, name) and not config.watch:
            raise OperatorError(f"{source(name)} is given without --watch; add that.")
    for directory in config.watch_dir:
        if not os.path.isdir(directory):
            raise OperatorError(f"{source('watch_dir')} {directory} is no directory.")
    if config.python is not None:
        from codeserver.supervisor.processes import interpreter

        interpreter.check(config.python, source("python"))
    for name in _DESCRIPTORS:
        if (number := getattr(config, name)) is not None:
            _check_descriptor(name, number, source(name))


def _check_descriptor(name: str, number: int, source: str) -> None:
    opposite, use = _DESCRIPTORS[name]
    try:
        # Python makes its own not inheritable, so it is none that this process has opened.
        is_passed = os.get_inheritable(number)
        mode = fcntl.fcntl(number, fcntl.F_GETFL) & os.O_ACCMODE
    except (OSError, OverflowError):
        is_passed, mode = False, opposite
    if not is_passed:
        raise OperatorError(f"{source} {number} is not open; pass it on to this process.")
    if mode == opposite:
        raise OperatorError(f"{source} {number} cannot be {use}; pass on the other end.")


def _must_be_there(context: click.Context, config: Config) -> bool:
    """Whether a missing file is a mistake on the command line.

    `dagster code-server start` and `dagster api grpc --lazy-load-user-code` serve the error
    instead. With --watch, the file may appear later.
    """
    is_start = context.find_object(Spelling) is CODE_SERVER_START
    return not (is_start or config.lazy_load_user_code or config.watch)


_FINISH_SECONDS, _HURRY_SECONDS = 5.0, 5.0
"""Time for runs and requests to finish, then for the interrupted rest to end."""

_LONGEST_PATH = 4096


def _follow(lifeline: int) -> None:
    """Shut down when the other end is closed.

    The program at the other end may have sent the path of an empty folder, to remove in its place.
    """
    folder = b""
    news = select.poll()  # Reading a non-blocking descriptor too soon would be an error.
    news.register(lifeline, select.POLLIN)
    with contextlib.suppress(OSError):
        while news.poll() and (part := os.read(lifeline, _LONGEST_PATH)):
            folder = (folder + part)[-_LONGEST_PATH:]
    atexit.register(_remove_folder, folder)
    for number, seconds in (
        (signal.SIGTERM, _FINISH_SECONDS),
        (signal.SIGTERM, _HURRY_SECONDS),
        (signal.SIGKILL, 0.0),
    ):
        os.kill(os.getpid(), number)
        threading.Event().wait(seconds)  # This is a daemon thread, which ends with the process.


def _remove_folder(folder: bytes) -> None:
    with contextlib.suppress(OSError, ValueError):
        os.rmdir(folder)


def _serve(config: Config, code: Code) -> int:
    loop = _new_event_loop()
    try:
        return loop.run_until_complete(_run(config, code))
    finally:
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.run_until_complete(loop.shutdown_default_executor())
        loop.close()


async def _run(config: Config, code: Code) -> int:
    from codeserver.supervisor.processes.orphans import adopt_orphans

    server = _server_of(config, code)
    adopt_orphans()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, server.shutdown.by_signal)
    loop.add_signal_handler(signal.SIGINT, partial(server.shutdown.by_signal, at_once=True))
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # which `nohup` has set
        had_terminal = _has_terminal()
        loop.add_signal_handler(signal.SIGHUP, lambda: _hang_up(server, had_terminal))
    try:
        await server.start()
    except OperatorError:
        server.shutdown.by_signal(at_once=True)
        server.shutdown.by_signal()
        await server.close()
        raise
    if config.ready_fd is not None:
        _tell(config.ready_fd, server.addresses, closes=config.ready_fd != config.lifeline_fd)
    addresses = server.addresses
    _log.info("listening on %s", ", ".join(addresses), extra={"addresses": addresses})
    if lost := losses.in_words():
        _log.info("%s", lost)
    if isinstance(code, Target):
        _warn_of_file(config, code)
    # Imported modules stay, so the garbage collector need not scan them.
    gc.freeze()
    return 1 if await server.serve() else 0


def _server_of(config: Config, code: Code) -> AnyServer:
    spawned = ahead.take(config.python)  # imports Dagster during the imports here
    with _quiet_grpc():
        if isinstance(code, Target):
            from codeserver.front.servers.server import Server

            return Server(config, code, spawned)
        from codeserver.front.servers.many import LocationsServer

        return LocationsServer(config, code, spawned)


@contextlib.contextmanager
def _quiet_grpc() -> Iterator[None]:
    """Keep gRPC from writing a line for each client that fails to speak TLS, or HTTP/2.

    It reads the variable when it is imported. Afterwards, user code does not meet it.
    """
    if _VERBOSITY in os.environ:
        yield
        return
    os.environ[_VERBOSITY] = "NONE"
    try:
        yield
    finally:
        del os.environ[_VERBOSITY]


def _warn_of_file(config: Config, target: Target) -> None:
    """Log a missing file or a syntax error at once; the load would, after importing Dagster."""
    try:
        check_is_there(target)
    except OperatorError as error:
        _log.error("%s", error)
    # Another Python may have another syntax.
    if target.path is None or config.python is not None:
        return
    if lines := syntax_error(target.path):
        _log.error("%s", "\n".join([f"{target.label} cannot be compiled:", *lines]))


def _hang_up(server: AnyServer, had_terminal: bool) -> None:
    """Reload; but shut down if the signal came because the server's terminal was closed."""
    if had_terminal and not _has_terminal():
        server.shutdown.by_signal(at_once=True)
    else:
        server.reload()


def _has_terminal() -> bool:
    try:
        os.close(os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY))
    except OSError:
        return False
    return True


def _tell(ready: int, addresses: list[str], *, closes: bool) -> None:
    text = "".join(f"{address}\n" for address in addresses)
    try:
        with os.fdopen(ready, "wb", closefd=closes and ready > 2) as file:
            file.write(os.fsencode(text))
    except OSError as error:
        _log.warning("--ready-fd %d cannot be written to: %s", ready, error.strerror)


def _new_event_loop() -> asyncio.AbstractEventLoop:
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop()
    loop: asyncio.AbstractEventLoop = uvloop.new_event_loop()
    return loop
