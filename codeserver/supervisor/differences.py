"""What is different between two generations, in words. Pure."""

from __future__ import annotations

from codeserver.supervisor.generation import Definitions

_MOST_NAMES = 3
_KINDS = ("asset", "check", "job", "schedule", "sensor", "resource")


def differences(before: Definitions, after: Definitions) -> list[str]:
    """For example `+1 asset daily_orders`, `~2 jobs ingest, load` and `-1 schedule nightly`.

    Added ones first (`+`), then changed ones (`~`), then removed ones (`-`).
    """
    kinds = [*_KINDS, *sorted({*before, *after} - {*_KINDS})]
    added, changed, removed = [], [], []
    for kind in kinds:
        old, new = before.get(kind, {}), after.get(kind, {})
        added += _words("+", kind, sorted(new.keys() - old.keys()))
        changed += _words("~", kind, sorted(n for n in new.keys() & old.keys() if new[n] != old[n]))
        removed += _words("-", kind, sorted(old.keys() - new.keys()))
    return added + changed + removed


def _words(sign: str, kind: str, names: list[str]) -> list[str]:
    if not names:
        return []
    shown = ", ".join(names[:_MOST_NAMES]) + (", ..." if len(names) > _MOST_NAMES else "")
    return [f"{sign}{len(names)} {kind}{'s' if len(names) > 1 else ''} {shown}"]
