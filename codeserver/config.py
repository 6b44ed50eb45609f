"""The settings of a server, each declared once: name, default, flags, variables, meaning.

The command line, `docs/configuration.md` and the code all read this one declaration.
"""

from __future__ import annotations

import dataclasses
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from codeserver.errors import OperatorError

_METADATA_KEY = "setting"


@dataclass(frozen=True)
class Setting:
    """How one field of `Config` is given from outside.

    Attributes:
        name: the field's name.
        default: its value when nothing is given.
        flags: option strings of the command line, long form first.
        help: what it means, with the unit.
        variables: environment variables that Dagster documents for it, strongest first.
        kind: type of the value: `str`, `int`, `float` or `bool` (a flag).
        choices: the allowed values, if they are few.
        metavar: the placeholder in the help text.
    """

    name: str
    default: Any
    flags: tuple[str, ...]
    help: str
    variables: tuple[str, ...]
    kind: type
    choices: tuple[str, ...] | None
    metavar: str | None

    @property
    def all_variables(self) -> tuple[str, ...]:
        """Every environment variable that is read, strongest first.

        Besides the documented ones, Dagster's command line derives one for each option of each of
        the two commands that this server replaces.
        """
        name = self.name.upper()
        return (
            f"CODESERVER_{name}",
            *self.variables,
            f"DAGSTER_CLI_API_GRPC_{name}",
            f"DAGSTER_CLI_CODE_SERVER_START_{name}",
        )


def _setting(
    default: Any,
    *flags: str,
    help: str,
    env: tuple[str, ...] = (),
    kind: type | None = None,
    choices: tuple[str, ...] | None = None,
    metavar: str | None = None,
) -> Any:
    return dataclasses.field(
        default=default,
        metadata={
            _METADATA_KEY: {
                "default": default,
                "flags": flags,
                "help": help,
                "variables": env,
                "kind": kind or type(default),
                "choices": choices,
                "metavar": metavar,
            }
        },
    )


_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([KMGT]?)(i?)B?", re.IGNORECASE | re.ASCII)

_LARGEST_SIZE = float(1 << 62)


def parse_size(text: str) -> int:
    """Bytes, from a number with a unit such as `512MiB` or `1.5G`.

    K, M, G and T are powers of 1000, and of 1024 with an `i`.

    Raises:
        OperatorError: it is no size.
    """
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        raise OperatorError(f"{text[:80]!r} is not a size; write for example 512MiB.")
    number, unit, binary = match.groups()
    base = 1024 if binary else 1000
    size = float(number) * base ** " KMGT".index(unit.upper() or " ")
    if size > _LARGEST_SIZE:
        raise OperatorError(f"{text[:80]!r} is more than a machine has; write for example 512MiB.")
    return int(size)


def _default_workers() -> int:
    return min(32, (os.cpu_count() or 1) + 4)


@dataclass(frozen=True)
class Config:
    """Everything the operator decides. Immutable."""

    python_file: str | None = _setting(
        None,
        "--python-file",
        "-f",
        kind=str,
        metavar="FILE",
        env=("DAGSTER_PYTHON_FILE",),
        help="Python file with Dagster definitions at its top level.",
    )
    module_name: str | None = _setting(
        None,
        "--module-name",
        "-m",
        kind=str,
        metavar="MODULE",
        env=("DAGSTER_MODULE_NAME",),
        help="Python module with Dagster definitions at its top level.",
    )
    package_name: str | None = _setting(
        None,
        "--package-name",
        kind=str,
        metavar="PACKAGE",
        env=("DAGSTER_PACKAGE_NAME",),
        help="Installed Python package with Dagster definitions at its top level.",
    )
    autoload_defs_module_name: str | None = _setting(
        None,
        "--autoload-defs-module-name",
        kind=str,
        metavar="MODULE",
        env=("DAGSTER_AUTOLOAD_DEFS_MODULE_NAME", "DAGSTER_autoload_defs_module_name"),
        help="Module to import and search through for definitions and components.",
    )
    attribute: str | None = _setting(
        None,
        "--attribute",
        "-a",
        kind=str,
        metavar="NAME",
        env=("DAGSTER_ATTRIBUTE",),
        help="The one definition to load: a Definitions object, repository, job, graph, or a "
        "function that returns one. Without it, everything at the top level is found.",
    )
    working_directory: str | None = _setting(
        None,
        "--working-directory",
        "-d",
        kind=str,
        metavar="DIR",
        env=("DAGSTER_WORKING_DIRECTORY",),
        help="Directory that local imports start from. Default: the current directory.",
    )
    empty_working_directory: bool = _setting(
        False,
        "--empty-working-directory",
        env=("DAGSTER_EMPTY_WORKING_DIRECTORY",),
        help="Use no working directory for local imports, not even the current one.",
    )
    host: str = _setting(
        "localhost",
        "--host",
        "-h",
        env=("DAGSTER_GRPC_HOST", "DAGSTER_CODE_SERVER_HOST"),
        help="Host name or address to serve on; 0.0.0.0 for all interfaces.",
    )
    port: int | None = _setting(
        None,
        "--port",
        "-p",
        kind=int,
        env=("DAGSTER_GRPC_PORT", "DAGSTER_CODE_SERVER_PORT"),
        help="TCP port to serve on; 0 picks a free one. Default without --socket: 4000.",
    )
    socket: str | None = _setting(
        None,
        "--socket",
        "-s",
        kind=str,
        metavar="PATH",
        env=("DAGSTER_GRPC_SOCKET", "DAGSTER_CODE_SERVER_SOCKET"),
        help="Unix socket to serve on, instead of a port or beside it.",
    )
    max_workers: int = _setting(
        _default_workers(),
        "--max-workers",
        "--max_workers",
        "-n",
        env=("DAGSTER_GRPC_MAX_WORKERS", "DAGSTER_CODE_SERVER_MAX_WORKERS"),
        help="Most processes that evaluate user code at the same time. One sensor, schedule or "
        "job gets at most half of them.",
    )
    max_queue: int = _setting(
        200,
        "--max-queue",
        help="Most requests that wait for such a process; one sensor, schedule or job gets at most "
        "half of the places. Beyond it, callers get RESOURCE_EXHAUSTED.",
    )
    isolation: str = _setting(
        "auto",
        "--isolation",
        choices=("auto", "fork", "spawn"),
        help="How evaluators and runs get the code: forked from the process that has it loaded, "
        "which takes milliseconds, or spawned to load it themselves. auto forks unless the code "
        "has left threads, sockets or the like behind that do not survive a fork.",
    )
    worker_memory_limit: str = _setting(
        "0",
        "--worker-memory-limit",
        metavar="SIZE",
        help="Memory that one evaluator may take on top of the loaded code, such as 512MiB; user "
        "code that needs more gets a MemoryError (Linux). 0 for no limit.",
    )
    worker_max_requests: int = _setting(
        1000,
        "--worker-max-requests",
        help="Requests after which an evaluator is replaced; 0 for no limit.",
    )
    worker_max_growth: str = _setting(
        "256MiB",
        "--worker-max-growth",
        metavar="SIZE",
        help="Growth in memory after which an evaluator is replaced; 0 for no limit.",
    )
    default_timeout: float = _setting(
        60.0,
        "--default-timeout",
        env=("DAGSTER_GRPC_TIMEOUT_SECONDS",),
        help="Seconds that user code may take when the caller sets no deadline.",
    )
    startup_timeout: float = _setting(
        0.0,
        "--startup-timeout",
        env=("DAGSTER_CODE_SERVER_STARTUP_TIMEOUT",),
        help="Seconds that a load or reload of the code may take; 0 for no limit.",
    )
    shutdown_grace: float = _setting(
        20.0,
        "--shutdown-grace",
        env=("DAGSTER_GRPC_SHUTDOWN_GRACE_PERIOD",),
        help="Seconds that requests and runs may take to finish after SIGTERM or Ctrl-C, and after "
        "--drain-delay.",
    )
    shutdown_runs: str = _setting(
        "wait",
        "--shutdown-runs",
        choices=("wait", "interrupt"),
        help="What becomes of runs at shutdown: wait for them, and interrupt those that take "
        "longer than --shutdown-grace; or interrupt them all at once.",
    )
    drain_delay: float = _setting(
        0.0,
        "--drain-delay",
        help="Seconds after SIGTERM for which everything but new runs is answered in any case, so "
        "that health checks have time to lead clients elsewhere.",
    )
    heartbeat: bool = _setting(
        False,
        "--heartbeat",
        help="Shut down when no Heartbeat call has come for --heartbeat-timeout seconds.",
    )
    heartbeat_timeout: int = _setting(
        30,
        "--heartbeat-timeout",
        env=("DAGSTER_PROXY_SERVER_HEARTBEAT_TIMEOUT",),
        help="Seconds without a Heartbeat call after which --heartbeat shuts down.",
    )
    heartbeat_ttl: int = _setting(
        30,
        "--heartbeat-ttl",
        env=("DAGSTER_GRPC_PROXY_HEARTBEAT_TTL_SECONDS",),
        help="Accepted for compatibility. Worker processes here end with the server, so they "
        "need no heartbeat.",
    )
    lazy_load_user_code: bool = _setting(
        False,
        "--lazy-load-user-code",
        env=("DAGSTER_LAZY_LOAD_USER_CODE",),
        help="Accepted for compatibility. Load errors are always served to the UI; see "
        "--on-load-error.",
    )
    on_load_error: str = _setting(
        "serve",
        "--on-load-error",
        choices=("serve", "exit"),
        help="When the first load fails: serve the error to the UI, or exit with code 1.",
    )
    on_reload_error: str = _setting(
        "keep",
        "--on-reload-error",
        choices=("keep", "surface"),
        help="When a reload fails: keep serving the code that worked, or surface the error in "
        "the UI.",
    )
    use_python_environment_entry_point: bool = _setting(
        False,
        "--use-python-environment-entry-point",
        env=("DAGSTER_USE_PYTHON_ENVIRONMENT_ENTRY_POINT",),
        help="Tell clients to launch runs with this server's Python (`python -m dagster`) instead "
        "of `dagster`.",
    )
    fixed_server_id: str | None = _setting(
        None,
        "--fixed-server-id",
        kind=str,
        metavar="ID",
        help="Server id to report while the code is what it was at start. Default: an id derived "
        "from the content of the location.",
    )
    container_image: str | None = _setting(
        None,
        "--container-image",
        kind=str,
        metavar="IMAGE",
        env=("DAGSTER_CONTAINER_IMAGE", "DAGSTER_CURRENT_IMAGE"),
        help="Container image in which runs of this code are launched.",
    )
    container_context: str | None = _setting(
        None,
        "--container-context",
        kind=str,
        metavar="JSON",
        env=("DAGSTER_CONTAINER_CONTEXT",),
        help="JSON object with configuration for containers that run this code.",
    )
    inject_env_vars_from_instance: bool = _setting(
        False,
        "--inject-env-vars-from-instance",
        env=("DAGSTER_INJECT_ENV_VARS_FROM_INSTANCE",),
        help="Load environment variables from the instance before loading the code.",
    )
    location_name: str | None = _setting(
        None,
        "--location-name",
        kind=str,
        metavar="NAME",
        env=("DAGSTER_LOCATION_NAME",),
        help="Name of the code location that this server is.",
    )
    instance_ref: str | None = _setting(
        None,
        "--instance-ref",
        kind=str,
        metavar="JSON",
        env=("DAGSTER_INSTANCE_REF",),
        help="Serialized InstanceRef of the Dagster instance to use. Default: DAGSTER_HOME.",
    )
    defs_state_info: str | None = _setting(
        None,
        "--defs-state-info",
        kind=str,
        metavar="JSON",
        help="Serialized DefsStateInfo: the versions of component state to load.",
    )
    enable_metrics: bool = _setting(
        False,
        "--enable-metrics",
        env=("DAGSTER_ENABLE_SERVER_METRICS",),
        help="Report utilization metrics in replies to Ping.",
    )
    log_level: str = _setting(
        "info",
        "--log-level",
        choices=("critical", "error", "warning", "info", "debug"),
        help="Least severe messages to log.",
    )
    log_format: str = _setting(
        "colored",
        "--log-format",
        choices=("colored", "json", "rich"),
        help="Format of the log, which goes to standard error.",
    )

    @classmethod
    def from_options(cls, options: Mapping[str, Any]) -> Config:
        """A config from option values by field name; None means the default."""
        return cls(**{name: value for name, value in options.items() if value is not None})


def settings() -> Iterator[Setting]:
    """Every setting, in the order of declaration."""
    for declared in dataclasses.fields(Config):
        yield Setting(name=declared.name, **declared.metadata[_METADATA_KEY])
