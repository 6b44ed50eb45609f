"""The target, which names the definitions to load: from the settings or from `pyproject.toml`."""

from __future__ import annotations

import dataclasses
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from codeserver.config import Config
from codeserver.errors import NothingToServe, OperatorError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

KINDS = {
    "python_file": "--python-file/-f",
    "module_name": "--module-name/-m",
    "package_name": "--package-name",
    "autoload_defs_module_name": "--autoload-defs-module-name",
}
"""The settings that name a target, and their flags."""


@dataclass(frozen=True)
class Target:
    """The source of a code location's definitions. Exactly one of the first four fields is set.

    The fields are those of Dagster's `LoadableTargetOrigin`.
    """

    python_file: str | None = None
    module_name: str | None = None
    package_name: str | None = None
    autoload_defs_module_name: str | None = None
    attribute: str | None = None
    working_directory: str | None = None

    @property
    def label(self) -> str:
        """Its name for people: the name of the file, module or package."""
        return str(next(getattr(self, kind) for kind in KINDS if getattr(self, kind)))

    @property
    def path(self) -> str | None:
        """The absolute path of the file, in the present current directory; None for a module."""
        if self.python_file is None:
            return None
        return os.path.normpath(os.path.join(current_directory(), self.python_file))

    @property
    def directories(self) -> tuple[str, ...]:
        """The absolute paths of the directories that are searched first for its own modules."""
        beside = os.path.dirname(self.path) if self.path is not None else None
        found = (each for each in (self.working_directory, beside) if each is not None)
        return tuple(os.path.join(current_directory(), each) for each in found)


def resolve(config: Config) -> tuple[Config, Target]:
    """The target that the settings name, or else that of `pyproject.toml` in the current directory.

    Returns:
        The config, completed by `pyproject.toml` (target and location name), and the target. Its
        `python` is an absolute path, or None for the Python of this process.

    Raises:
        OperatorError: there are several targets, none, or an unusable `pyproject.toml`.
    """
    given = [kind for kind in KINDS if getattr(config, kind)]
    if len(given) > 1:
        names = " and ".join(KINDS[kind] for kind in given)
        raise OperatorError(f"{names} are given; a server loads one target, so give one of them.")
    if not given:
        found, location_name = _from_pyproject(Path("pyproject.toml"))
        config = dataclasses.replace(
            config, **found, location_name=config.location_name or location_name
        )
    return of_settings(config)


def of_settings(config: Config) -> tuple[Config, Target]:
    """The target that the settings name, of which there is one, and the settings."""
    directory = config.working_directory or current_directory()
    config = dataclasses.replace(config, python=other_python(config.python))
    return config, Target(
        **{kind: getattr(config, kind) for kind in KINDS},
        attribute=config.attribute,
        working_directory=None if config.empty_working_directory else directory,
    )


def other_python(path: str | None) -> str | None:
    """The absolute path of a Python; None if it is the one of this process.

    Links stay: the `python` of a virtual environment is one, and leads out of it.
    """
    if not path:
        return None
    whole = path if os.path.isabs(path) else os.path.join(current_directory(), path)
    short = os.path.normpath(whole)
    # Behind a link to a directory, `..` leads elsewhere.
    python = short if os.path.realpath(short) == os.path.realpath(whole) else whole
    return None if python == sys.executable else python


def current_directory() -> str:
    """The current directory, by the path that the shell has for it.

    That path may go through a link, such as `current`, which leads to another release after the
    next deployment. The path from the system has no links.

    Raises:
        OperatorError: the directory has been removed.
    """
    path = os.path.normpath(os.environ.get("PWD", ""))
    try:
        if os.path.isabs(path) and os.path.samefile(path, os.curdir):
            return path
    except OSError:
        pass
    try:
        return os.getcwd()
    except FileNotFoundError:
        raise OperatorError(
            "The current directory has been removed; start in one that is there."
        ) from None


def _from_pyproject(path: Path) -> tuple[dict[str, Any], str | None]:
    """The target and the location name of `[tool.dagster]` or `[tool.dg.project]`.

    Raises:
        OperatorError: the file declares several targets, none, or cannot be used.
    """
    hint = "give a file with -f or a module with -m"
    try:
        tables = tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise NothingToServe(f"Nothing to serve: {hint}, or run beside a pyproject.toml.") from None
    except (OSError, ValueError) as error:
        raise OperatorError(f"{path} cannot be read: {error}") from None
    try:
        dagster, project = table_of(tables, "tool.dagster"), table_of(tables, "tool.dg.project")
        modules = _modules(dagster)
        if len(modules) > 1:
            raise OperatorError(
                f"[tool.dagster] in {path} names {len(modules)} modules ({', '.join(modules)}); a "
                "server loads one, so choose it with -m."
            )
        if modules:
            return {"module_name": modules[0]}, text_of(dagster, "code_location_name")
        if "root_module" in project:
            return of_dg_project(project), text_of(project, "code_location_name")
    except TypeError as error:
        raise OperatorError(f"{path} cannot be used: {error}.") from None
    raise NothingToServe(
        f"Nothing to serve: {path} has no module_name in [tool.dagster] and no root_module in "
        f"[tool.dg.project]; {hint}."
    )


def _modules(dagster: dict[str, Any]) -> list[str]:
    if name := text_of(dagster, "module_name"):
        if "modules" in dagster:
            raise TypeError("[tool.dagster] has both module_name and modules; keep one")
        return [name]
    modules = dagster.get("modules", [])
    if not isinstance(modules, list) or not all(isinstance(each, dict) for each in modules):
        raise TypeError("modules in [tool.dagster] must be a list of tables")
    found = (text_of(each, "name") for each in modules if each.get("type") == "module")
    return [name for name in found if name]


def of_dg_project(project: dict[str, Any]) -> dict[str, str]:
    """The setting that names the target of a project of dg, which has a `root_module`.

    Raises:
        TypeError: a value is no text.
    """
    root = text_of(project, "root_module")
    if project.get("autoload_defs"):
        return {"autoload_defs_module_name": text_of(project, "defs_module") or f"{root}.defs"}
    target = text_of(project, "code_location_target_module")
    return {"module_name": target or f"{root}.definitions"}


def table_of(tables: dict[str, Any], name: str) -> dict[str, Any]:
    """The table of this dotted name, which is empty if there is none.

    Raises:
        TypeError: something else has the name.
    """
    table: Any = tables
    for part in name.split("."):
        table = table.get(part, {})
        if not isinstance(table, dict):
            raise TypeError(f"{name} must be a table")
    return dict(table)


def text_of(table: dict[str, Any], name: str) -> str | None:
    """The text of this name in the table; None if there is none.

    Raises:
        TypeError: something else has the name.
    """
    value = table.get(name)
    if value is not None and not isinstance(value, str):
        raise TypeError(f"{name} must be a string, and it is {value!r}")
    return value
