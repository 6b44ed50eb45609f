"""What a run of the benchmarks has found: ratios, numbers for people, and JSON."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from bench.results import (
    Figure,
    Note,
    Part,
    Place,
    Results,
    Unit,
    advantage,
    as_json,
    better,
    from_json,
    rounded,
)
from bench.tables import in_times, in_unit, of_notes, of_part


def figure(server: str, *samples: float, more: bool = False, name: str = "it") -> Figure:
    unit = Unit.PER_SECOND if more else Unit.SECONDS
    return Figure(name, "example", server, unit, samples, more_is_better=more)


def results(*found: Figure) -> Results:
    part = Part("workload", "What it is about", "How: a | b.\n\nIn two paragraphs.", found)
    return Results("now", {"cpu": "one"}, False, {"example": Place("the example", 4)}, [part])


def cells(table: str) -> list[list[str]]:
    """The cells of a table in Markdown, with its columns first."""
    columns, _, *rows = table.splitlines()
    return [[cell.strip() for cell in row[1:-1].split(" | ")] for row in (columns, *rows)]


PART = Part("workload", "What it is about", "How.", [])
NOTES = [
    Note("a crash", "api", "is gone"),
    Note("a crash", "ours", "works on"),
    Note("a hang", "ours", "works on"),
]


@pytest.mark.parametrize(
    ("ours", "other", "more", "expected"),
    [
        (1, 20, False, 20),
        (20, 1, False, 0.05),
        (20, 1, True, 20),
        (1, 20, True, 0.05),
        (0, 1, False, math.inf),
        (1, 0, False, 0),
        (1, 0, True, math.inf),
        (0, 0, False, None),
        (-1, 2, False, None),
        (1, -2, False, None),
    ],
)
def test_advantage(ours: float, other: float, more: bool, expected: float | None) -> None:
    found = advantage(figure("ours", ours, more=more), figure("api", other, more=more))
    assert found == expected


def test_the_better_server_is_the_one_with_the_better_median() -> None:
    slow, fast = figure("api", 1, 5, 6), figure("code-server", 2, 3, 900)
    assert better([slow, fast]) is fast
    assert better([figure("api", 1, more=True), figure("code-server", 2, more=True)]) == (
        figure("code-server", 2, more=True)
    )
    assert better([]) is None


@pytest.mark.parametrize(
    ("value", "unit", "expected"),
    [
        (0, Unit.SECONDS, "0 s"),
        (0.0004, Unit.SECONDS, "400 µs"),
        (0.0099999, Unit.SECONDS, "10.0 ms"),
        (0.1234, Unit.SECONDS, "123 ms"),
        (1.2345, Unit.SECONDS, "1.23 s"),
        (123.4, Unit.SECONDS, "123 s"),
        (1_234_000, Unit.BYTES, "1.2 MB"),
        (-300_000, Unit.BYTES, "-0.3 MB"),
        (441_200_000, Unit.BYTES, "441 MB"),
        (12345.6, Unit.PER_SECOND, "12,346 /s"),
        (0.98, Unit.PER_SECOND, "0.98 /s"),
        (3, Unit.CALLS, "3 calls"),
        (12.34, Unit.PERCENT, "12.3 %"),
    ],
)
def test_numbers_for_people(value: float, unit: Unit, expected: str) -> None:
    assert in_unit(value, unit) == expected


@pytest.mark.parametrize(
    ("ratio", "expected"),
    [(0.5, "0.50 x"), (1.234, "1.23 x"), (2.5, "2.5 x"), (9.96, "10 x"), (1234, "1,234 x")],
)
def test_ratios_for_people(ratio: float, expected: str) -> None:
    assert in_times(ratio) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [(0.00123456, 0.001235), (12.3456, 12.35), (123456.7, 123500), (-1.23456, -1.235), (0, 0)],
)
def test_rounded(value: float, expected: float) -> None:
    assert rounded(value) == expected


def test_a_table_has_a_row_for_each_figure_and_a_column_for_each_server() -> None:
    (part,) = results(
        figure("code-server", 8),
        figure("api", 4, 5, 9),
        figure("ours", 1),
        figure("echo", 2, name="alone"),
    ).parts
    servers = ["codeserver grpc", "dagster api grpc", "dagster code-server start"]
    assert cells(of_part(part, spread=True)) == [
        ["figure", "location", *servers, "bare gRPC server", "times better"],
        ["it", "example", "1.00 s", "5.00 s (4.00 s to 9.00 s)", "8.00 s", "", "5.0 x"],
        ["alone", "example", "", "", "", "2.00 s", ""],
    ]


def test_what_is_about_the_client_has_no_ratio() -> None:
    name = "load, client CPU"
    (part,) = results(figure("ours", 1, name=name), figure("api", 2, name=name)).parts
    assert cells(of_part(part))[1:] == [[name, "example", "1.00 s", "2.00 s", ""]]


def test_json_is_read_as_it_was_written() -> None:
    written = results(figure("ours", 1.5, 2.25), figure("api", 3, more=True, name="other"))
    text = as_json(written)
    assert as_json(from_json(text)) == text
    read = from_json(text)
    assert (read.places, read.machine) == (written.places, written.machine)
    assert [part.how for part in read.parts] == [part.how for part in written.parts]
    assert [(each.name, list(each.samples)) for each in read.figures] == [
        ("it", [1.5, 2.25]),
        ("other", [3]),
    ]
    lines = text.splitlines()
    assert sum('"samples"' in line for line in lines) == 2, "a figure a line"


def test_notes_are_kept_and_shown_by_what_happens_and_by_server() -> None:
    written = Results("now", {}, False, {}, [replace(PART, notes=NOTES, machine={"cpu": "one"})])
    (part,) = from_json(as_json(written)).parts
    assert (list(part.notes), part.machine) == (NOTES, {"cpu": "one"})
    assert cells(of_notes(part)) == [
        ["event", "`codeserver grpc`", "`dagster api grpc`"],
        ["a crash", "works on", "is gone"],
        ["a hang", "works on", ""],
    ]
