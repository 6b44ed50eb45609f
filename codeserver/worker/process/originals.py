"""Modules of the standard library as they were before user code was loaded.

User code may replace functions of modules: gevent's `monkey.patch_all` replaces those that wait,
and tests and tracers replace others. The server's own work in a process must not depend on that. So
these modules are copies, made when the process started.
"""

from __future__ import annotations

import importlib
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import _thread
    import os
    import select
    import signal
    import socket
else:

    def _copy(name: str) -> ModuleType:
        module = importlib.import_module(name)
        copy = ModuleType(name, module.__doc__)
        vars(copy).update(vars(module))
        return copy

    _thread, os, select, signal, socket = map(
        _copy, ("_thread", "os", "select", "signal", "socket")
    )

__all__ = ["_thread", "os", "select", "signal", "socket"]
