"""Settings that are well written, and that the server cannot have here or together."""

from __future__ import annotations

import fcntl
import os
import sys
from collections.abc import Mapping

from codeserver.config import Config
from codeserver.errors import OperatorError

_DESCRIPTORS = {
    "ready_fd": (os.O_RDONLY, "written to"),
    "lifeline_fd": (os.O_WRONLY, "read"),
}


def check(config: Config, given_by: Mapping[str, str | None]) -> None:
    """See whether a server can be had with these settings.

    Raises:
        OperatorError: no. It names the option, or the variable that has given the value.
    """

    def source(name: str) -> str:
        return given_by.get(name) or "--" + name.replace("_", "-")

    if config.worker_memory_limit and sys.platform != "linux":
        raise OperatorError(f"{source('worker_memory_limit')} needs Linux; leave it out here.")
    for name in ("watch_dir", "watch_filter", "watch_poll"):
        if getattr(config, name) and not config.watch:
            raise OperatorError(f"{source(name)} is given without --watch; add that.")
    for directory in config.watch_dir:
        if not os.path.isdir(directory):
            raise OperatorError(f"{source('watch_dir')} {directory} is no directory.")
    for name in _DESCRIPTORS:
        if (number := getattr(config, name)) is not None:
            _check_descriptor(name, number, source(name))


def check_as_dagster(config: Config) -> None:
    """An error in the words of Dagster's commands unless they would know where to serve."""
    if config.port is None and not config.socket:
        raise OperatorError("You must pass one and only one of --port/-p or --socket/-s.")


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
