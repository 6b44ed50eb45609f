"""The differences between two generations, as data and in words. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from codeserver.supervisor.loading.snapshot import Definitions

_MOST_NAMES = 3
_KINDS = ("asset", "check", "job", "schedule", "sensor", "resource")


@dataclass(frozen=True)
class Change:
    """A new, changed or removed definition.

    Attributes:
        sign: `+` for a new one, `~` for a changed one, `-` for a removed one.
    """

    sign: str
    kind: str
    name: str


def differences(before: Definitions, after: Definitions) -> list[Change]:
    """The changes: new definitions first, then changed, then removed ones, each kind by kind."""
    return [
        Change(sign, kind, name)
        for sign in "+~-"
        for kind in (*_KINDS, *sorted({*before, *after} - {*_KINDS}))
        for name in _names(sign, before.get(kind, {}), after.get(kind, {}))
    ]


def in_words(changes: Sequence[Change]) -> list[str]:
    """The changes in words, such as `+1 asset daily_orders` and `~2 jobs ingest, load`."""
    groups = groupby(changes, key=lambda change: (change.sign, change.kind))
    return [_words(sign, kind, [each.name for each in found]) for (sign, kind), found in groups]


def _names(sign: str, before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[str]:
    if sign == "+":
        yield from sorted(after.keys() - before.keys())
    elif sign == "-":
        yield from sorted(before.keys() - after.keys())
    else:
        yield from sorted(n for n in after.keys() & before.keys() if after[n] != before[n])


def _words(sign: str, kind: str, names: list[str]) -> str:
    shown = ", ".join(names[:_MOST_NAMES]) + (", ..." if len(names) > _MOST_NAMES else "")
    return f"{sign}{len(names)} {kind}{'s' if len(names) > 1 else ''} {shown}"
