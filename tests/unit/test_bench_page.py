"""What is aimed for, and the page and the charts that show it."""

from __future__ import annotations

import re
import shutil
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree

import pytest

from bench import aims
from bench.aims import AIMS, Aim, outcomes
from bench.charts import PICTURES, bars, lines
from bench.page import DOCS, page, with_sections, write
from bench.results import Figure, Note, Results, Unit, from_json
from bench.runner import WORKLOADS
from tests.unit.test_bench_results import figure, results

SVG = "{http://www.w3.org/2000/svg}"


def aim(**changes: object) -> Aim:
    given = {"what": "it", "wanted": "so much", "names": ["it"]}
    return Aim(**{**given, "places": ["example"], **changes})  # type: ignore[arg-type]


def reached(aim: Aim, *found: Figure) -> bool | None:
    (outcome,) = outcomes(results(*found), [aim])
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
    (outcome,) = outcomes(results(*found), [aim(times=20, names=["it", "other"])])
    assert outcome.closest
    assert (outcome.closest.ours.name, outcome.closest.margin) == ("other", 3 / 20)


def test_what_is_optional_is_left_out_when_it_was_not_measured() -> None:
    assert outcomes(results(OURS, API), [aim(ours="baked", optional=True)]) == []
    (outcome,) = outcomes(results(OURS, API), [aim(ours="baked")])
    assert outcome.missing == ["it (example)"]


def test_a_reason_is_given_when_and_only_when_an_aim_is_missed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def shown(ours: float, **reason: str) -> str:
        monkeypatch.setattr(aims, "AIMS", [aim(times=20, **reason)])
        return page(results(figure("ours", ours), API), [])

    assert "- it: for a reason." in shown(2, reason="for a reason")
    assert "for a reason" not in shown(1, reason="for a reason")
    assert "- it: no reason is known." in shown(2)


def texts(svg: str) -> list[str]:
    root = ElementTree.fromstring(svg)
    assert root.get("role") == "img"
    labels = (root.get("aria-labelledby") or "").split()
    assert [each.get("id") for each in root if each.get("id") in labels] == labels
    return [each.text or "" for each in root.iter() if each.tag in (f"{SVG}text", f"{SVG}desc")]


def test_bars() -> None:
    groups = {"one": [OURS, API], "two": [figure("ours", 0)]}
    svg = bars("A <title>", "s & s", groups)
    found = texts(svg)
    assert {"A <title>", "s & s", "one", "codeserver grpc", "1.00 s", "30.0 s", "0 s"} <= {*found}
    paths = re.findall(r'd="M ([\d.]+) [\d.]+L ([\d.]+) [^"]*" style="fill: #[0d]', svg)
    ends = [(float(begin), float(end)) for begin, end in paths]
    ours, api, nothing = (end - begin for begin, end in ends)
    assert ours == pytest.approx(api / 30, abs=0.2)
    assert nothing > 0
    assert bars("A <title>", "s & s", groups) == svg


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
    assert "in proportion to assets" in texts(svg)
    heights = [
        float(y)
        for y, text in re.findall(r'<text [^>]*y="([\d.]+)"[^>]*>([^<]*)<', svg)
        if ", " in text or "proportion" in text
    ]
    assert len(heights) == len(series) + 1
    assert all(abs(one - other) >= 12 for one, other in pairwise(sorted(heights)))


def test_a_chart_has_colours_for_dark_pages_and_no_date() -> None:
    svg = bars("Title", "seconds", {"one": [OURS, API, ECHO]})
    light, dark = svg.split("prefers-color-scheme:dark)")[1].split("</style>", 1)[::-1]
    colours = set(re.findall(r"#[0-9a-f]{6}", light))
    assert colours == set(re.findall(r'"\w+: (#[0-9a-f]{6})"', dark))
    assert len(svg) < 5000
    assert "<dc:date>" not in svg


def test_a_section_is_made_of_what_was_measured_for_it() -> None:
    (part,) = results().parts
    machine, notes = {"cpu": "two"}, [Note("a | crash", "ours", "works on")]
    measured = replace(part, machine=machine, notes=notes, when="today")
    page = "before\n<!-- bench: workload -->\nold\n<!-- end of bench -->\nafter\n"
    assert with_sections(page, replace(results(), parts=[part])) == page
    made = with_sections(page, replace(results(), parts=[measured]))
    assert "| a / crash | works on |\n\nMeasured on today with cpu two.\n" in made
    assert (made[:7], made[-7:], "old" in made) == ("before\n", "\nafter\n", False)


@pytest.fixture(scope="module")
def committed() -> Results:
    """What the page shows."""
    return from_json((DOCS / "benchmarks.json").read_text("utf-8"))


def test_the_pages_are_made_of_the_numbers_beside_them(committed: Results, tmp_path: Path) -> None:
    for kept in DOCS.glob("*.md"):
        shutil.copy(kept, tmp_path)
    write(committed, tmp_path)
    for made in sorted(path for path in tmp_path.rglob("*") if path.is_file()):
        kept = DOCS / made.relative_to(tmp_path)
        text, expected = made.read_text("utf-8"), kept.read_text("utf-8")
        if made.suffix == ".svg":  # whose lines are as that version of matplotlib draws them
            text, expected = sorted(texts(text)), sorted(texts(expected))
        assert text == expected, f"{kept}: see `python -m bench --render docs/benchmarks.json`"


def test_what_the_page_shows_was_measured_by_workloads_that_there_are(committed: Results) -> None:
    shown = [part.workload for part in committed.parts]
    assert shown == [name for name in WORKLOADS if name in shown]
    assert not committed.failed
    assert not committed.quick


def test_every_aim_and_every_chart_is_about_a_figure_that_there_is(committed: Results) -> None:
    there = {(each.name, each.location) for each in committed.figures}
    wanted = {
        (name, at) for aim in AIMS if not aim.optional for name in aim.names for at in aim.places
    }
    assert wanted <= there
    names = {name for name, _ in there}
    assert {name for picture in PICTURES for _, name, _ in picture.groups} <= names
    assert len(list((DOCS / "pictures").glob("bench-*.svg"))) == len(PICTURES)
