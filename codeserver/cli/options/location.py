"""Options that say which code location a command is about."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click
from click.core import ParameterSource

from codeserver import default_address
from codeserver.cli.options import identity
from codeserver.cli.options.code_file import check_is_there, usage_errors
from codeserver.cli.options.where import LOADING_SECONDS, SECONDS, Where
from codeserver.client.identity import Identity
from codeserver.config import Config, settings
from codeserver.errors import NothingToServe

if TYPE_CHECKING:
    from codeserver.client import Client

F = TypeVar("F", bound=Callable[..., Any])


@dataclasses.dataclass(frozen=True)
class _Given:
    """The options that a command was given: what to load, or which running server to ask."""

    target: Mapping[str, str]
    address: str
    location: str
    identity: Identity
    timeout: float | None


Choose = Callable[[_Given], Where]

_COMPLETION_SECONDS = 1.0
"""Somebody has pressed the tab key and waits."""

TARGET_OPTIONS = (
    *("python_file", "module_name", "package_name", "autoload_defs_module_name"),
    *("working_directory", "attribute", "python"),
)


# As of `codeserver grpc`, but not from its environment variables: in a container, those are for the
# server that runs there, and it is this server that a command is to ask.
_TARGET: list[Callable[[Any], Any]] = [
    click.option(*setting.flags, setting.name, metavar=setting.metavar, help=setting.help)
    for setting in settings()
    if setting.name in TARGET_OPTIONS
]

_PYTHON = next(setting for setting in settings() if setting.name == "python")

_ADDRESS: Callable[[Any], Any] = click.option(
    "--address",
    envvar=default_address.VARIABLE,
    show_envvar=True,
    metavar="ADDRESS",
    help=f"A running server, as HOST:PORT or unix:PATH.  [default: {default_address.ADDRESS}]",
)

_SERVER = (_ADDRESS, *identity.OPTIONS)


def _locations(context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[str]:
    """The locations of the running server whose names begin so; none if that takes long."""
    with contextlib.suppress(Exception), client_to_complete(context) as client:
        names = [each.name for each in client.locations()]
        return [name for name in names if name.startswith(incomplete)]
    return []


_LOCATION: Callable[[Any], Any] = click.option(
    "--location",
    metavar="NAME",
    shell_complete=_locations,
    help="Name of the location, if the running server has several.",
)


@contextlib.contextmanager
def client_to_complete(context: click.Context) -> Iterator[Client]:
    """A client of the running server that a command line is about, for the tab key.

    Raises:
        LookupError: the command line is about code, whose load would take too long.
    """
    given = context.params
    if any(given.get(name) for name in TARGET_OPTIONS):
        raise LookupError
    from codeserver.client import connect

    address = given.get("address") or os.environ.get(default_address.VARIABLE)
    location = given.get("location") or ""
    address = address or default_address.ADDRESS
    caller = identity.taken_from(dict(given))
    with connect(
        address, location=location, timeout=_COMPLETION_SECONDS, identity=caller
    ) as client:
        yield client


def location_options(command: F) -> F:
    """Give a command the options that say what it is about, and the result as `where`.

    That is what is named, else the code that a pyproject.toml here declares, else the server at the
    usual place.
    """
    return _with(command, _anywhere, *_TARGET, *_SERVER, _LOCATION, _timeout_option())


def server_options(command: F) -> F:
    """The same for a command that is about a running server, unless code is named."""
    return _with(command, _server, *_TARGET, *_SERVER, _LOCATION, _timeout_option())


def patient_options(command: F) -> F:
    """The same for a command that is about a running server and may take any time."""
    return _with(command, _server, *_SERVER, _LOCATION, _timeout_option(None))


def whole_server_options(command: F) -> F:
    """The same for a command that is about all locations of a running server."""
    return _with(command, _server, *_SERVER, _timeout_option())


def code_options(command: F) -> F:
    """The same for a command that is about code only."""
    timeout = _timeout_option(LOADING_SECONDS, "How long the load may take.")
    return _with(command, _to_be_loaded, *_TARGET, timeout)


def _with(command: F, choose: Choose, *options: Callable[[Any], Any]) -> F:
    @functools.wraps(command)
    def call(*args: Any, **given: Any) -> Any:
        target = {name: value for name in TARGET_OPTIONS if (value := given.pop(name, None))}
        address = _valid(given.pop("address", None))
        location = given.pop("location", None) or ""
        with usage_errors():
            caller = identity.taken_from(given)
        where = choose(_Given(target, address, location, caller, given.pop("timeout")))
        return command(*args, where=where, **given)

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


def _anywhere(given: _Given) -> Where:
    is_named = given.target or given.address or given.location
    if not is_named and (found := _of_project(given.timeout)):
        return found
    return _server(given)


def _server(given: _Given) -> Where:
    if not given.target:
        address = given.address or default_address.ADDRESS
        return Where(
            address, location=given.location, identity=given.identity, timeout=given.timeout
        )
    flag = next(iter(given.target)).replace("_", "-")
    source = click.get_current_context().get_parameter_source("address")
    if given.address and source is not ParameterSource.ENVIRONMENT:
        raise click.UsageError(
            f"--address and --{flag} are both given; ask a running server, or name code to load."
        )
    if given.location:
        raise click.UsageError(
            f"--location and --{flag} are both given; name a location of a running server, or code "
            "to load."
        )
    return _code(given.target, given.timeout)


def _code(target: Mapping[str, str], timeout: float | None) -> Where:
    from codeserver.target import resolve

    with usage_errors():
        config, resolved = resolve(Config.from_options({**_python(), **target}))
        check_is_there(resolved)
        if config.python is not None:
            from codeserver.supervisor.processes import interpreter

            interpreter.check(config.python, _PYTHON.flags[0])
    found = {name: value for name in TARGET_OPTIONS if (value := getattr(config, name))}
    name = config.location_name
    options = ("--location-name", name) if name else ()
    return Where(
        target=found,
        label=name or resolved.label,
        options=options,
        timeout=timeout,
        loading_timeout=max(timeout or 0, LOADING_SECONDS),
    )


def _python() -> Mapping[str, str]:
    """The Python that a variable names, which is for all code of a machine or container."""
    python = next(filter(None, map(os.environ.get, _PYTHON.all_variables)), None)
    return {"python": python} if python else {}


def _to_be_loaded(given: _Given) -> Where:
    """Code whose loading is what the timeout is for."""
    where = _code(given.target, given.timeout)
    return dataclasses.replace(where, loading_timeout=given.timeout or LOADING_SECONDS)


def _of_project(timeout: float | None) -> Where | None:
    """The code that the pyproject.toml here declares; None when it declares none."""
    if not Path("pyproject.toml").exists():
        return None
    try:
        return _code({}, timeout)
    except click.UsageError as error:
        # A file that is broken is an error; one that has nothing for Dagster in it is usual.
        if isinstance(error.__cause__, NothingToServe):
            return None
        raise
