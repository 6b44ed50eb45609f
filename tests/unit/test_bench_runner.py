"""A workload that fails loses its own figures at most."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from types import ModuleType

import pytest

from bench.comparison import runner
from bench.comparison.effort import Effort
from bench.comparison.figures import Figure, Unit
from bench.comparison.subjects import EXAMPLE, Subject, many_assets
from bench.servers import KINDS, Kind

PACKAGE = "bench.comparison.workloads"


@pytest.fixture
def closed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Two workloads, of which one fails at the second of its locations; and what was closed."""
    closed = []

    def measure(subject: Subject, kinds: Sequence[Kind], effort: Effort) -> Iterator[Figure]:
        """How it is measured."""
        try:
            yield Figure("it", subject.name, kinds[0].key, Unit.SECONDS, [1.0])
            if subject is not EXAMPLE:
                raise ValueError("oops")
            yield Figure("other", subject.name, kinds[0].key, Unit.SECONDS, [1.0])
        finally:
            closed.append(subject.name)

    for name, subjects in (("good", [EXAMPLE]), ("bad", [EXAMPLE, many_assets(100)])):
        module = ModuleType(f"{PACKAGE}.{name}", "What it is about.\n\nMore.")
        vars(module).update(measure=measure, SUBJECTS=subjects, QUICK_SUBJECTS=[EXAMPLE])
        monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setattr(runner, "kill_descendants", lambda: None)  # those of other tests
    return closed


def test_a_failure_is_noted_and_does_not_end_the_run(
    closed: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    found = runner.measure(
        ["bad", "absent", "good"], ["example", "100"], list(KINDS.values()), Effort()
    )

    bad, absent, good = found.parts
    assert [(each.name, each.location) for each in bad.figures] == [
        ("it", "example"),
        ("other", "example"),
        ("it", "100"),
    ]
    assert bad.failures == {"100": "ValueError('oops')"}
    assert "cannot be imported" in absent.failures[""]
    assert (len(good.figures), good.failures) == (2, {})
    assert (good.title, good.how) == ("What it is about", "How it is measured.")
    assert found.failed
    assert list(found.places) == ["example", "100"]
    assert closed == ["example", "100", "example"]
    said = capsys.readouterr().err
    assert "1 figures, then it failed: ValueError('oops')" in said
    assert "Traceback" in said


@pytest.mark.parametrize(
    ("locations", "effort", "expected"),
    [
        (["100"], Effort(), ["100"]),
        (["example", "100"], Effort(quick=True), ["example"]),
        (["100"], Effort(quick=True), []),
    ],
)
def test_only_what_was_asked_for_is_measured(
    closed: list[str], locations: list[str], effort: Effort, expected: list[str]
) -> None:
    runner.measure(["bad"], locations, list(KINDS.values()), effort)
    assert closed == expected
