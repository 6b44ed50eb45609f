"""What is defined, by name; a name that there is not gets a suggestion."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import TypeVar

T = TypeVar("T")

_SHOWN = 10


class UnknownNameError(KeyError):
    """There is nothing of this name; the message suggests the nearest one.

    Args:
        kind: what was looked for.
        name: that there is not.
        there: the names that there are.
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
    """What is defined, by name, in the order of the names.

    Where several repositories have the same name, `repository/name` is the key of each.

    Args:
        kind: what it is: `job`, `asset` ...
        named: the name, the repository and the value of each.
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
