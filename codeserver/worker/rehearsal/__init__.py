"""Whether importing the user's code twice gives the same.

A run of stock Dagster imports the code for itself, so the values that the code computes at its
import are new in each run. A fork of a process that has imported it has the values of that import.
To know whether that makes a difference, the code is imported a second time, in another process:
`Witness` sees which lines ask for clocks, randomness and the like, and `compare` tells which values
differ.
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
    """Load the user's code once more, and tell in which way that is not the same.

    The process must have none of the user's modules, should have the installed packages that they
    import, and is good for nothing else afterwards.

    Args:
        load: imports the code; whatever it raises is raised.
        before: the `values` of the process that has loaded the code first.

    Returns:
        Findings, at most 20, in the order of their places; empty when a fork is as good as an
        import. And files that the code has asked about, by path: it is no more as good when one of
        them looks different.
    """
    with Witness() as witness:
        load()
    findings = merged([*witness.findings, *compare(before, values(user_modules()))])
    return findings, witness.looks
