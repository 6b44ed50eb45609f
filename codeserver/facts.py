"""Facts that processes tell each other about a load. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from codeserver.marks import Mark


@dataclass(frozen=True)
class LoadOrder:
    """An order to load the user's code."""

    # fields of Dagster's `LoadableTargetOrigin` but `executable_path`
    target: Mapping[str, str | None]
    executable_path: str  # the Python that clients are told to use
    entry_point: Sequence[str]  # the command that clients are told to launch runs with
    container_image: str | None = None  # the image that clients are told to launch runs in
    # likewise, its settings by the name of each launcher
    container_context: Mapping[str, Any] | None = None
    instance_ref: str | None = None  # serialized `InstanceRef`, or None for the one of DAGSTER_HOME
    inject_env_vars_from_instance: bool = False  # whether variables come from the instance
    location_name: str | None = None  # of the code location, if the operator has given one
    # serialized `DefsStateInfo`, or None for the newest versions
    defs_state_info: str | None = None
    log_level: str = "info"  # of Dagster's loggers
    log_format: str = "colored"  # likewise, the name of the formatter
    isolation: str = "auto"  # how evaluators and runs get the code: `fork`, `spawn` or `auto`
    # bytes that an evaluator may take on top of the loaded code; 0 for no limit
    memory_limit: int = 0
    # bytes by which an evaluator may grow before it is replaced; 0 for no limit
    max_growth: int = 0
    # the working directory of the process, as the operator writes it; None for the one that it has
    directory: str | None = None
    profile_imports: bool = False  # whether each import is timed


@dataclass(frozen=True)
class Surroundings:
    """The surroundings of a process that has imported the user's code."""

    # variables that have changed since its start; None for one that is gone
    environment: Mapping[str, str | None] = field(default_factory=dict)
    directory: str | None = None  # the current directory; None when it was removed
    path: Sequence[str] = ()  # `sys.path`


@dataclass(frozen=True)
class UsedFiles:
    """The user's files that a load has used, each with its mark."""

    # those that definitions are made of
    files: Mapping[str, Mark | None] = field(default_factory=dict)
    # where new files may belong to the definitions: names of files and of folders there
    folders: Mapping[str, tuple[Sequence[str], Sequence[str]]] = field(default_factory=dict)
    written: Sequence[str] = ()  # files that the load has written
    rewritten: Sequence[str] = ()  # those of `files` that were written after the load had begun
    # other files that the user's code has read
    data: Mapping[str, Mark | None] = field(default_factory=dict)
    # names in the directories that the user's code has listed (`marks.listing`)
    listings: Mapping[str, str | None] = field(default_factory=dict)
    is_whole: bool = True  # whether that is all of them


@dataclass(frozen=True)
class InstalledPackages:
    """Installed packages that a load has imported."""

    modules: Sequence[str] = ()  # names of their modules, in the order in which they were imported
    folders: Sequence[str] = ()  # the folders of installed packages


@dataclass(frozen=True)
class ImportTime:
    """Duration of the import of one module, in seconds."""

    module: str  # its name
    file: str  # its file
    own: float  # without the imports that it was the first to need
    cumulative: float  # with them
    is_users: bool  # whether the file is neither Python's nor installed
    imported_by: str  # the module that was the first to need it; empty for the target
