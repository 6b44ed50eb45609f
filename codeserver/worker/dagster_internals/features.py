"""What not every version of Dagster has, by name. The installed Dagster itself is asked for it."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from dagster import __version__

from codeserver.worker.dagster_internals import names, table

VERSION: str = __version__
"""The version of Dagster that is installed."""


@dataclass(frozen=True)
class Feature:
    """A feature, which is true if the installed Dagster has it.

    Attributes:
        what: its name, in words that begin a sentence.
        since: the first version that has it, among those that were looked at.
        is_there: whether the installed version has it.
    """

    what: str
    since: str
    is_there: bool

    def __bool__(self) -> bool:
        return self.is_there

    @property
    def lack(self) -> str:
        """The sentence for users of a version without it."""
        return f"{self.what} needs Dagster {self.since} or newer; {VERSION} is installed."


def lacks() -> list[str]:
    """What users of the installed version have to do without, one sentence each."""
    return [each.lack for each in (AUTOLOAD, DEFS_STATE, SECRETS) if not each]


def parameters(called: Callable[..., object]) -> frozenset[str]:
    """The names of the parameters of a function or a record of Dagster's."""
    # Many records take whatever they are given, and check it.
    fields = getattr(called, "_fields", None)
    return frozenset(fields or inspect.signature(called).parameters)


def known(called: Callable[..., object], arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments that a function or a record of Dagster's takes."""
    taken = parameters(called)
    return {name: value for name, value in arguments.items() if name in taken}


def _has(name: str) -> bool:
    return any(each.name == name and each.look() is not None for each in table.TABLE)


AUTOLOAD = Feature("--autoload-defs-module-name", "1.10.21", _has("AutoloadDefsModuleCodePointer"))

DEFS_STATE = Feature(
    "Component state",
    "1.11.16",
    _has("DefsStateStorage") and hasattr(names.DefinitionsLoadContext, "accessed_defs_state_info"),
)
"""Versions from 1.11.8 on have an early form of it, which codeserver does not use."""

LOAD_CONTEXT = Feature(
    "One context for the whole load", "1.10.8", hasattr(names.DefinitionsLoadContext, "is_set")
)

PARTITION_CONTEXT = Feature(
    "A context of partition keys", "1.11.5", _has("partition_loading_context")
)

SECRETS = Feature(
    "A mark of secret config fields", "1.12.22", "is_secret" in parameters(names.ConfigFieldSnap)
)
