"""Durations of the imports of modules, measured on request."""

from __future__ import annotations

import functools
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.machinery import ExtensionFileLoader, SourceFileLoader, SourcelessFileLoader
from typing import Any

from codeserver.facts import ImportTime
from codeserver.worker.user_files import is_users_file

_MOST = 200

_TIMED = (
    (SourceFileLoader, "exec_module"),
    (SourcelessFileLoader, "exec_module"),
    (ExtensionFileLoader, "create_module"),  # links the library
    (ExtensionFileLoader, "exec_module"),
)


@dataclass
class _Import:
    file: str
    imported_by: str
    own: float = 0.0
    cumulative: float = 0.0


class ImportTimes:
    """Measures every import from a file in this thread between `begin` and `end`."""

    def __init__(self) -> None:
        self._imports: dict[str, _Import] = {}
        self._stack: list[str] = []
        self._inner = [0.0]
        self._thread = threading.get_ident()
        self._originals: list[tuple[type, str, Any]] = []

    def begin(self) -> None:
        """Begin to measure."""
        for loader, method in _TIMED:
            original = getattr(loader, method)
            self._originals.append((loader, method, vars(loader).get(method)))
            setattr(loader, method, self._timed(original))

    def end(self) -> None:
        """Stop measuring, and restore the loaders."""
        while self._originals:
            loader, method, original = self._originals.pop()
            if original is None:
                delattr(loader, method)
            else:
                setattr(loader, method, original)

    @property
    def slowest(self) -> Sequence[ImportTime]:
        """The slowest imports, in descending order of duration."""
        ordered = sorted(self._imports.items(), key=lambda item: -item[1].cumulative)
        return [
            ImportTime(
                module=name,
                file=found.file,
                own=found.own,
                cumulative=found.cumulative,
                is_users=is_users_file(found.file),
                imported_by=found.imported_by,
            )
            for name, found in ordered[:_MOST]
        ]

    def _timed(self, original: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(original)
        def timed(loader: Any, module_or_spec: Any) -> Any:
            if threading.get_ident() != self._thread:
                return original(loader, module_or_spec)
            started = time.perf_counter()
            self._stack.append(loader.name)
            self._inner.append(0.0)
            try:
                return original(loader, module_or_spec)
            finally:
                self._count(loader, time.perf_counter() - started)

        return timed

    def _count(self, loader: Any, seconds: float) -> None:
        name = self._stack.pop()
        inner = self._inner.pop()
        self._inner[-1] += seconds
        by = self._stack[-1] if self._stack else ""
        found = self._imports.setdefault(name, _Import(loader.path, by))
        found.own += seconds - inner
        found.cumulative += seconds
