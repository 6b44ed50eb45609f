"""A case: one call, made to both servers, and the comparison of what they answer."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import pytest

from tests.differential.calls import Call
from tests.differential.differences import DIFFERENCES
from tests.differential.plain import outcome
from tests.differential.sides import STOCK_AGAINST_STOCK, Pair, Side
from tests.support.dagster_names import has_rpc

COVERED: set[str] = set()
"""Every RPC that some case calls."""


@dataclass(frozen=True)
class Case:
    """One call and what is known of its answer.

    Attributes:
        name: what is special about this call.
        call: what to ask.
        expect: text that must occur in stock's answer, so that a case cannot come to compare
            two answers to a question that it did not mean to ask.
        difference: key in DIFFERENCES if ours answers otherwise.
        older: text of stock's answer instead of `expect` in a version that cannot answer so. Ours
            may then have `expect` all the same.
    """

    name: str
    call: Call
    expect: str
    difference: str | None = None
    older: str | None = None

    def __post_init__(self) -> None:
        assert self.difference is None or DIFFERENCES[self.difference].accepts
        COVERED.add(self.call.rpc)

    def __str__(self) -> str:
        return f"{self.call.rpc}-{self.name}".replace(" ", "_")


def table(cases: Iterable[Case]) -> pytest.MarkDecorator:
    """Run a test once per case."""
    listed = list(cases)
    names = [str(case) for case in listed]
    assert len(set(names)) == len(names), "two cases with one name"
    return pytest.mark.parametrize("case", listed, ids=names)


def check(case: Case, pair: Pair) -> None:
    """Make the call to both servers; fail unless their answers are equal, or listed."""
    if case.call.rpc != "Health" and not has_rpc(case.call.rpc):
        pytest.skip(f"this Dagster has no RPC {case.call.rpc}")
    stock, ours = (normalised(outcome(case.call.make, side), side) for side in pair)
    said = json.dumps(stock)
    if case.older is not None and case.expect not in said and case.older in said:
        if case.difference is None and case.expect in json.dumps(ours):
            return
    else:
        assert case.expect in said, f"stock answers otherwise: {said[:5000]}"
    if case.difference is None:
        assert ours == stock, f"{json.dumps(ours)[:5000]}\n{json.dumps(stock)[:5000]}"
    elif not (STOCK_AGAINST_STOCK and ours == stock):
        assert ours != stock, f"no longer a difference: {case.difference}"
        accepts = DIFFERENCES[case.difference].accepts
        assert accepts
        accepts(stock, ours)


def normalised(answer: Any, side: Side) -> Any:
    """An answer without noise."""
    for difference in DIFFERENCES.values():
        if difference.normalise:
            answer = difference.normalise(answer, side)
    return answer
