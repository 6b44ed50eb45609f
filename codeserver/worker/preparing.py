"""What each run would do anew to open Dagster's instance, done once in what runs are forked from.

Nothing is opened here: a connection would be shared with every fork.
"""

from __future__ import annotations

import contextlib
import gc
import importlib

from codeserver.worker import dagster_internals as dagster

_MODULES = ("dagster._core.instance.factory", "upath.core", "upath.implementations.local")


def prepare() -> None:
    """Import what opening an instance imports, and read the migrations of its SQLite databases."""
    for name in _MODULES:
        with contextlib.suppress(Exception):
            importlib.import_module(name)
    with contextlib.suppress(Exception):
        dagster.keep_migrations()
    gc.freeze()
