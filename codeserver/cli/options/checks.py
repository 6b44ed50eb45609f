"""Settings of a server that are refused before anything is started."""

from __future__ import annotations

import fcntl
import json
import math
import os
import sys
from collections.abc import Mapping

from codeserver.config import Config
from codeserver.errors import OperatorError
from codeserver.settings import parse_duration, parse_size

_JSON = {
    "container_context": ('an object, such as {"k8s": {}}', None),
    "instance_ref": ("a serialized InstanceRef", "InstanceRef"),
    "defs_state_info": ("a serialized DefsStateInfo", "DefsStateInfo"),
}

_WRITTEN = {
    "worker_memory_limit": parse_size,
    "worker_max_growth": parse_size,
    "idle_unload": parse_duration,
}

_DESCRIPTORS = {
    "ready_fd": (os.O_RDONLY, "written to"),
    "lifeline_fd": (os.O_WRONLY, "read"),
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
    "first_load_wait": 0,
    "shutdown_grace": 0,
}


def check(config: Config, given_by: Mapping[str, str | None]) -> None:
    """See whether a server can be had with these settings.

    Args:
        config: the settings.
        given_by: the variables that have given some of them, by their names; the others are from
            the command line.

    Raises:
        OperatorError: no. It names the option, or the variable that has given the value.
    """
    sources = {name: source for name, source in given_by.items() if source}
    _check_json(config, sources)
    _check_numbers(config, sources)
    _check_written(config, sources)
    _check_watching(config)
    _check_descriptors(config, sources)


def check_as_dagster(config: Config) -> None:
    """See whether Dagster's own commands would know where to serve.

    Raises:
        OperatorError: no. (Says what they say.)
    """
    if config.port is None and not config.socket:
        raise OperatorError("You must pass one and only one of --port/-p or --socket/-s.")


def _check_json(config: Config, sources: Mapping[str, str]) -> None:
    for name, (what, class_name) in _JSON.items():
        text = getattr(config, name)
        if text is None:
            continue
        source = _source(name, sources)
        try:
            value = json.loads(text)
        except ValueError as error:
            raise OperatorError(f"{source} is not JSON ({error}); it must be {what}.") from None
        if not isinstance(value, dict) or (class_name and value.get("__class__") != class_name):
            raise OperatorError(f"{source} must be {what}; it is {text[:80]}.")


def _check_numbers(config: Config, sources: Mapping[str, str]) -> None:
    if config.port is not None and not 0 <= config.port <= 65535:
        source = _source("port", sources)
        raise OperatorError(f"{source} must be from 0 to 65535; it is {config.port}.")
    for name, least in _LEAST.items():
        value, source = getattr(config, name), _source(name, sources)
        if value < least:
            raise OperatorError(f"{source} must be at least {least}; it is {value:g}.")
        if math.isnan(value):
            raise OperatorError(f"{source} must be a number; it is {value}.")
    if config.default_timeout == 0:
        raise OperatorError(f"{_source('default_timeout', sources)} must be greater than 0.")


def _check_written(config: Config, sources: Mapping[str, str]) -> None:
    for name, parse in _WRITTEN.items():
        source = _source(name, sources)
        try:
            number = parse(getattr(config, name))
        except OperatorError as error:
            raise OperatorError(f"{source}: {error}") from None
        if number and name == "worker_memory_limit" and sys.platform != "linux":
            raise OperatorError(f"{source} needs Linux; leave it out here.")


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


def _check_descriptors(config: Config, sources: Mapping[str, str]) -> None:
    for name, (opposite, use) in _DESCRIPTORS.items():
        number, source = getattr(config, name), _source(name, sources)
        if number is None:
            continue
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


def _source(name: str, sources: Mapping[str, str]) -> str:
    return sources.get(name) or _flag(name)


def _flag(name: str) -> str:
    return "--" + name.replace("_", "-")
