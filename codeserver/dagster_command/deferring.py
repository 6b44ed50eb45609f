"""Defers the import of a package until one of its names is looked up.

Some packages of Dagster import much in their `__init__`, although a pod needs one small module of
them. The only difference is the time: a lookup of any name in such a package, or the import of
another of its modules, first imports the package as usual.
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
        package: full name of a package in another one; if it is imported already, nothing happens.
        needed: names of modules in it.

    Raises:
        ImportError: the package or one of the modules is missing or cannot be imported.
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
    # The import of another of its modules looks up `__path__`, which triggers the real import.
    del module.__path__
    module.__class__ = _Deferred


class _Deferred(ModuleType):
    """A placeholder of a package until the first lookup of another name."""

    def __getattr__(self, name: str) -> object:
        # Import it anew instead of executing it here. So the import system makes threads wait for
        # each other, and resolves deadlocks among them.
        package = self.__name__
        with _lock:
            if sys.modules.get(package) is self:
                del sys.modules[package]
        real = importlib.import_module(package)
        for child, module in self.__dict__.items():
            if sys.modules.get(f"{package}.{child}") is module:
                real.__dict__.setdefault(child, module)
        return getattr(real, name)
