"""Drawings are as they were looked at and found good. UPDATE_GOLDEN=1 writes them anew."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from codeserver.drawing import Diagram, dot, mermaid, svg, text, to_json
from tests.unit.golden.samples import SAMPLES

GOLDEN = Path(__file__).parent / "golden"

FORMATS: Mapping[str, Callable[[Diagram], str]] = {
    "txt": text,
    "mmd": mermaid,
    "dot": dot,
    "svg": svg,
    "json": to_json,
}


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("name", SAMPLES)
def test_a_drawing_is_as_it_should_be(name: str, form: str) -> None:
    drawn = FORMATS[form](SAMPLES[name]())
    file = GOLDEN / f"{name}.{form}"
    if os.environ.get("UPDATE_GOLDEN") == "1":
        file.write_text(drawn, encoding="utf-8")
    assert drawn == file.read_text(encoding="utf-8")


@pytest.mark.parametrize("form", FORMATS)
def test_an_empty_diagram_can_be_drawn(form: str) -> None:
    drawn = FORMATS[form](Diagram("nothing", (), ()))
    assert drawn.endswith("\n")


def test_the_text_is_the_same_for_whoever_reads_it(monkeypatch: pytest.MonkeyPatch) -> None:
    expected = text(SAMPLES["nightly"]())
    for name, value in (("FORCE_COLOR", "1"), ("COLUMNS", "20"), ("TERM", "dumb")):
        monkeypatch.setenv(name, value)
    assert text(SAMPLES["nightly"]()) == expected
    assert "\x1b" not in expected
