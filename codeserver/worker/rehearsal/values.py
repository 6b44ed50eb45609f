"""Digests of the values of the user's modules."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from types import ModuleType

from codeserver.worker.rehearsal import storage
from codeserver.worker.rehearsal.digests import Digester, TooMany, hexadecimal
from codeserver.worker.user_files import is_users_file, origin_of

TOO_LARGE = "too large"
"""Replaces the digests of a module with too many values, under the empty path."""

ENVIRONMENT = "os.environ"
"""The module name under which the environment variables are values."""


def user_modules() -> dict[str, ModuleType]:
    """The modules imported from files of the user, without `__main__`, by name."""
    found = {}
    for name, module in list(sys.modules.items()):
        if type(name) is str and name != "__main__":
            file = origin_of(module)
            if file is not None and is_users_file(file):
                found[name] = module
    return found


def values(modules: Mapping[str, ModuleType]) -> dict[str, dict[str, str]]:
    """Digests of the values of these modules, and of the environment variables.

    They are equal in two processes if the values are equal.

    Args:
        modules: by name; see `user_modules`.

    Returns:
        Digests by module and path. A path is a name, or a class name and an attribute name.
    """
    digester = Digester(modules)
    result = {name: _of_module(digester, modules[name]) for name in sorted(modules)}
    result[ENVIRONMENT] = {
        name: hexadecimal(os.fsencode(value)) for name, value in os.environ.items()
    }
    return result


def _of_module(digester: Digester, module: ModuleType) -> dict[str, str]:
    found: dict[str, str] = {}
    try:
        for name, value in storage.values_in(module):
            if storage.is_dunder(name) or digester.is_foreign(value):
                continue
            if issubclass(type(value), type):
                for attribute, entry in storage.fields_of(value):  # type: ignore[arg-type]
                    found[f"{name}.{attribute}"] = hexadecimal(digester.digest(entry, 1))
            else:
                found[name] = hexadecimal(digester.named(value))
    except TooMany:
        return {"": TOO_LARGE}
    return found
