"""`codeserver grpc`: serve a code location."""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import math
import os
import signal
import sys
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from codeserver.cli import ahead
from codeserver.cli.defs_state import with_override
from codeserver.cli.logs import logging_to_stderr
from codeserver.cli.options import config_options
from codeserver.config import Config
from codeserver.errors import OperatorError
from codeserver.settings import parse_duration, parse_size
from codeserver.target import Target, resolve

if TYPE_CHECKING:
    from codeserver.supervisor.spawning import Spawned

_JSON_OPTIONS = {
    "container_context": ("--container-context", 'an object, such as {"k8s": {}}', None),
    "instance_ref": ("--instance-ref", "a serialized InstanceRef", "InstanceRef"),
    "defs_state_info": ("--defs-state-info", "a serialized DefsStateInfo", "DefsStateInfo"),
}


_WRITTEN = {
    "worker_memory_limit": parse_size,
    "worker_max_growth": parse_size,
    "idle_unload": parse_duration,
}

_SHORTEST_POLL, _LONGEST_POLL = 0.05, 3600.0

_LEAST = {
    "max_workers": 1,
    "max_queue": 0,
    "worker_max_requests": 0,
    "drain_delay": 0,
    "heartbeat_timeout": 1,
    "default_timeout": 0,
    "startup_timeout": 0,
    "shutdown_grace": 0,
}


@click.command("grpc")
@config_options()
def grpc_command(**options: Any) -> None:
    """Serve Dagster definitions over gRPC.

    Takes every option and environment variable of `dagster api grpc` and of
    `dagster code-server start`. Without a target, the one of the pyproject.toml in the current
    directory is served; without a port or socket, 127.0.0.1:4000.
    """
    try:
        config, target = resolve(Config.from_options(options))
        config = with_override(config)
        _check(config)
    except OperatorError as error:
        raise click.UsageError(str(error)) from None
    with logging_to_stderr(config.log_level, config.log_format):
        code = _serve(config, target)
    sys.exit(code)


def _check(config: Config) -> None:
    for name, (flag, what, class_name) in _JSON_OPTIONS.items():
        text = getattr(config, name)
        if text is None:
            continue
        try:
            value = json.loads(text)
        except ValueError as error:
            raise OperatorError(f"{flag} is not JSON ({error}); it must be {what}.") from None
        if not isinstance(value, dict) or (class_name and value.get("__class__") != class_name):
            raise OperatorError(f"{flag} must be {what}; it is {text[:80]}.")
    if config.port is not None and not 0 <= config.port <= 65535:
        raise OperatorError(f"--port must be from 0 to 65535; it is {config.port}.")
    for name, least in _LEAST.items():
        value = getattr(config, name)
        if value < least:
            raise OperatorError(f"{_flag(name)} must be at least {least}; it is {value:g}.")
        if math.isnan(value):
            raise OperatorError(f"{_flag(name)} must be a number; it is {value}.")
    for name, parse in _WRITTEN.items():
        try:
            number = parse(getattr(config, name))
        except OperatorError as error:
            raise OperatorError(f"{_flag(name)}: {error}") from None
        if number and name == "worker_memory_limit" and sys.platform != "linux":
            raise OperatorError(f"{_flag(name)} needs Linux; leave it out here.")
    _check_watching(config)
    if config.default_timeout == 0:
        raise OperatorError("--default-timeout must be greater than 0.")


def _check_watching(config: Config) -> None:
    given = [name for name in ("watch_dir", "watch_filter", "watch_poll") if getattr(config, name)]
    if given and not config.watch:
        raise OperatorError(f"{_flag(given[0])} is given without --watch; add that.")
    for directory in config.watch_dir:
        if not os.path.isdir(directory):
            raise OperatorError(f"--watch-dir {directory} is no directory.")
    if any(not pattern.removeprefix("!") for pattern in config.watch_filter):
        raise OperatorError("--watch-filter is empty; give a pattern such as '*.sql'.")
    if config.watch_poll is not None and not _SHORTEST_POLL <= config.watch_poll <= _LONGEST_POLL:
        raise OperatorError(
            f"--watch-poll must be from {_SHORTEST_POLL:g} to {_LONGEST_POLL:g}; it is "
            f"{config.watch_poll:g}."
        )


def _flag(name: str) -> str:
    return "--" + name.replace("_", "-")


def _serve(config: Config, target: Target) -> int:
    spawned = ahead.take()
    loop = _new_event_loop()
    try:
        return loop.run_until_complete(_run(config, target, spawned))
    finally:
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.run_until_complete(loop.shutdown_default_executor())
        loop.close()


async def _run(config: Config, target: Target, spawned: Spawned) -> int:
    from codeserver.front.server import Server
    from codeserver.supervisor.orphans import adopt_orphans

    server = Server(config, target, spawned)
    adopt_orphans()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, server.stop)
    loop.add_signal_handler(signal.SIGINT, partial(server.stop, at_once=True))
    try:
        await server.start()
    except OperatorError:
        server.stop(at_once=True)
        server.stop()
        await server.close()
        raise
    _announce(server.addresses)
    # What was imported stays: the collector need not look at it again and again.
    gc.freeze()
    return 1 if await server.serve() else 0


on_listening: list[Callable[[list[str]], None]] = []
"""Called with the addresses of the server in this process, once it listens."""


def _announce(addresses: list[str]) -> None:
    for tell in on_listening:
        tell(addresses)
    logging.getLogger("codeserver").info(
        "listening on %s", ", ".join(addresses), extra={"addresses": addresses}
    )


def _new_event_loop() -> asyncio.AbstractEventLoop:
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop()
    loop: asyncio.AbstractEventLoop = uvloop.new_event_loop()
    return loop
