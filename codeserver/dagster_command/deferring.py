"""Packages whose own code runs when something in them is asked for, and not before.

Some packages of Dagster import much in their `__init__`, of which a pod needs one small module.
Nobody can tell the difference but by the time that it takes: whatever is looked up in such a
package, another of its modules included, first imports the package as ever.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
import threading
from types import ModuleType

_lock = threading.Lock()


def defer(package: str, *needed: str) -> None:
    """Import some modules of a package without running its `__init__`.

    Args:
        package: name of a package in another one; nothing happens when it is imported already.
        needed: modules in it.

    Raises:
        ImportError: one of them is not there, or cannot be imported.
    """
    if package in sys.modules:
        return
    spec = importlib.util.find_spec(package)
    if spec is None or spec.loader is None:
        raise ImportError(f"There is no {package}.", name=package)
    module = importlib.util.module_from_spec(spec)
    sys.modules[package] = module
    try:
        for name in needed:
            importlib.import_module(f"{package}.{name}")
    except BaseException:
        sys.modules.pop(package, None)
        raise
    parent, _, child = package.rpartition(".")
    setattr(sys.modules[parent], child, module)
    # Importing any other of its modules asks for this, as looking up a name in it does.
    del module.__path__
    module.__class__ = _Deferred


class _Deferred(ModuleType):
    """Stands in for a package until something is asked of it."""

    def __getattr__(self, name: str) -> object:
        # Imported anew instead of run in here: so it is the import system that makes threads wait
        # for each other, and that knows how to end it when they wait in a circle.
        package = self.__name__
        with _lock:
            if sys.modules.get(package) is self:
                del sys.modules[package]
        real = importlib.import_module(package)
        for child, module in self.__dict__.items():
            if sys.modules.get(f"{package}.{child}") is module:
                real.__dict__.setdefault(child, module)
        return getattr(real, name)
