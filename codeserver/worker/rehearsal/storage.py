"""Look at the storage of an object without running any code of its class.

The user's objects may define `getattr`, `==`, `hash`, `repr` and even `__class__`. So this reads
only the dictionaries and slots that Python itself keeps for them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import GetSetDescriptorType, MemberDescriptorType
from typing import Any, NamedTuple

_class_dict = type.__dict__["__dict__"].__get__
_class_bases = type.__dict__["__mro__"].__get__
_class_module = type.__dict__["__module__"].__get__
_class_name = type.__dict__["__qualname__"].__get__

_REMEMBERED = frozenset({"cached_property", "_lru_cache_wrapper"})
"""Descriptors that cache a result in the dictionary of the instance."""

_CACHES = ("_cache", "__cache")
_HASHES = frozenset({"_hash", "__hash", "_hash_value", "__weakref__"})

_FIELDS = ("__pydantic_fields__", "__dataclass_fields__", "__attrs_attrs__")
"""Attributes in which libraries keep the fields of a class, with their defaults."""


class _Layout(NamedTuple):
    """The storage of instances of a class.

    Attributes:
        dictionary: the descriptor of `__dict__`; None if they have none.
        slots: descriptors of slots, by name.
        remembered: keys of the dictionary that hold cached results.
    """

    dictionary: Any
    slots: tuple[tuple[str, Any], ...]
    remembered: frozenset[str]


_layouts: dict[int, tuple[type, _Layout]] = {}
"""Layouts by the id of a class, because a metaclass may define `__hash__`."""


def bases_of(kind: type) -> tuple[type, ...]:
    """The class and its base classes, in method resolution order."""
    return _class_bases(kind)  # type: ignore[no-any-return]


def module_of(kind: type) -> str:
    """Name of the module of a class; empty if unknown."""
    module = _class_module(kind)
    return module if type(module) is str else ""


def name_of(kind: type) -> str:
    """Module and name of a class."""
    return f"{module_of(kind)}.{_class_name(kind)}"


def is_dunder(name: str) -> bool:
    """Whether the name is a dunder name, such as `__file__`."""
    return name.startswith("__") and name.endswith("__")


def fields_of(kind: type) -> Iterator[tuple[str, object]]:
    """The attributes and fields that a class itself defines, by name."""
    own: Mapping[str, Any] = _class_dict(kind)
    for name, value in list(own.items()):
        if type(name) is str and not is_dunder(name) and name != "_abc_impl":
            yield name, value
    for name in _FIELDS:
        fields = own.get(name)
        if type(fields) is dict:
            yield from list(fields.items())
        elif fields is not None:
            yield name, fields


def values_in(instance: object) -> Iterator[tuple[str, object]]:
    """The values that an instance stores, with their names, in a deterministic order."""
    layout = _layout(type(instance))
    if layout.dictionary is not None:
        kept = layout.dictionary.__get__(instance)
        for name in sorted(key for key in dict.keys(kept) if type(key) is str):
            if name not in layout.remembered and not _is_cache(name):
                yield name, dict.__getitem__(kept, name)
    for name, slot in layout.slots:
        try:
            value = slot.__get__(instance)
        except AttributeError:  # the slot is empty
            continue
        yield name, value


def _layout(kind: type) -> _Layout:
    known = _layouts.get(id(kind))
    if known is None:
        known = _layouts[id(kind)] = kind, _look_at(kind)
    return known[1]


def _look_at(kind: type) -> _Layout:
    dictionary: Any = None
    slots: dict[str, Any] = {}
    remembered = set()
    for base in bases_of(kind):
        for name, entry in list(_class_dict(base).items()):
            if name == "__dict__" and dictionary is None:
                if type(entry) in (GetSetDescriptorType, MemberDescriptorType):
                    dictionary = entry
            elif type(entry) is MemberDescriptorType:
                if name != "__dict__" and not _is_cache(name):
                    slots.setdefault(name, entry)
            elif type(entry).__name__ in _REMEMBERED:
                remembered.add(name)
    return _Layout(dictionary, tuple(sorted(slots.items())), frozenset(remembered))


def _is_cache(name: str) -> bool:
    """Whether this is a usual name for a cache."""
    return name.startswith(_CACHES) or name.endswith("cached_hash") or name in _HASHES
