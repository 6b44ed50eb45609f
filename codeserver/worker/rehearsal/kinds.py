"""Bytes of values, by class: plain values literally, others as digests of their contents."""

from __future__ import annotations

import datetime
import decimal
import enum
import gc
import hashlib
import io
import logging
import pathlib
import random
import threading
import types
import weakref
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from codeserver.worker.rehearsal import arrays, storage

if TYPE_CHECKING:
    from codeserver.worker.rehearsal.digests import Digester

_MOST_BYTES = 1 << 20


Content = Callable[[Any, Any, int], bytes]
"""Makes the bytes of a value, from a `Digester`, the value and its depth."""


def short(content: bytes) -> bytes:
    """The bytes, or a digest if that is shorter."""
    return content if len(content) <= 20 else hashlib.blake2b(content, digest_size=16).digest()


def content_of(kind: type) -> tuple[str, Content]:
    """The label of values of this class, and the function that makes their bytes.

    Values that cannot be inspected have the label of the known base class: a server may have
    loggers of another class than a run has.
    """
    for base in storage.bases_of(kind):
        known = _CONTENTS.get(id(base)) or arrays.CONTENTS.get(storage.name_of(base))
        if known is not None:
            return storage.name_of(base if known is _opaque else kind), known
    return storage.name_of(kind), lambda digester, value, depth: digester.stored(value, depth)


def _text(value: str) -> bytes:
    return b"s%d:" % len(value) + short(str.encode(value[:_MOST_BYTES], "utf-8", "surrogatepass"))


def _bytes(value: Any) -> bytes:
    return b"b%d:" % len(value) + short(bytes(value[:_MOST_BYTES]))


PLAIN: dict[int, Callable[[Any], bytes]] = {
    id(kind): content
    for kind, content in {
        type(None): lambda _: b"None",
        bool: lambda value: b"True" if value else b"False",
        int: lambda value: b"i" + short(b"%x" % value),
        float: lambda value: b"f" + repr(value).encode(),
        complex: lambda value: b"c" + repr(value).encode(),
        str: _text,
        bytes: _bytes,
        bytearray: _bytes,
        type(...): lambda _: b"...",
        type(NotImplemented): lambda _: b"NotImplemented",
    }.items()
}
"""Functions by the id of a class. Subclasses are not included."""


def _opaque(digester: Digester, value: object, depth: int) -> bytes:
    return b""


def _sequence(kind: Any) -> Content:
    def content(digester: Digester, value: Any, depth: int) -> bytes:
        of_items = digester.ordered(list(kind.__iter__(value)), depth)
        return of_items if type(value) is kind else of_items + digester.stored(value, depth)

    return content


def _set(kind: Any) -> Content:
    return lambda digester, value, depth: digester.unordered(list(kind.__iter__(value)), depth)


def _dict(digester: Digester, value: Any, depth: int) -> bytes:
    of_items = digester.pairs(list(dict.items(value)), depth)
    return of_items if type(value) is dict else of_items + digester.stored(value, depth)


def _written(kind: Any) -> Content:
    """The content of a class with a complete `repr`."""

    def content(digester: Digester, value: Any, depth: int) -> bytes:
        return short(kind.__repr__(value).encode()) + digester.stored(value, depth)

    return content


def _reduced(kind: Any) -> Content:
    """The content of a class that pickles itself into plain values."""
    return lambda digester, value, depth: digester.ordered(kind.__reduce_ex__(value, 4)[1], depth)


def _string(digester: Digester, value: Any, depth: int) -> bytes:
    return _text(str.__str__(value)) + digester.stored(value, depth)


def _referents(digester: Digester, value: Any, depth: int) -> bytes:
    return digester.ordered(gc.get_referents(value), depth)


def _class(digester: Digester, value: type, depth: int) -> bytes:
    label = storage.name_of(value).encode()
    if digester.is_foreign(value):
        return label
    return label + digester.pairs(storage.fields_of(value), depth)


def _function(digester: Digester, value: Any, depth: int) -> bytes:
    label = f"{value.__code__.co_name}:{value.__code__.co_firstlineno}".encode()
    if value.__closure__ is None and digester.is_foreign(value):
        return label
    parts = (value.__defaults__, value.__kwdefaults__, value.__closure__, value.__dict__)
    return label + digester.ordered(parts, depth)


def _builtin(digester: Digester, value: Any, depth: int) -> bytes:
    return f"{storage.name_of(type(value.__self__))}.{value.__name__}".encode()


def _random(digester: Digester, value: Any, depth: int) -> bytes:
    if issubclass(type(value), random.SystemRandom):
        return b""
    return digester.digest(random.Random.getstate(value), depth)


_VIEWS: tuple[type, ...] = (
    types.MappingProxyType,
    type({}.keys()),
    type({}.values()),
    type({}.items()),
)

_KINDS: dict[type, Content] = {
    **{kind: _sequence(kind) for kind in (tuple, list, deque)},
    **{kind: _set(kind) for kind in (set, frozenset)},
    **{kind: _written(kind) for kind in (int, float, complex, bytes, decimal.Decimal)},
    **{kind: _written(kind) for kind in (range, slice, datetime.timezone)},
    **{kind: _reduced(kind) for kind in (datetime.datetime, datetime.date, datetime.time)},
    str: _string,
    bytearray: lambda _, value, depth: _bytes(value),
    dict: _dict,
    **dict.fromkeys(
        (types.MappingProxyType, type({}.keys()), type({}.values()), type({}.items())),
        _referents,
    ),
    type: _class,
    types.FunctionType: _function,
    types.CellType: lambda digester, value, depth: digester.digest(value.cell_contents, depth),
    types.BuiltinFunctionType: _builtin,
    enum.Enum: lambda _, value, depth: _text(object.__getattribute__(value, "_name_")),
    pathlib.PurePath: lambda _, value, depth: _text(pathlib.PurePath.__str__(value)),
    random.Random: _random,
    **dict.fromkeys((types.ModuleType, types.CodeType, types.FrameType), _opaque),
    **dict.fromkeys((types.TracebackType, types.GeneratorType, types.CoroutineType), _opaque),
    **dict.fromkeys((weakref.ReferenceType, weakref.ProxyType, weakref.WeakSet), _opaque),
    **dict.fromkeys((weakref.WeakKeyDictionary, weakref.WeakValueDictionary), _opaque),
    **dict.fromkeys((logging.Logger, logging.Handler, io.IOBase), _opaque),
    **dict.fromkeys((threading.Thread, threading.local), _opaque),
}

_CONTENTS = {id(kind): content for kind, content in _KINDS.items()}
"""Functions for a class and its subclasses, by id, because a metaclass may define `__hash__`."""
