"""Reading the file of locations: its format, and the steps that all formats share."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Callable, Iterable

from codeserver.config import Config
from codeserver.locations import dg_workspace, toml_tables
from codeserver.locations.entries import entries_of
from codeserver.locations.entry import Declaration, Entry, Source
from codeserver.locations.texts import tables_of, text_of

_log = logging.getLogger("codeserver")

_YAML_NAMES = (".yaml", ".yml")
_LOAD_FROM = re.compile(r"^load_from\s*:", re.MULTILINE)


def read(
    path: str, defaults: Config, warn: Callable[[str], None] = _log.warning
) -> tuple[Entry, ...]:
    """The locations that a file lists, in its order: at least one.

    The format is that of the file: a TOML file with a table `[locations.NAME]` for each, Dagster's
    workspace.yaml, or a dg.toml or pyproject.toml with a workspace of dg.

    Args:
        path: the file, relative to the current directory.
        defaults: the settings of the command line.
        warn: takes a line about each thing in the file that does not count, such as a location
            that another server serves.

    Raises:
        OperatorError: the file cannot be used. It has one line with the file and the mistake.
    """
    source = Source(path, warn)
    try:
        return entries_of(_declarations(text_of(source), source), defaults, source)
    except RecursionError:
        raise source.fault("is nested too deeply.") from None


def _declarations(text: str, source: Source) -> Iterable[Declaration]:
    if _is_yaml(source.path, text):
        # PyYAML is imported only here, because few servers read such a file.
        from codeserver.locations import workspace_yaml

        return workspace_yaml.declarations(text, source)
    tables = tables_of(text, source)
    if "locations" not in tables and dg_workspace.is_meant(tables, source):
        return dg_workspace.declarations(tables, source)
    return toml_tables.declarations(tables, source)


def _is_yaml(path: str, text: str) -> bool:
    name = os.path.basename(path).lower()
    if name.endswith(_YAML_NAMES):
        return True
    return not name.endswith(".toml") and _LOAD_FROM.search(text) is not None
