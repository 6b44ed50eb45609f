"""Load the user's definitions into this process, as stock Dagster's server does.

Users see the errors in the UI. So the order of the steps, their contexts and the error texts are
those of `LoadedRepositories` in `dagster._grpc.server` (Dagster 1.13).
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

from codeserver.facts import ImportTime, LoadOrder
from codeserver.worker import dagster_internals as dagster
from codeserver.worker.loading.component_state import enter_load_context
from codeserver.worker.loading.footprint import Footprint
from codeserver.worker.loading.instance import open_for_load

R = TypeVar("R")

RUNS_TAG = "codeserver/runs"
"""The tag of a job that selects the mode of its runs: `warm`, `fresh` or `auto`."""

_log = logging.getLogger("dagster")


@dataclass
class Location:
    """The definitions of a code location, loaded and resolved.

    Attributes:
        order: the order that it was loaded by.
        repositories: by name, in the order in which they were found.
        reconstructables: references from which another process loads the repositories, by name.
        pointers: to the repositories, by name.
        symbols: the attributes of the target that hold repositories.
        seconds: durations of the phases `import` and `resolve`.
        footprint: the user's files that the load has used; empty if they were not recorded.
        imports: the slowest imports, if imports were timed.
    """

    order: LoadOrder
    repositories: dict[str, dagster.RepositoryDefinition] = field(default_factory=dict)
    reconstructables: dict[str, dagster.ReconstructableRepository] = field(default_factory=dict)
    pointers: dict[str, dagster.CodePointer] = field(default_factory=dict)
    symbols: list[dagster.LoadableRepositorySymbol] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)
    footprint: Footprint = field(default_factory=Footprint)
    imports: Sequence[ImportTime] = ()

    def repository(self, name: str) -> dagster.RepositoryDefinition:
        """The repository of this name.

        Raises:
            Exception: there is none; the text is stock's.
        """
        return find_repository(self.repositories, name)

    @property
    def serialized_reconstructables(self) -> dict[str, str]:
        """The serialized `reconstructables`, by name."""
        found = self.reconstructables.items()
        return {name: dagster.serialize_value(repository) for name, repository in found}

    @property
    def run_wishes(self) -> dict[str, str]:
        """The values of `RUNS_TAG`, by `repository/job`, of the jobs that have the tag."""
        return {
            f"{repository.name}/{job.name}": str(job.tags[RUNS_TAG])
            for repository in self.repositories.values()
            for job in repository.get_all_jobs()
            if RUNS_TAG in job.tags
        }


def find_repository(repositories: Mapping[str, R], name: str) -> R:
    """The repository of this name.

    Raises:
        Exception: there is none; the text is stock's.
    """
    if name not in repositories:
        raise Exception(f'Could not find a repository called "{name}"')
    return repositories[name]


def load(order: LoadOrder) -> Location:
    """Import the target and resolve every definition in it.

    The instance is opened only if it is needed, for environment variables (if ordered) or for
    component state. It is closed after the load, so that no connection is open when this process
    forks.

    Raises:
        DagsterUserCodeLoadError: the user's code failed; the cause is its exception.
    """
    with ExitStack() as stack:
        stack.enter_context(dagster.set_variables(_variables_of_file()))
        open_instance = partial(open_for_load, order, stack)
        enter_load_context(order, stack, open_instance)
        if order.inject_env_vars_from_instance:
            open_instance().inject_env_vars(order.location_name)
        location = import_and_resolve(order)
        # Dagster removes the variables of the .env file at the end, but the code needs them.
        environment = dict(os.environ)
    os.environ.update(environment)
    return location


def _variables_of_file() -> dict[str, str]:
    """The variables of a .env file in the working directory, logged as stock does."""
    found = dagster.get_env_var_dict(os.getcwd())
    if found:
        names = ",".join(found)
        _log.info("Loaded environment variables from .env file: %s", names)
    return found


def import_and_resolve(order: LoadOrder) -> Location:
    """Do the part of `load` that Dagster does in the surroundings that there are.

    Raises:
        DagsterUserCodeLoadError: see `load`.
    """
    location = Location(order)
    origin = dagster.origin_of(order.executable_path, order.target)
    started = time.monotonic()
    with dagster.enter_loadable_target_origin_load_context(origin):
        with dagster.user_code_error_boundary(
            dagster.DagsterUserCodeLoadError, lambda: _while_loading("\n" + _describe(origin))
        ):
            found = dagster.targets_of(origin)
        imported = time.monotonic()
        for target in found:
            _resolve(location, _pointer(origin, target.attribute), target.attribute)
    location.seconds = {"import": imported - started, "resolve": time.monotonic() - imported}
    return location


def _resolve(location: Location, pointer: dagster.CodePointer, attribute: str) -> None:
    order = location.order
    reconstructable = dagster.ReconstructableRepository(
        pointer,
        order.container_image,
        executable_path=order.executable_path,
        entry_point=order.entry_point,
        container_context=order.container_context,
    )
    with dagster.user_code_error_boundary(
        dagster.DagsterUserCodeLoadError, lambda: _while_loading(" " + pointer.describe())
    ):
        repository = reconstructable.get_definition()
        repository.load_all_definitions()
        if is_dynamic(repository):
            # Dagster caches the asset graph; built here, it is the same in all forks.
            _ = repository.asset_graph
    name = repository.name
    location.repositories[name] = repository
    location.reconstructables[name] = reconstructable
    location.pointers[name] = pointer
    location.symbols.append(
        dagster.LoadableRepositorySymbol(attribute=attribute, repository_name=name)
    )


def is_dynamic(repository: dagster.RepositoryDefinition) -> bool:
    """Whether its data is a class of the user, which may define different jobs each time."""
    return type(repository._repository_data) is not dagster.CachingRepositoryData


def _while_loading(what: str) -> str:
    return f"Error occurred during the loading of Dagster definitions in{what}"


def _describe(origin: dagster.LoadableTargetOrigin) -> str:
    return ", ".join(f"{name}={value}" for name, value in origin.as_dict.items())


def _pointer(origin: dagster.LoadableTargetOrigin, attribute: str) -> dagster.CodePointer:
    where = origin.working_directory
    if origin.python_file:
        return dagster.CodePointer.from_python_file(origin.python_file, attribute, where)
    if origin.package_name:
        return dagster.CodePointer.from_python_package(origin.package_name, attribute, where)
    if origin.module_name:
        return dagster.CodePointer.from_module(origin.module_name, attribute, where)
    assert origin.autoload_defs_module_name
    return dagster.AutoloadDefsModuleCodePointer(
        module=origin.autoload_defs_module_name, working_directory=where
    )
