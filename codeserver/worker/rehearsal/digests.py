"""Digests of values, equal in two processes if the values are equal.

Addresses, caches, and the order of sets and dictionaries are ignored. Of an object that cannot be
inspected, only the type counts. No code of the user is called.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterable, Mapping
from types import BuiltinFunctionType, FunctionType, ModuleType

from codeserver.worker.rehearsal import storage
from codeserver.worker.rehearsal.kinds import PLAIN, Content, content_of, short

_MOST = 200_000
"""Maximum number of values that a process inspects."""

_DEEPEST = 100

_CONTAINERS = frozenset({"builtins", "collections", "types"})
"""Modules of container classes, whose instances belong to the object that holds them."""


class TooMany(Exception):
    """There are more values than the maximum."""


class Digester:
    """Computes digests, once for each object.

    Args:
        modules: the user's modules, by name. An object with a name in one of them is represented by
            that name wherever else it occurs.
    """

    def __init__(self, modules: Mapping[str, ModuleType]) -> None:
        self._modules = modules
        self._left = _MOST
        # By id. The objects are kept, so that no other object gets the same id.
        self._known: dict[int, tuple[object, bytes]] = {}
        self._contents: dict[int, tuple[type, bytes, Content, bool]] = {}
        self._is_loose = False
        for module in sorted(modules):
            for name, value in storage.values_in(modules[module]):
                self._known.setdefault(id(value), (value, f"@{module}.{name}".encode()))

    def named(self, value: object) -> bytes:
        """The digest of a value that has a name in a module, of at most some dozens of bytes.

        Raises:
            TooMany: the maximum is reached.
        """
        plain = PLAIN.get(id(type(value)))
        return self._look(value, 0) if plain is None else plain(value)

    def digest(self, value: object, depth: int) -> bytes:
        """The digest of a value that is nested in `depth` others."""
        plain = PLAIN.get(id(type(value)))
        if plain is not None:
            return plain(value)
        known = self._known.get(id(value))
        if known is not None:
            return known[1]
        self._known[id(value)] = value, b"@"  # it may contain itself
        result = self._look(value, depth)
        self._known[id(value)] = value, result
        return result

    def _look(self, value: object, depth: int) -> bytes:
        if self._left <= 0:
            raise TooMany
        self._left -= 1
        label, content, is_loose = self._content(type(value))
        if depth > _DEEPEST:
            return label
        was_loose, self._is_loose = self._is_loose, self._is_loose or is_loose
        try:
            return short(b"%s(%s)" % (label, content(self, value, depth + 1)))
        except TooMany:
            raise
        except Exception:  # an unusual object may raise anything
            return label
        finally:
            self._is_loose = was_loose

    def ordered(self, values: Iterable[object], depth: int) -> bytes:
        """The digests of a sequence. Inside objects of a library, it may stem from a set."""
        digests = [self.digest(value, depth) for value in values]
        return b",".join(sorted(digests) if self._is_loose else digests)

    def unordered(self, values: Iterable[object], depth: int) -> bytes:
        """The digests of a set."""
        return b",".join(sorted([self.digest(value, depth) for value in values]))

    def pairs(self, items: Iterable[tuple[object, object]], depth: int) -> bytes:
        """The digests of a dictionary, without its order, because it may stem from a set."""
        digest = self.digest
        return b",".join(sorted([digest(k, depth) + b":" + digest(v, depth) for k, v in items]))

    def stored(self, value: object, depth: int) -> bytes:
        """The digests of the values that an instance stores."""
        return self.pairs(storage.values_in(value), depth)

    def is_foreign(self, value: object) -> bool:
        """Whether this is a function or class that no module of the user defines."""
        kind, module = type(value), None
        if issubclass(kind, type):
            module = storage.module_of(value)  # type: ignore[arg-type]
        elif kind is FunctionType:
            module = value.__module__
            module = module if type(module) is str and module in sys.modules else None
        return kind is BuiltinFunctionType or (module is not None and module not in self._modules)

    def _content(self, kind: type) -> tuple[bytes, Content, bool]:
        known = self._contents.get(id(kind))
        if known is None:
            module = storage.module_of(kind)
            is_loose = module not in self._modules and module not in _CONTAINERS
            label, content = content_of(kind)
            known = kind, label.encode(), content, is_loose
            self._contents[id(kind)] = known
        return known[1:]


def hexadecimal(content: bytes) -> str:
    """A digest as 16 hexadecimal characters."""
    return hashlib.blake2b(content, digest_size=8).hexdigest()
