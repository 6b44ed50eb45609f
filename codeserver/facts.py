"""Facts about a load that processes send to each other. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from codeserver.marks import Mark


@dataclass(frozen=True)
class ImportedDagster:
    """The Dagster that a forkserver has imported."""

    python: str  # version of the Python
    version: str
    marks: Mapping[str, Mark | None]  # files that every other installation of Dagster replaces
    remarks: Sequence[str]  # on the installation, and on what this version lacks, one line each


@dataclass(frozen=True)
class PinnedInstance:
    """The only Dagster instance that requests may name."""

    ref: str | None  # serialized `InstanceRef`; None for that of DAGSTER_HOME


@dataclass(frozen=True)
class LoadOrder:
    """An order to load the user's code."""

    # fields of Dagster's `LoadableTargetOrigin` except `executable_path`
    target: Mapping[str, str | None]
    executable_path: str  # the Python interpreter to report to clients
    entry_point: Sequence[str]  # the command for launching runs, reported to clients
    container_image: str | None = None  # the image for launching runs, reported to clients
    # settings of run containers by the name of each launcher, reported to clients
    container_context: Mapping[str, Any] | None = None
    instance_ref: str | None = None  # serialized `InstanceRef`; None for that of DAGSTER_HOME
    pinned_instance: PinnedInstance | None = None  # None if requests may name any
    inject_env_vars_from_instance: bool = False  # whether to set the instance's variables
    location_name: str | None = None  # of the code location, if the operator has named it
    # serialized `DefsStateInfo`; None for the newest versions
    defs_state_info: str | None = None
    log_level: str = "info"  # level of Dagster's loggers
    log_format: str = "colored"  # name of the formatter of Dagster's loggers
    isolation: str = "auto"  # how evaluators and runs get the code: `fork`, `spawn` or `auto`
    # bytes that an evaluator may allocate beyond the loaded code; 0 for no limit
    memory_limit: int = 0
    # bytes by which an evaluator may grow before it is replaced; 0 for no limit
    max_growth: int = 0
    # the working directory, as written by the operator; None to keep that of the process
    directory: str | None = None
    profile_imports: bool = False  # whether to time each import


@dataclass(frozen=True)
class Surroundings:
    """The surroundings of a process that has imported the user's code."""

    # environment variables that changed since its start; None for one that was removed
    environment: Mapping[str, str | None] = field(default_factory=dict)
    directory: str | None = None  # the current directory; None if it was removed
    path: Sequence[str] = ()  # `sys.path`


@dataclass(frozen=True)
class UsedFiles:
    """The user's files that a load has used, each with its mark."""

    # files that define things: sources, settings and the like
    files: Mapping[str, Mark | None] = field(default_factory=dict)
    # directories where a new file may become part of the code: names of files, names of folders
    folders: Mapping[str, tuple[Sequence[str], Sequence[str]]] = field(default_factory=dict)
    written: Sequence[str] = ()  # files that the load has written
    rewritten: Sequence[str] = ()  # files in `files` that were modified after the load began
    # other files that the user's code has read
    data: Mapping[str, Mark | None] = field(default_factory=dict)
    # digests of the directories that the user's code has listed (`marks.listing`)
    listings: Mapping[str, str | None] = field(default_factory=dict)
    is_whole: bool = True  # False if there were too many files to record


@dataclass(frozen=True)
class InstalledPackages:
    """Installed packages that a load has imported."""

    modules: Sequence[str] = ()  # names of their modules, in the order of import
    folders: Sequence[str] = ()  # directories that hold installed packages


@dataclass(frozen=True)
class ImportTime:
    """The duration of the import of one module."""

    module: str  # name of the module
    file: str  # path of the module
    own: float  # seconds, without imports that this import triggered
    cumulative: float  # seconds, with those imports
    is_users: bool  # whether the file is part of neither Python nor an installed package
    imported_by: str  # the module that imported it first; empty for the target
