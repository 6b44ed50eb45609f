"""What is aimed for, and the page and the charts that show it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree

import pytest

from bench.comparison import outcomes
from bench.comparison.aims import AIMS, REASONS, Aim
from bench.comparison.charts.bars import Group, bars
from bench.comparison.charts.lines import lines
from bench.comparison.charts.pictures import PICTURES, Bars, Lines
from bench.comparison.figures import Figure, Unit
from bench.comparison.page import DOCS, page, write
from bench.comparison.results import Results, from_json
from bench.comparison.runner import WORKLOADS
from tests.unit.test_bench_results import figure, results

SVG = "{http://www.w3.org/2000/svg}"


def aim(**changes: object) -> Aim:
    given = {"key": "key", "what": "it", "wanted": "so much", "names": ["it"]}
    return Aim(**{**given, "places": ["example"], **changes})  # type: ignore[arg-type]


def reached(aim: Aim, *found: Figure) -> bool | None:
    (outcome,) = outcomes.outcomes(results(*found), [aim])
    return outcome.reached


OURS, API, CODE_SERVER, ECHO = (
    figure("ours", 1),
    figure("api", 30),
    figure("code-server", 20),
    figure("echo", 0.95),
)


@pytest.mark.parametrize(
    ("wanted", "figures", "expected"),
    [
        (aim(times=20), [OURS, API, CODE_SERVER], True),
        (aim(times=21), [OURS, API, CODE_SERVER], False),
        (aim(times=21), [OURS, API], True),
        (aim(times=30, against=["api"]), [OURS, API, CODE_SERVER], True),
        (aim(times=1, against=["echo"]), [OURS, ECHO], False),
        (aim(times=0.9, against=["echo"]), [OURS, ECHO], True),
        (aim(times=20), [figure("ours", 0), API], True),
        (aim(times=20), [OURS], None),
        (aim(times=20), [API], None),
        (aim(times=20, names=["it", "other"]), [OURS, API], None),
        (aim(times=31, names=["it", "other"]), [OURS, API], False),
        (aim(most=1), [OURS], True),
        (aim(most=0.9), [OURS], False),
        (aim(most=0.9), [figure("ours", -1)], True),
        (aim(times=2), [figure("ours", 3, more=True), figure("api", 1, more=True)], True),
        (aim(times=2), [figure("ours", 1, more=True), figure("api", 3, more=True)], False),
    ],
)
def test_reached(wanted: Aim, figures: Sequence[Figure], expected: bool | None) -> None:
    assert reached(wanted, *figures) is expected


def test_the_figure_that_is_closest_to_missing_decides() -> None:
    found = [OURS, API, figure("ours", 2, name="other"), figure("api", 6, name="other")]
    (outcome,) = outcomes.outcomes(results(*found), [aim(times=20, names=["it", "other"])])
    assert outcome.closest
    assert (outcome.closest.ours.name, outcome.closest.times) == ("other", 3)


def test_what_is_optional_is_left_out_when_it_was_not_measured() -> None:
    assert outcomes.outcomes(results(OURS, API), [aim(ours="baked", optional=True)]) == []
    (outcome,) = outcomes.outcomes(results(OURS, API), [aim(ours="baked")])
    assert outcome.missing == ["it (example)"]


def test_aims_are_told_apart() -> None:
    assert len({each.key for each in AIMS}) == len(AIMS)
    assert REASONS.keys() <= {each.key for each in AIMS}


def test_a_reason_is_given_when_and_only_when_an_aim_is_missed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    wanted = next(each for each in AIMS if each.names == ("CPU of a health probe",))
    monkeypatch.setitem(REASONS, wanted.key, "for a reason")

    def shown(other: float) -> str:
        found = [
            figure("ours", 1, name=wanted.names[0]),
            figure("api", other, name=wanted.names[0]),
        ]
        return page(results(*found), [])

    assert f"- {wanted.what}: for a reason." in shown(19)
    assert "for a reason" not in shown(21)
    monkeypatch.delitem(REASONS, wanted.key)
    assert f"- {wanted.what}: {outcomes.NO_REASON}." in shown(19)


def texts(svg: str) -> list[str]:
    root = ElementTree.fromstring(svg)
    assert root.get("role") == "img"
    labels = (root.get("aria-labelledby") or "").split()
    assert [each.get("id") for each in root if each.tag in (f"{SVG}title", f"{SVG}desc")] == labels
    return [each.text or "" for each in root.iter(f"{SVG}text")]


def test_bars() -> None:
    svg = bars("A <title>", "s & s", [Group("one", [OURS, API]), Group("two", [figure("ours", 0)])])
    found = texts(svg)
    assert found[:3] == ["A <title>", "s & s", "one"]
    assert {"codeserver grpc", "1.00 s", "30.0 s", "0 s"} <= set(found)
    widths = [float(each) for each in re.findall(r'<rect x=.*? width="([\d.]+)"', svg)]
    assert widths[0] == pytest.approx(widths[1] / 30, abs=0.1)
    assert widths[2] > 0


@pytest.mark.parametrize(
    "series",
    [
        {"ours": [(100, 0.01), (1000, 0.1)], "api": [(100, 1.0), (1000, 10.0)]},
        {"ours": [(100, 1.0), (1000, 1.0)]},
        {"api": [(4, 0.02), (5000, 9.0)], "code-server": [(4, 0.02), (5000, 9.0)]},
    ],
    ids=["in proportion", "flat", "equal"],
)
def test_lines(series: dict[str, list[tuple[int, float]]]) -> None:
    svg = lines("Title", "seconds", series, Unit.SECONDS)
    found = texts(svg)
    assert "in proportion to assets" in found
    heights = [
        float(y)
        for y, text in re.findall(r'<text x="[\d.]+" y="([\d.]+)">([^<]*)<', svg)
        if "grpc" in text or "start" in text
    ]
    assert all(abs(one - other) >= 14 for one, other in pairwise(heights))


def named(picture: Bars | Lines) -> set[str]:
    if isinstance(picture, Lines):
        return {picture.figure}
    return {name for _, name, _ in picture.groups}


@pytest.fixture(scope="module")
def committed() -> Results:
    """What the page shows."""
    return from_json((DOCS / "benchmarks.json").read_text("utf-8"))


def test_the_page_is_made_of_the_numbers_beside_it(committed: Results, tmp_path: Path) -> None:
    write(committed, tmp_path)
    for made in sorted(path for path in tmp_path.rglob("*") if path.is_file()):
        kept = DOCS / made.relative_to(tmp_path)
        assert made.read_text("utf-8") == kept.read_text("utf-8"), (
            f"{kept}: see bench/comparison/page.py"
        )


def test_every_workload_was_measured(committed: Results) -> None:
    assert [part.workload for part in committed.parts] == list(WORKLOADS)
    assert not committed.failed
    assert not committed.quick


def test_every_aim_and_every_chart_is_about_a_figure_that_there_is(committed: Results) -> None:
    there = {(each.name, each.location) for each in committed.figures}
    wanted = {
        (name, at) for aim in AIMS if not aim.optional for name in aim.names for at in aim.places
    }
    assert wanted <= there
    names = {name for name, _ in there}
    assert {name for picture in PICTURES for name in named(picture)} <= names
    assert len(list((DOCS / "pictures").glob("bench-*.svg"))) == len(PICTURES)
