"""The settings of a server, each declared once: name, default, flags, variables, meaning.

The command line, `docs/configuration.md` and the code all read this one declaration.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from codeserver.exposure import Exposure
from codeserver.settings import Setting, declared, of_location, of_server, setting
from codeserver.values import (
    Descriptor,
    DirectoryPath,
    Duration,
    FilePath,
    JsonObject,
    NamePattern,
    ProgramPath,
    SerializedDefsStateInfo,
    SerializedInstanceRef,
    Size,
)


@dataclass(frozen=True)
class Code:
    """The settings that name the code of a location."""

    python_file: FilePath | None = of_location(
        "--python-file -f",
        env=("DAGSTER_PYTHON_FILE",),
        help="Python file with Dagster definitions at its top level.",
    )
    module_name: str | None = of_location(
        "--module-name -m",
        metavar="MODULE",
        env=("DAGSTER_MODULE_NAME",),
        help="Python module with Dagster definitions at its top level.",
    )
    package_name: str | None = of_location(
        "--package-name",
        metavar="PACKAGE",
        env=("DAGSTER_PACKAGE_NAME",),
        help="Installed Python package with Dagster definitions at its top level.",
    )
    autoload_defs_module_name: str | None = of_location(
        "--autoload-defs-module-name",
        metavar="MODULE",
        env=("DAGSTER_AUTOLOAD_DEFS_MODULE_NAME", "DAGSTER_autoload_defs_module_name"),
        help="Module to import and search through for definitions and components.",
    )
    attribute: str | None = of_location(
        "--attribute -a",
        metavar="NAME",
        env=("DAGSTER_ATTRIBUTE",),
        help="The one definition to load: a Definitions object, repository, job, graph, or a "
        "function that returns one. Without it, everything at the top level is found.",
    )
    working_directory: DirectoryPath | None = setting(
        "--working-directory -d",
        env=("DAGSTER_WORKING_DIRECTORY",),
        help="Directory that local imports start from. Default: the current directory.",
    )
    empty_working_directory: bool = setting(
        "--empty-working-directory",
        False,
        env=("DAGSTER_EMPTY_WORKING_DIRECTORY",),
        help="Use no working directory for local imports, not even the current one.",
    )
    python: ProgramPath | None = setting(
        "--python",
        help="Python that loads and runs the code, such as .venv/bin/python: one of another "
        "environment or another version, from 3.10 on. It needs Dagster, and nothing of "
        "codeserver. Default: the Python of this command.",
    )


@dataclass(frozen=True)
class Config(Exposure, Code):
    """Everything the operator decides. Immutable."""

    locations: FilePath | None = of_server(
        "--locations --workspace -w",
        help="File that lists several code locations to serve, each with settings of its own: a "
        "TOML file with a table [locations.NAME] for each, a workspace.yaml of Dagster, or a "
        "dg.toml or pyproject.toml with a dg workspace. Other options are the defaults of all.",
    )
    location_sockets: DirectoryPath | None = of_server(
        "--location-sockets",
        help="Directory for the unix socket NAME.sock of each of several code locations. Default: "
        "a temporary directory.",
    )
    ready_fd: Descriptor | None = of_server(
        "--ready-fd",
        help="Open file descriptor. The server writes its addresses there, one a line, as soon as "
        "it listens, and closes it.",
    )
    lifeline_fd: Descriptor | None = of_server(
        "--lifeline-fd",
        help="Open file descriptor of a pipe or socket, such as 0 for standard input. The server "
        "shuts down when the other end is closed, at the latest by the end of the program that "
        "holds it. Requests and runs then have 5 seconds to finish.",
    )
    max_workers: int = setting(
        "--max-workers --max_workers -n",
        min(32, (os.cpu_count() or 1) + 4),
        least=1,
        env=("DAGSTER_GRPC_MAX_WORKERS", "DAGSTER_CODE_SERVER_MAX_WORKERS"),
        help="Most processes that evaluate user code at the same time. One sensor, schedule or "
        "job gets at most half of them.",
    )
    max_queue: int = setting(
        "--max-queue",
        200,
        least=0,
        help="Most requests that wait for such a process; one sensor, schedule or job gets at most "
        "half of the places. Beyond it, callers get RESOURCE_EXHAUSTED.",
    )
    isolation: Literal["auto", "fork", "spawn"] = setting(
        "--isolation",
        "auto",
        help="How evaluators and runs get the code: forked from the process that has it loaded, "
        "which takes milliseconds, or spawned to load it themselves. auto forks unless the code "
        "has left threads, sockets or the like behind that do not survive a fork.",
    )
    runs: Literal["auto", "warm", "fresh"] = setting(
        "--runs",
        "auto",
        help="How runs get the code: warm ones are forked from the process that has it loaded, and "
        "share everything that its import has computed; fresh ones import your files anew, as with "
        "stock Dagster. auto imports the code a second time in the background, and makes runs warm "
        "when that gives the same and no file has changed since. A job decides for itself by a "
        "tag, such as codeserver/runs: fresh.",
    )
    warm_steps: Literal["on", "off"] = setting(
        "--warm-steps",
        "on",
        help="How steps of Dagster's multiprocess executor start: forked from a process that has "
        "what the run started with, or, with off, as new interpreters that import everything "
        "again, as with stock Dagster. A start method in the executor's configuration goes first.",
    )
    evaluators: Literal["shared", "one"] = setting(
        "--evaluators",
        "shared",
        help="Processes that evaluate sensors, schedules and other user code. shared: as many "
        "as are needed, and each may be replaced. one: a single process that answers one request "
        "after another and is kept until the next load, for code that keeps state in global "
        "variables.",
    )
    worker_memory_limit: Size = setting(
        "--worker-memory-limit",
        0,
        help="Memory that one evaluator may take on top of the loaded code, such as 512MiB; user "
        "code that needs more gets a MemoryError (Linux). 0 for no limit.",
    )
    worker_max_requests: int = setting(
        "--worker-max-requests",
        1000,
        least=0,
        help="Requests after which an evaluator is replaced; 0 for no limit.",
    )
    worker_max_growth: Size = setting(
        "--worker-max-growth",
        256 << 20,
        help="Growth in memory after which an evaluator is replaced; 0 for no limit.",
    )
    default_timeout: float = setting(
        "--default-timeout",
        60.0,
        above=0,
        env=("DAGSTER_GRPC_TIMEOUT_SECONDS",),
        help="Seconds that user code may take when the caller sets no deadline.",
    )
    startup_timeout: float = setting(
        "--startup-timeout",
        0.0,
        least=0,
        env=("DAGSTER_CODE_SERVER_STARTUP_TIMEOUT",),
        help="Seconds that a load or reload of the code may take; 0 for no limit.",
    )
    first_load_wait: float = setting(
        "--first-load-wait",
        10.0,
        least=0,
        help="Seconds that a client who asks for the repositories (ListRepositories) waits for the "
        "first load; after that the answer is an error that says what is still being imported. 0 "
        "for as long as the client waits.",
    )
    shutdown_grace: float = of_server(
        "--shutdown-grace",
        20.0,
        least=0,
        env=("DAGSTER_GRPC_SHUTDOWN_GRACE_PERIOD",),
        help="Seconds that requests and runs may take to finish after SIGTERM or Ctrl-C, and after "
        "--drain-delay.",
    )
    shutdown_runs: Literal["wait", "interrupt"] = of_server(
        "--shutdown-runs",
        "wait",
        help="What becomes of runs at shutdown: wait for them, and interrupt those that take "
        "longer than --shutdown-grace; or interrupt them all at once.",
    )
    drain_delay: float = of_server(
        "--drain-delay",
        0.0,
        least=0,
        help="Seconds after SIGTERM for which everything but new runs is answered in any case, so "
        "that health checks have time to lead clients elsewhere.",
    )
    idle_unload: Duration = setting(
        "--idle-unload",
        0.0,
        help="Unload the code when no request and no run has needed it for so long, such as 10m, "
        "90s or 1h, and load it again for the next one that does. What needs no user code is "
        "answered meanwhile. 0 for never.",
    )
    heartbeat: bool = of_server(
        "--heartbeat",
        False,
        help="Shut down when no Heartbeat call has come for --heartbeat-timeout seconds.",
    )
    heartbeat_timeout: int = of_server(
        "--heartbeat-timeout",
        30,
        least=1,
        last_env=("DAGSTER_PROXY_SERVER_HEARTBEAT_TIMEOUT",),
        help="Seconds without a Heartbeat call after which --heartbeat shuts down.",
    )
    heartbeat_ttl: int = of_server(
        "--heartbeat-ttl",
        30,
        env=("DAGSTER_GRPC_PROXY_HEARTBEAT_TTL_SECONDS",),
        help="Accepted for compatibility. Worker processes here end with the server, so they "
        "need no heartbeat.",
    )
    lazy_load_user_code: bool = setting(
        "--lazy-load-user-code",
        False,
        env=("DAGSTER_LAZY_LOAD_USER_CODE",),
        help="For launchers that wait for the code by Ping, such as the agent of Dagster+. Until "
        "the first load has ended, the reply to Ping and ListRepositories is UNAVAILABLE and says "
        "what is being imported. Load errors are always served to the UI; see --on-load-error.",
    )
    on_load_error: Literal["serve", "exit"] = of_server(
        "--on-load-error",
        "serve",
        help="When the first load fails: serve the error to the UI, or exit with code 1.",
    )
    on_reload_error: Literal["keep", "surface"] | None = setting(
        "--on-reload-error",
        help="When a reload fails: keep serving the code that worked, or surface the error in "
        "the UI. Default: surface with --watch, else keep.",
    )
    watch: bool = setting(
        "--watch --reload",
        False,
        help="Load the code again when it changes: what it has imported or read from outside "
        "site-packages, and new files in those directories.",
    )
    watch_dir: tuple[DirectoryPath, ...] = setting(
        "--watch-dir",
        (),
        help="Directory whose files are watched, too, and those of all directories in it. May be "
        "given several times.",
    )
    watch_filter: tuple[NamePattern, ...] = setting(
        "--watch-filter",
        (),
        help="Names that are watched in --watch-dir, such as *.sql; with a ! before it, names that "
        "are watched nowhere. A pattern with a / is for the end of the path. May be given several "
        "times. Default: everything but caches, hidden files and virtual environments.",
    )
    watch_poll: float | None = setting(
        "--watch-poll",
        least=0.05,
        most=3600,
        metavar="SECONDS",
        help="Look at the watched files this often instead of waiting to be notified. Default: "
        "only where notifications are not to be had, as on network file systems and mounts into "
        "virtual machines, and then every second.",
    )
    snapshot: FilePath | None = of_location(
        "--snapshot",
        help="Snapshot of this code, from `codeserver snapshot`, to serve while the code is "
        "loaded. One of other code, packages or settings is not used, and the log says why.",
    )
    profile_imports: bool = setting(
        "--profile-imports",
        False,
        help="Measure how long importing each module takes at every load, for clients of the "
        "typed API and `codeserver check --profile`.",
    )
    use_python_environment_entry_point: bool = setting(
        "--use-python-environment-entry-point",
        False,
        env=("DAGSTER_USE_PYTHON_ENVIRONMENT_ENTRY_POINT",),
        help="Tell clients to launch runs with this server's Python (`python -m dagster`) instead "
        "of `dagster`.",
    )
    fixed_server_id: str | None = of_location(
        "--fixed-server-id",
        metavar="ID",
        help="Server id to report while the code is what it was at start. Default: an id derived "
        "from the content of the location.",
    )
    container_image: str | None = setting(
        "--container-image",
        metavar="IMAGE",
        env=("DAGSTER_CONTAINER_IMAGE",),
        last_env=("DAGSTER_CURRENT_IMAGE",),
        help="Container image in which runs of this code are launched.",
    )
    container_context: JsonObject | None = setting(
        "--container-context",
        env=("DAGSTER_CONTAINER_CONTEXT",),
        help="JSON object with configuration for containers that run this code.",
    )
    inject_env_vars_from_instance: bool = setting(
        "--inject-env-vars-from-instance",
        False,
        env=("DAGSTER_INJECT_ENV_VARS_FROM_INSTANCE",),
        help="Load environment variables from the instance before loading the code.",
    )
    location_name: str | None = of_location(
        "--location-name",
        metavar="NAME",
        env=("DAGSTER_LOCATION_NAME",),
        help="Name of the code location that this server is.",
    )
    instance_ref: SerializedInstanceRef | None = setting(
        "--instance-ref",
        env=("DAGSTER_INSTANCE_REF",),
        help="Serialized InstanceRef of the Dagster instance to use. Default: DAGSTER_HOME.",
    )
    defs_state_info: SerializedDefsStateInfo | None = setting(
        "--defs-state-info",
        help="Serialized DefsStateInfo: the versions of component state to load.",
    )
    enable_metrics: bool = setting(
        "--enable-metrics",
        False,
        env=("DAGSTER_ENABLE_SERVER_METRICS",),
        help="Report utilization metrics in replies to Ping.",
    )
    log_level: Literal["critical", "error", "warning", "info", "debug"] = of_server(
        "--log-level", "info", help="Least severe messages to log."
    )
    log_format: Literal["colored", "json", "rich"] = of_server(
        "--log-format", "colored", help="Format of the log, which goes to standard error."
    )

    @property
    def surfaces_reload_errors(self) -> bool:
        """Whether clients are shown the error of a reload that fails."""
        return (self.on_reload_error or ("surface" if self.watch else "keep")) == "surface"

    @classmethod
    def from_options(
        cls, options: Mapping[str, Any], given_by: Mapping[str, str | None] | None = None
    ) -> Config:
        """A config from option values by field name.

        Args:
            options: values as people write them; None means the default.
            given_by: the variables that have given some of them, by field name; the others are
                from the command line.

        Raises:
            OperatorError: a value is none of its setting. It names the flag or the variable.
        """
        sources = given_by or {}
        values = {name: value for name, value in options.items() if value is not None}
        for each in settings():
            if each.name in values:
                values[each.name] = each.read(values[each.name], sources.get(each.name))
        return cls(**values)


@functools.cache
def settings() -> tuple[Setting, ...]:
    """Every setting, in the order of declaration."""
    return tuple(declared(Config))
