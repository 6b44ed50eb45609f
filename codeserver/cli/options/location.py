"""Options that say which code location a command is about."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import click
from click.core import ParameterSource

from codeserver import default_address
from codeserver.cli.options.code_file import check_is_there, usage_errors
from codeserver.cli.options.where import LOADING_SECONDS, SECONDS, Where
from codeserver.config import Config, settings
from codeserver.errors import NothingToServe

F = TypeVar("F", bound=Callable[..., Any])
Choose = Callable[[Mapping[str, str], str, "float | None"], Where]

TARGET_OPTIONS = (
    *("python_file", "module_name", "package_name", "autoload_defs_module_name"),
    *("working_directory", "attribute"),
)


# As of `codeserver grpc`, but not from its environment variables: in a container, those are for the
# server that runs there, and it is this server that a command is to ask.
_TARGET: list[Callable[[Any], Any]] = [
    click.option(*setting.flags, setting.name, metavar=setting.metavar, help=setting.help)
    for setting in settings()
    if setting.name in TARGET_OPTIONS
]

_ADDRESS: Callable[[Any], Any] = click.option(
    "--address",
    envvar=default_address.VARIABLE,
    show_envvar=True,
    metavar="ADDRESS",
    help=f"A running server, as HOST:PORT or unix:PATH.  [default: {default_address.ADDRESS}]",
)


def location_options(command: F) -> F:
    """Give a command the options that say what it is about, and the result as `where`.

    That is what is named, else the code that a pyproject.toml here declares, else the server at the
    usual place.
    """
    return _with(command, _anywhere, *_TARGET, _ADDRESS, _timeout_option())


def server_options(command: F) -> F:
    """The same for a command that is about a running server, unless code is named."""
    return _with(command, _server, *_TARGET, _ADDRESS, _timeout_option())


def patient_options(command: F) -> F:
    """The same for a command that is about a running server and may take any time."""
    return _with(command, _server, _ADDRESS, _timeout_option(None))


def code_options(command: F) -> F:
    """The same for a command that is about code only."""
    timeout = _timeout_option(LOADING_SECONDS, "How long the load may take.")
    return _with(command, _to_be_loaded, *_TARGET, timeout)


def _with(command: F, choose: Choose, *options: Callable[[Any], Any]) -> F:
    @functools.wraps(command)
    def call(*args: Any, **given: Any) -> Any:
        target = {name: value for name in TARGET_OPTIONS if (value := given.pop(name, None))}
        address = _valid(given.pop("address", None))
        return command(*args, where=choose(target, address, given.pop("timeout")), **given)

    for option in reversed(options):
        call = option(call)
    return call  # type: ignore[return-value]


def _timeout_option(
    default: float | None = SECONDS, what: str = "How long the server may take for an answer."
) -> Callable[[Any], Any]:
    return click.option(
        "--timeout",
        type=click.FloatRange(min=0, min_open=True),
        default=default,
        show_default="no limit" if default is None else True,
        metavar="SECONDS",
        help=what,
    )


def _valid(address: str | None) -> str:
    """The address; it may come from a variable that is empty."""
    if not address:
        return ""
    from codeserver.client.addresses import grpc_target

    with usage_errors():
        grpc_target(address)
    return address


def _anywhere(target: Mapping[str, str], address: str, timeout: float | None) -> Where:
    if not target and not address and (found := _of_project(timeout)):
        return found
    return _server(target, address, timeout)


def _server(target: Mapping[str, str], address: str, timeout: float | None) -> Where:
    if not target:
        return Where(address or default_address.ADDRESS, timeout=timeout)
    source = click.get_current_context().get_parameter_source("address")
    if address and source is not ParameterSource.ENVIRONMENT:
        flag = next(iter(target)).replace("_", "-")
        raise click.UsageError(
            f"--address and --{flag} are both given; ask a running server, or name code to load."
        )
    return _code(target, "", timeout)


def _code(target: Mapping[str, str], _address: str, timeout: float | None) -> Where:
    from codeserver.target import resolve

    with usage_errors():
        config, resolved = resolve(Config.from_options(target))
        check_is_there(resolved)
    found = {name: value for name in TARGET_OPTIONS if (value := getattr(config, name))}
    name = config.location_name
    options = ("--location-name", name) if name else ()
    seconds = max(timeout or 0, LOADING_SECONDS)
    return Where("", found, name or resolved.label, options, timeout, seconds)


def _to_be_loaded(target: Mapping[str, str], address: str, timeout: float | None) -> Where:
    """Code whose loading is what the timeout is for."""
    where = _code(target, address, timeout)
    return dataclasses.replace(where, loading_timeout=timeout or LOADING_SECONDS)


def _of_project(timeout: float | None) -> Where | None:
    """The code that the pyproject.toml here declares; None when it declares none."""
    if not Path("pyproject.toml").exists():
        return None
    try:
        return _code({}, "", timeout)
    except click.UsageError as error:
        # A file that is broken is an error; one that has nothing for Dagster in it is usual.
        if isinstance(error.__cause__, NothingToServe):
            return None
        raise
