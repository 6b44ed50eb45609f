"""Unwritten files and unfinalized objects at the end of a process.

Python writes and finalizes them when it tears itself down. A fork cannot do that, because most of
its objects are its parent's.
"""

from __future__ import annotations

import contextlib
import gc
import io
import stat
import sys
import traceback
import weakref
from collections.abc import Callable, Iterable, Sequence
from types import FunctionType
from typing import Any

from codeserver.worker.process import basics, stdio
from codeserver.worker.process.originals import os

_FILE: type = io.IOBase.__mro__[1]
"""The base class of all files. `io.IOBase` itself would cache each type that it is asked about."""

_BUFFERS = (io.TextIOWrapper, io.BufferedWriter, io.BufferedRandom)
"""Classes of files with a buffer of their own; all other files write into one of these."""

_inherited: list[weakref.ref[Any]] = []


def settle() -> None:
    """Write out the buffers of files, before the process forks.

    Otherwise each fork would write them again. The forks remember these files for their own end.
    """
    _inherited[:] = map(weakref.ref, _written_files())
    flush_inherited()
    basics.flush_c_streams()


def flush_inherited() -> None:
    """Write out buffers of inherited files."""
    _flush(file for reference in _inherited if (file := reference()) is not None)


def flush() -> None:
    """Write out the buffers of regular files, and finalize nothing."""
    flush_inherited()
    _flush(_written_files())


def finish() -> None:
    """Write and finalize, as Python does at its end, the objects that this process has made.

    Inherited objects are frozen (`gc.freeze`), so `gc.get_objects` does not return them.
    """
    flush_inherited()
    # Before the collector, which may close the files that garbage writes into.
    _flush(_of_type(gc.get_objects(), io.TextIOWrapper))
    gc.collect()
    own = _of_kind(gc.get_objects(), _has_more_to_do)
    # Files come last, because other objects may write to them.
    for each in _of_kind(own, lambda kind: not issubclass(kind, _FILE)):
        if not gc.is_finalized(each):
            _finalize(each)
    _flush(_of_type(own, io.TextIOWrapper))
    for file in _outermost_first(filter(_is_written, _of_kind(own, _has_end))):
        with contextlib.suppress(Exception):
            file.close()
    _flush(_of_type(own, *_BUFFERS))
    basics.flush_c_streams()


def _flush(buffers: Iterable[Any]) -> None:
    for each in buffers:
        with contextlib.suppress(Exception):  # Python ignores these errors, too
            each.flush()


def _written_files() -> list[Any]:
    """Objects with a buffer for a regular file; writing to anything else could block for ever."""
    files = filter(_is_regular, basics.open_descriptors() - stdio.own_descriptors())
    if next(files, None) is None:  # the usual case, without a look at all objects
        return []
    return [each for each in _of_type(gc.get_objects(), *_BUFFERS) if _is_for_a_file(each)]


def _is_regular(fd: int) -> bool:
    try:
        return stat.S_ISREG(os.fstat(fd).st_mode)
    except OSError:
        return False


def _of_type(objects: Sequence[object], *kinds: type) -> list[Any]:
    return _of_kind(objects, lambda kind: issubclass(kind, kinds))


def _of_kind(objects: Sequence[object], wanted: Callable[[type], bool]) -> list[Any]:
    """The objects whose type is wanted. There may be millions, so only each type is examined."""
    kinds = {id(type(each)): type(each) for each in objects}
    found = {number for number, kind in kinds.items() if wanted(kind)}
    return [each for each in objects if id(type(each)) in found]


def _is_for_a_file(buffer: Any) -> bool:
    try:
        return bool(buffer.writable()) and _is_regular(buffer.fileno())
    except Exception:  # it is closed, or in memory, or of a class of the user
        return False


def _has_more_to_do(kind: type) -> bool:
    return issubclass(kind, _FILE) or _says_in_python(kind, "__del__")


def _has_end(kind: type) -> bool:
    """Whether closing a file of this class may write more, such as a checksum."""
    return issubclass(kind, _FILE) and _says_in_python(kind, "close")


def _says_in_python(kind: type, method: str) -> bool:
    try:
        return type(getattr(kind, method, None)) is FunctionType
    except Exception:  # the user's class may raise
        return False


def _is_written(file: Any) -> bool:
    try:
        return not file.closed and bool(file.writable())
    except Exception:
        return False


def _finalize(each: Any) -> None:
    try:
        each.__del__()
    except BaseException:
        print(f"Exception ignored in: {type(each).__qualname__}.__del__", file=sys.stderr)
        traceback.print_exc()


def _outermost_first(files: Iterable[Any]) -> list[Any]:
    """The files in an order that puts a file before the one that it writes into."""
    found = list(files)
    inner = {id(value) for file in found for value in getattr(file, "__dict__", {}).values()}
    return sorted(found, key=lambda file: id(file) in inner)
