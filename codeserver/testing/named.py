"""Definitions by name; the error for an unknown name suggests the nearest one."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import TypeVar

T = TypeVar("T")

_SHOWN = 10


class UnknownNameError(KeyError):
    """No definition has this name; the message suggests the nearest one.

    Args:
        kind: kind of the definition: `job`, `asset` and so on.
        name: the unknown name.
        there: the known names.
    """

    def __init__(self, kind: str, name: str, there: Iterable[str]) -> None:
        super().__init__(name)
        names = list(there)
        near = difflib.get_close_matches(name, names, 1)
        listed = ", ".join(names[:_SHOWN]) + (", ..." if len(names) > _SHOWN else "")
        hint = f'did you mean "{near[0]}"?' if near else f"there is {listed or 'none at all'}."
        self._text = f'There is no {kind} "{name}"; {hint}'

    def __str__(self) -> str:
        return self._text


class Named(Mapping[str, T]):
    """Definitions of one kind by name, in the order given.

    If several repositories have the same name, the key of each is `repository/name`.

    Args:
        kind: kind of the definitions: `job`, `asset` and so on.
        named: name, repository and value of each definition.
    """

    def __init__(self, kind: str, named: Iterable[tuple[str, str, T]]) -> None:
        self._kind = kind
        self._values: dict[str, T] = {}
        found = list(named)
        times = Counter(name for name, _, _ in found)
        for name, repository, value in found:
            key = name if times[name] == 1 else f"{repository}/{name}"
            self._values[key] = value

    def __getitem__(self, name: str) -> T:
        try:
            return self._values[name]
        except KeyError:
            raise UnknownNameError(self._kind, name, self._values) from None

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return f"<{self._kind}s: {', '.join(self._values) or 'none'}>"
