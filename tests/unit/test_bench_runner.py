"""A workload that fails loses its own figures at most."""

from __future__ import annotations

import sys
from types import ModuleType

import pytest

from bench import runner
from bench.measurement import Measurement
from bench.results import Unit
from bench.servers import KINDS
from bench.subjects import EXAMPLE, many_assets

PACKAGE = "bench.workloads"
SERVERS = list(KINDS.values())


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Two workloads, of which one fails at the second of its locations; and what was served."""
    served = []

    def measure(it: Measurement) -> None:
        """How it is measured."""
        served.append(it.subject.name)
        it.add("it", it.kinds[0].key, Unit.SECONDS, 1.0)
        if it.subject is not EXAMPLE:
            raise ValueError("oops")
        it.add("other", it.kinds[0].key, Unit.SECONDS, 1.0)

    for name, subjects in (("good", [EXAMPLE]), ("bad", [EXAMPLE, many_assets(100)])):
        module = ModuleType(f"{PACKAGE}.{name}", "What it is about.\n\nMore.")
        vars(module).update(measure=measure, SUBJECTS=subjects)
        monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setattr(runner, "kill_descendants", lambda: None)  # those of other tests
    return served


def test_a_failure_is_noted_and_does_not_end_the_run(
    served: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    found = runner.measure(["bad", "absent", "good"], ["example", "100"], SERVERS)

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
    assert served == ["example", "100", "example"]
    said = capsys.readouterr().err
    assert "1 figures, then it failed: ValueError('oops')" in said
    assert "Traceback" in said


@pytest.mark.parametrize(
    ("locations", "quick", "expected"),
    [
        (["100"], False, ["100"]),
        (["example", "100"], True, ["example"]),
        (["100"], True, []),
    ],
)
def test_only_what_was_asked_for_is_measured(
    served: list[str], locations: list[str], quick: bool, expected: list[str]
) -> None:
    runner.measure(["bad"], locations, SERVERS, quick=quick)
    assert served == expected
