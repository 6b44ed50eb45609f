"""A workspace of dg: a dg.toml, or a pyproject.toml with a table `tool.dg`, and its projects.

Names, directories and Pythons are those of `dg dev` (`dagster_dg_core.context` and
`dagster_dg_cli.cli.utils`, 1.13).
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from pathlib import PurePath
from typing import Any

from codeserver.letters import shown
from codeserver.locations.entry import Declaration, Source, did_you_mean
from codeserver.locations.texts import tables_of, text_of
from codeserver.target import of_dg_project, table_of
from codeserver.target import text_of as text_in
from codeserver.values import shown_value

_DG_FILE, _PYPROJECT = "dg.toml", "pyproject.toml"

_KEYS = ["directory_type", "workspace", "cli"]
_WORKSPACE_KEYS = ["projects", "scaffold_project_options"]

_ENV_FILES = "DAGSTER_PROJECT_ENV_FILE_PATHS"
"""Variable by which `--inject-env-vars-from-instance` finds the `.env` files of projects."""

_PYTHON = "DG_PROJECT_PYTHON_EXECUTABLE"
_PYTHON_LINE = re.compile(
    rf"""^[ \t]*(?:export[ \t]+)?{_PYTHON}[ \t]*=[ \t]*
        (?:'(?P<single>[^'\n]*)'|"(?P<double>[^"\n]*)"|(?P<plain>[^\n]*?))
        [ \t]*(?:[ \t]\#[^\n]*)?\r?$""",
    re.MULTILINE | re.VERBOSE,
)


def is_meant(tables: dict[str, Any], source: Source) -> bool:
    """Whether the tables are of dg: by the name of the file, or by themselves."""
    tool = tables.get("tool")
    return (
        os.path.basename(source.path) in (_DG_FILE, _PYPROJECT)
        or "directory_type" in tables
        or (isinstance(tool, dict) and "dg" in tool)
    )


def declarations(tables: dict[str, Any], source: Source) -> Iterator[Declaration]:
    """The projects of the workspace.

    Raises:
        OperatorError: there is none, or one has a mistake.
    """
    for path in _project_paths(_of_dg(tables, source), source):
        yield _declaration(path, source)


def _of_dg(tables: dict[str, Any], source: Source) -> dict[str, Any]:
    """The tables of dg, which a pyproject.toml has in `tool.dg`."""
    if os.path.basename(source.path) == _DG_FILE or "directory_type" in tables:
        return tables
    try:
        return table_of(tables, "tool.dg")
    except TypeError as error:
        raise source.fault(f"{error}.") from None


def _project_paths(dg: dict[str, Any], source: Source) -> Iterator[str]:
    kind = dg.get("directory_type")
    if kind == "project":
        raise source.fault(
            "declares one project and no workspace; serve it in its directory, without --locations."
        )
    if kind != "workspace":
        short = "none" if kind is None else shown_value(kind)
        raise source.fault(f'needs directory_type = "workspace" of dg; it has {short}.')
    _check_keys(dg, _KEYS, "", source)
    try:
        workspace = table_of(dg, "workspace")
    except TypeError as error:
        raise source.fault(f"{error}.") from None
    _check_keys(workspace, _WORKSPACE_KEYS, " in workspace", source)
    projects = workspace.get("projects", [])
    if not isinstance(projects, list):
        raise source.fault(f"projects must be a list of tables; it is {shown_value(projects)}.")
    if not projects:
        raise source.fault("has no locations; add a project to the workspace.")
    for project in projects:
        if not isinstance(project, dict):
            raise source.fault(
                f"projects must be tables with a path; {shown_value(project)} is none."
            )
        _check_keys(project, ["path"], " in projects", source)
        path = project.get("path")
        if not isinstance(path, str) or not path or "\0" in path:
            raise source.fault(f"the path of a project must be a text; it is {shown_value(path)}.")
        yield path


def _check_keys(table: dict[str, Any], known: list[str], where: str, source: Source) -> None:
    for key in table:
        if key not in known:
            raise source.fault(f"unknown key {shown(key)}{where}; {did_you_mean(key, known)}")


def _declaration(path: str, source: Source) -> Declaration:
    folder = os.path.join(source.directory, PurePath(path))
    project, file = _project(path, folder, source)
    try:
        root = text_in(project, "root_module")
        if not root:
            raise TypeError("root_module of the project is missing")
        found: dict[str, Any] = dict(of_dg_project(project))
        name = text_in(project, "code_location_name")
    except TypeError as error:
        raise file.fault(f"{error}.") from None
    name = name or os.path.basename(os.path.normpath(folder))
    if "python_environment" in project:
        file.warn(
            file.line(f"python_environment does not count, as in dg; {_PYTHON} in .env does.")
        )
    implied = {"working_directory": _directory(folder, root)}
    if python := _python_in_env(folder, file):
        found["python"] = os.path.join(folder, python)
    elif os.path.exists(python := os.path.join(folder, ".venv", "bin", "python")):
        implied["python"] = python
    variables = {_ENV_FILES: json.dumps({name: folder})}
    return Declaration(name, found, implied, environment=variables)


def _project(path: str, folder: str, source: Source) -> tuple[dict[str, Any], Source]:
    """The table of the project, and its file. A dg.toml goes before a pyproject.toml."""
    for name in (_DG_FILE, _PYPROJECT):
        beside = os.path.join(os.path.dirname(source.path), path, name)
        if not os.path.exists(os.path.join(folder, name)):
            continue
        file = Source(beside, source.warn)
        tables = tables_of(text_of(file), file)
        try:
            dg = tables if name == _DG_FILE else table_of(tables, "tool.dg")
            if dg:
                return table_of(dg, "project"), file
        except TypeError as error:
            raise file.fault(f"{error}.") from None
    if not os.path.isdir(folder):
        raise source.fault("there is no such directory.", place=f"project {shown(path)}")
    raise source.fault(
        f"has no {_DG_FILE}, and no {_PYPROJECT} with [tool.dg.project].",
        place=f"project {shown(path)}",
    )


def _directory(folder: str, root_module: str) -> str:
    """The directory that has the root module."""
    src = os.path.join(folder, "src")
    *packages, _ = root_module.split(".")
    return os.path.join(src if os.path.exists(src) else folder, *packages)


def _python_in_env(folder: str, file: Source) -> str | None:
    """The Python that the project's `.env` file names; None if it names none."""
    try:
        with open(os.path.join(folder, ".env"), encoding="utf-8", errors="replace") as env:
            matches = list(_PYTHON_LINE.finditer(env.read()))
    except OSError:
        return None
    if not matches:
        return None
    path = next(each for each in matches[-1].groups() if each is not None)
    if "${" in path:
        raise file.fault(f"{_PYTHON} in .env has a variable in it; write the path without one.")
    return path or None
