"""Find differences between two imports of the user's code.

A run of stock Dagster imports the code itself, so values that the code computes at its import are
new in each run. A fork has the values of the import in its parent. To find out whether that makes a
difference, the code is imported again in another process. `Witness` finds lines that use clocks,
randomness and the like, and `compare` finds values that differ.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from codeserver.marks import Look
from codeserver.worker.rehearsal.comparing import compare
from codeserver.worker.rehearsal.finding import Finding, merged
from codeserver.worker.rehearsal.values import user_modules, values
from codeserver.worker.rehearsal.witness import Witness

__all__ = ["Finding", "Witness", "compare", "rehearse", "user_modules", "values"]


def rehearse(
    load: Callable[[], object], before: Mapping[str, Mapping[str, str]]
) -> tuple[list[Finding], Mapping[str, Look]]:
    """Load the user's code again, and find differences from the first load.

    The process must not have imported the user's modules before, should have imported their
    installed packages, and must not be used for anything else afterwards.

    Args:
        load: imports the code; its exceptions are not caught.
        before: the `values` of the process that loaded the code first.

    Returns:
        At most 20 findings, in the order of their places; empty if a fork is equivalent to an
        import. And the files that the code has asked about, by path: if one of them changes, a fork
        is no longer equivalent.
    """
    with Witness() as witness:
        load()
    findings = merged([*witness.findings, *compare(before, values(user_modules()))])
    return findings, witness.looks
