"""Find lines of the user's code that use clocks, randomness, processes, the network or files.

Python reports each call of a C function (`sys.setprofile`) and some actions (audit events,
PEP 578). Each is attributed to the nearest line of the user's code that led to it. A few functions,
such as those of Cython and nanobind, are not reported; they are replaced for good. So a witness
belongs in a process that ends soon after.
"""

from __future__ import annotations

import contextlib
import dis
import functools
import logging
import os
import sys
import threading
from collections.abc import Callable, Mapping
from types import CodeType, FrameType, FunctionType, TracebackType
from typing import Any, NamedTuple

from codeserver.marks import Look
from codeserver.worker.rehearsal import calls
from codeserver.worker.rehearsal.bindings import bindings
from codeserver.worker.rehearsal.finding import Finding
from codeserver.worker.rehearsal.looks import Looks
from codeserver.worker.user_files import is_users_file

_IMPORTS = ("<frozen importlib", "<frozen zipimport")
_HARMLESS = {
    "_get_default_tempdir": "tempfile",  # writes a file as a test
    "get_smallest_cron_interval": "dagster._utils.schedules",  # starts from today; same result
}
"""Functions with the same result at each call: their modules, by name."""

_LOGGING = os.path.dirname(logging.__file__)

_PARQUET = (
    *(("read_table", calls.DATA), ("read_pandas", calls.DATA)),
    *(("write_table", calls.FILES), ("ParquetWriter.__init__", calls.FILES)),
    ("write_to_dataset", calls.FILES),
)

_SILENT: dict[str, tuple[tuple[str, str], ...]] = {
    "pandas": (
        ("Timestamp.now", calls.CLOCK),
        ("Timestamp.today", calls.CLOCK),
        ("Timestamp.utcnow", calls.CLOCK),
        ("Period.now", calls.CLOCK),
    ),
    "duckdb": (
        *(("connect", calls.DATABASE), ("sql", calls.DATA), ("query", calls.DATA)),
        *((f"read_{form}", calls.DATA) for form in ("csv", "json", "parquet")),
        *((f"from_{form}", calls.DATA) for form in ("csv_auto", "parquet", "query")),
        ("execute", calls.DATA),
    ),
    "polars": tuple(
        (f"{verb}_{form}", kind)
        for verb, kind in (
            *(("read", calls.DATA), ("scan", calls.DATA)),
            *(("DataFrame.write", calls.FILES), ("LazyFrame.sink", calls.FILES)),
        )
        for form in (
            *("avro", "csv", "csv_batched", "database", "database_uri", "delta", "excel"),
            *("iceberg", "ipc", "ipc_stream", "json", "ndjson", "ods", "parquet"),
        )
    ),
    "pyarrow.csv": (
        *(("read_csv", calls.DATA), ("open_csv", calls.DATA)),
        ("write_csv", calls.FILES),
    ),
    "pyarrow.dataset": (("dataset", calls.DATA), ("write_dataset", calls.FILES)),
    "pyarrow.feather": (
        *(("read_feather", calls.DATA), ("read_table", calls.DATA)),
        ("write_feather", calls.FILES),
    ),
    "pyarrow.json": (("read_json", calls.DATA), ("open_json", calls.DATA)),
    "pyarrow.orc": (("read_table", calls.DATA), ("write_table", calls.FILES)),
    **dict.fromkeys(("pyarrow.parquet", "pyarrow.parquet.core"), _PARQUET),
}
"""Functions that Python does not report, with their kinds, by module.

Native code of those that read data opens the files, so no footprint has them; and digests may not
see the content of the results.
"""

_WORDS_FOR_NOW = frozenset({"now", "today"})
_TAKE_WORDS = frozenset({"datetime64", "Timestamp", "to_datetime", "Period", "DatetimeIndex"})


class _Place(NamedTuple):
    """The place in the user's code that has led to an action."""

    frame: FrameType
    below: FrameType | None
    """The frame that the line has called; None if it called the C function itself."""
    depth: int
    logs: bool
    """Whether the action is part of making a log record."""


class Witness:
    """A context manager that watches an import of the user's code. Use it once."""

    def __init__(self) -> None:
        self._seen: dict[tuple[str, int], Finding] = {}
        self._users: dict[str, bool] = {}
        self._modules = dict.fromkeys((*_SILENT, "numpy.random"), True)
        self._scanned: dict[int, CodeType] = {}  # kept, so that no other object gets the same id
        self._seeds = calls.Seeds()
        self._is_active = False
        self._hook = self._profiler()
        self._numpy: bytes | None = None
        self._looks = Looks(lambda frame: self._is_active and self._place(frame) is not None)

    @property
    def looks(self) -> Mapping[str, Look]:
        """Files that the code has asked about, with their state, by path."""
        return self._looks.found

    @property
    def findings(self) -> list[Finding]:
        """The findings, in the order in which they happened."""
        return list(self._seen.values())

    def __enter__(self) -> Witness:
        for name in _SILENT:
            self._replace_silent(name)
        self._numpy = _state_of_numpy()
        self._looks.listen()
        self._is_active = True
        _listen(self._hear)
        threading.setprofile(self._hook)
        sys.setprofile(self._hook)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        was_replaced = sys.getprofile() is not self._hook
        sys.setprofile(None)
        threading.setprofile(None)
        self._is_active = False
        _listeners.clear()
        if was_replaced:
            reason = "sets a profile function, so its import cannot be watched"
            self._seen["", 0] = Finding("", "", 0, "", reason)

    def _profiler(self) -> Callable[[FrameType, str, Any], None]:
        """The profile function.

        Python calls it tens of millions of times for a large location, so it does little. Even
        reading `frame.f_code` is an audit event, which would double the cost.
        """
        names, modules = calls.NAMES, self._modules

        def hook(frame: FrameType, event: str, argument: Any) -> None:
            if event == "c_call":
                if argument.__name__ in names:
                    self._called(frame, argument)
            elif event == "return":
                try:
                    matters = modules[frame.f_globals["__name__"]]
                except Exception:  # the module has no name, or one that is not a plain string
                    matters = self._meet(frame.f_globals)
                if matters:
                    self._returned(frame)

        return hook

    def _meet(self, module: dict[str, Any]) -> bool:
        """Whether frames of the module with these globals matter; remember the answer."""
        name, file = module.get("__name__"), module.get("__file__")
        matters = type(file) is str and self._is_users(file)
        if type(name) is str:
            self._modules[name] = matters
        return matters

    def _returned(self, frame: FrameType) -> None:
        code = frame.f_code
        if id(code) not in self._scanned:
            self._scanned[id(code)] = code
            if self._is_users(code.co_filename):
                self._scan(frame, code)
        if code.co_name == "<module>":
            self._imported(frame)

    def _called(self, frame: FrameType, function: Any) -> None:
        kind = calls.kind_of_call(function, frame, self._seeds)
        if kind is not None:
            self._happened(frame, kind, calls.label(function))

    def _hear(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open":
            kind = calls.kind_of_opening(arguments[0], arguments[2])
        else:
            kind = calls.EVENTS.get(event)
            if event == "os.mkdir" and self._looks.is_there(arguments[0]):
                kind = None  # like `mkdir -p`
        if kind is not None:
            # An exception here would be raised by the user's call.
            with contextlib.suppress(Exception):
                self._happened(sys._getframe(2), kind, event)

    def _happened(self, frame: FrameType, kind: str, label: str) -> None:
        place = self._place(frame)
        if place is None:
            return
        if place.logs and kind in (calls.CLOCK, calls.PROCESS):
            return  # the time and process of a log record are not values of the user
        if kind == calls.PROCESS and not _is_asked(place):
            return  # libraries ask for their locks
        if place.below is not None:
            label = _label(place.below) or label
        self._add(place.frame, place.frame.f_lineno, f"{kind} ({label})")

    def _place(self, frame: FrameType | None) -> _Place | None:
        """The nearest line of the user; None if there is none, or if an import is nearer."""
        below, depth, logs = None, 0, False
        while frame is not None:
            file = frame.f_code.co_filename
            if file.startswith(_IMPORTS) or _is_harmless(frame):
                return None
            if self._is_users(file):
                return _Place(frame, below, depth, logs)
            logs = logs or file.startswith(_LOGGING)
            if not file.startswith("<"):
                below = frame
                depth += 1
            frame = frame.f_back
        return None

    def _is_users(self, file: str) -> bool:
        known = self._users.get(file)
        if known is None:
            known = not file.startswith("<") and is_users_file(os.path.abspath(file))
            self._users[file] = known
        return known

    def _add(self, frame: FrameType, line: int, reason: str) -> None:
        file = os.path.abspath(frame.f_code.co_filename)
        if (file, line) not in self._seen:
            module = frame.f_globals.get("__name__")
            name = bindings(file).name_at(line)
            module = module if type(module) is str else ""
            self._seen[file, line] = Finding(module, file, line, name, reason)

    def _imported(self, frame: FrameType) -> None:
        """After the import of a module, check for actions that Python does not report."""
        before, self._numpy = self._numpy, _state_of_numpy()
        if self._is_users(frame.f_code.co_filename):
            if before is not None and before != self._numpy:
                self._add(frame, 0, "draws or seeds the random numbers of numpy (numpy.random)")
        else:
            name = frame.f_globals.get("__name__")
            if type(name) is str and name in _SILENT:
                self._replace_silent(name)

    def _scan(self, frame: FrameType, code: CodeType) -> None:
        """Find calls like `numpy.datetime64("now")`, which Python does not report."""
        if _TAKE_WORDS.isdisjoint(code.co_names):
            return
        line, lines = code.co_firstlineno, dict(dis.findlinestarts(code))
        for instruction in dis.get_instructions(code):
            line = lines.get(instruction.offset) or line
            if type(instruction.argval) is str and instruction.argval in _WORDS_FOR_NOW:
                self._add(frame, line, f'{calls.CLOCK} ("{instruction.argval}")')

    def _replace_silent(self, module: str) -> None:
        for path, kind in _SILENT[module]:
            *owners, name = path.split(".")
            # Other versions of the library may lack the function.
            with contextlib.suppress(Exception):
                owner: Any = functools.reduce(getattr, owners, sys.modules[module])
                function = getattr(owner, name)
                told = self._told(function, kind, f"{module}.{path}")
                # A class method is already bound; a plain method is not.
                is_bound = isinstance(owner, type) and not isinstance(function, FunctionType)
                setattr(owner, name, staticmethod(told) if is_bound else told)

    def _told(self, function: Callable[..., Any], kind: str, label: str) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            if self._is_active:
                place = self._place(sys._getframe(1))
                if place is not None:
                    self._add(place.frame, place.frame.f_lineno, f"{kind} ({label})")
            return function(*arguments, **options)

        return call


_listeners: list[Callable[[str, tuple[Any, ...]], None]] = []


@functools.cache
def _hook_audit_events() -> None:
    """Add the hook once for each process: it cannot be removed, and even `id()` is an event."""

    def hear(event: str, arguments: tuple[Any, ...]) -> None:
        for listener in _listeners:
            listener(event, arguments)

    sys.addaudithook(hear)


def _listen(listener: Callable[[str, tuple[Any, ...]], None]) -> None:
    _hook_audit_events()
    _listeners.append(listener)


def _is_harmless(frame: FrameType) -> bool:
    module = _HARMLESS.get(frame.f_code.co_name)
    return module is not None and frame.f_globals.get("__name__") == module


def _is_asked(place: _Place) -> bool:
    """Whether the user's own line asks for the process or thread."""
    if place.below is None:
        return True
    return place.depth == 1 and place.below.f_globals.get("__name__") == "threading"


def _label(frame: FrameType) -> str:
    """The qualified name of the function of this frame; empty if it has no usual name."""
    code, module = frame.f_code, frame.f_globals.get("__name__")
    name = getattr(code, "co_qualname", code.co_name).removesuffix(".__init__")  # 3.11 has it
    if type(module) is not str or "<" in name or name == "__init__":
        return ""
    return f"{module}.{name}"


def _state_of_numpy() -> bytes | None:
    """The state of the generator that `numpy.random.rand` and the like draw from."""
    module = sys.modules.get("numpy.random.mtrand")
    with contextlib.suppress(Exception):
        _, key, *rest = module._rand.get_state()  # type: ignore[union-attr]
        return bytes(key.tobytes()) + repr(rest).encode()
    return None
