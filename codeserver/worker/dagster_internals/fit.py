"""Whether the internals of the installed Dagster fit, and in which words they do not.

This is for versions that nobody has tested codeserver with. Nothing of Dagster is imported here.
"""

from __future__ import annotations

import ast
import inspect
import os
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from types import ModuleType
from typing import Any

from codeserver.worker.dagster_internals.table import TABLE, Name

_NAMES = os.path.join(os.path.dirname(__file__), "names.py")


@dataclass(frozen=True)
class Call:
    """A call of Dagster as codeserver makes it.

    Attributes:
        name: of the function or class, in `dagster_internals`.
        given: the number of arguments by position.
        named: the names of the others.
        method: the class method that is called, if it is not the class.
    """

    name: str
    given: int = 0
    named: tuple[str, ...] = ()
    method: str = ""

    def fits(self, dagster: ModuleType) -> bool:
        """Whether it can be made."""
        called: Any = getattr(dagster, self.name)
        called = getattr(called, self.method) if self.method else called
        try:
            signature = inspect.signature(called)
        except ValueError:
            return True  # it is not written in Python
        try:
            signature.bind(*range(self.given), **dict.fromkeys(self.named))
        except TypeError:
            return False
        return True

    def __str__(self) -> str:
        return f"{self.name}.{self.method}" if self.method else self.name


CALLS = (
    Call("CodePointer", 3, method="from_module"),
    Call("CodePointer", 3, method="from_python_file"),
    Call("CodePointer", 3, method="from_python_package"),
    Call("DagsterInstance", 0, method="get"),
    Call("DagsterInstance", 1, method="from_ref"),
    Call("DefinitionsLoadContext", 1, ("repository_load_data",)),
    Call("DefinitionsLoadContext", 1, method="set"),
    Call("EngineEventData", 1, method="in_process"),
    Call("InstanceRef", 1, method="config_defaults"),
    Call("InstanceRef", 1, method="from_dir"),
    Call("JobDataSnap", 1, ("include_parent_snapshot",), "from_job_def"),
    Call("LoadableRepositorySymbol", 0, ("attribute", "repository_name")),
    Call("ReconstructableRepository", 2, ("executable_path", "entry_point", "container_context")),
    Call("RepositoryErrorSnap", 0, ("error",)),
    Call("RepositorySnap", 1, ("defer_snapshots",), "from_def"),
    Call("capture_interrupts"),
    Call("configure_loggers", 0, ("formatter", "log_level")),
    Call("copy", 1, ("error",)),
    Call("core_execute_run", 3, ("inject_env_vars",)),
    Call("create_execution_plan", 1, ("run_config", "tags", "repository_load_data")),
    Call("deserialize_value", 2),
    Call("enter_loadable_target_origin_load_context", 1),
    Call("get_env_var_dict", 1),
    Call("get_external_execution_plan_snapshot", 3),
    Call("get_external_pipeline_subset_result", 7),
    Call("get_external_schedule_execution", 6),
    Call("get_external_sensor_execution", 9),
    Call("get_partition_config", 1, ("job_name", "partition_key", "instance_ref")),
    Call("get_partition_names", 1, ("job_name",)),
    Call(
        "get_partition_set_execution_param_data",
        1,
        ("partition_set_name", "partition_names", "instance_ref"),
    ),
    Call("get_partition_tags", 1, ("job_name", "partition_name", "instance_ref")),
    Call("get_run_crash_explanation", 0, ("prefix", "exit_code")),
    Call("is_dagster_home_set"),
    Call("is_reserved_asset_job_name", 1),
    Call("serializable_error_info_from_exc_info", 1),
    Call("serialize_value", 1),
    Call("set_variables", 1),
    Call("user_code_error_boundary", 2),
)
"""How functions of Dagster are called whose arguments are the same in all versions."""

REPLACED = (
    ("RepositoryDefinition", "get_maybe_subset_job_def"),
    ("PlanOrchestrationContext", "executor"),
    ("code_pointer", "alter_sys_path"),
    ("compute_logs", "subprocess"),
    ("multiprocess", "check"),
    ("multiprocess", "multiprocessing"),
    ("sql", "ALEMBIC_SCRIPTS_LOCATION"),
    ("sql", "MigrationContext"),
    ("sql", "ScriptDirectory"),
)
"""Attributes of Dagster's modules and classes that codeserver puts something else into."""


def missing_names() -> list[str]:
    """The names that the installed Dagster does not have where codeserver looks for them.

    Names of modules that cannot be imported come only if there are no others, because a missing
    name may be the reason.
    """
    places = [*_needed(), *(_newest(each) for each in TABLE if _is_missing(each))]
    names = [(module, name) for module, name in places if not _has(module, name)]
    direct = [each for each in names if _can_be_imported(each[0])]
    return [f"{module}.{name}" for module, name in direct or names]


def _newest(each: Name) -> tuple[str, str]:
    return each.places[0][1].partition(":")[0], each.name


def _is_missing(each: Name) -> bool:
    try:
        each.find()
    except Exception:
        return True
    return False


def _needed() -> Iterator[tuple[str, str]]:
    """Modules and the names in them: what `names` imports from Dagster, as its source says."""
    with open(_NAMES, encoding="utf-8") as file:
        tree = ast.parse(file.read())
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("dagster"):
            yield from ((node.module or "", each.name) for each in node.names)


def _has(module: str, name: str) -> bool:
    if not _can_be_imported(module):
        return False
    return hasattr(import_module(module), name) or _can_be_imported(f"{module}.{name}")


def _can_be_imported(module: str) -> bool:
    try:
        import_module(module)
    except Exception:
        return False
    return True


def misfits(dagster: ModuleType) -> list[str]:
    """What is called or replaced in another way than the installed Dagster takes it, in words."""
    found = [f"{call} takes other arguments" for call in CALLS if not call.fits(dagster)]
    for name, attribute in REPLACED:
        owner = getattr(dagster, name)
        if attribute not in vars(owner):
            found.append(f"{name} has no {attribute}")
    return found
