"""Differences between the values of two imports."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping

from codeserver.worker.rehearsal.bindings import bindings
from codeserver.worker.rehearsal.finding import Finding
from codeserver.worker.rehearsal.values import TOO_LARGE
from codeserver.worker.user_files import origin_of

_Values = Mapping[str, Mapping[str, str]]


def compare(first: _Values, second: _Values) -> list[Finding]:
    """Values that differ or exist after only one of the imports, in the order of module and path.

    Names that a module only imports are skipped: they are compared in their own module.

    Args:
        first: the result of `values` in another process.
        second: the result of `values` in this process.
    """
    found = []
    for module in sorted({*first, *second}):
        file = origin_of(sys.modules.get(module)) or ""
        if module not in first or module not in second:
            reason = "is imported by one of two imports only"
            found.append(Finding(module, file, 0, "", reason))
            continue
        for path, reason in _differing(first[module], second[module]):
            names = bindings(file)
            if path.partition(".")[0] not in names.imported:
                found.append(Finding(module, file, names.lines.get(path, 0), path, reason))
    return found


def _differing(first: Mapping[str, str], second: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    if TOO_LARGE in (first.get(""), second.get("")):
        yield "", "is too large to compare"
        return
    for path in sorted({*first, *second}):
        if path not in first or path not in second:
            yield path, "is there after one of two imports only"
        elif first[path] != second[path]:
            yield path, "differs from one import to the next"
