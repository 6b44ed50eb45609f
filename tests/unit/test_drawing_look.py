"""Pictures in programs that do not read all of CSS."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest

from codeserver.drawing import svg
from tests.unit.golden.samples import SAMPLES

SVG = "{http://www.w3.org/2000/svg}"


@pytest.mark.parametrize("name", SAMPLES)
def test_a_picture_has_its_light_colours_in_attributes(name: str) -> None:
    root = ElementTree.fromstring(svg(SAMPLES[name]()))

    (style,) = root.iter(f"{SVG}style")
    assert "var(" not in str(style.text)
    assert not re.search(r"#\w{8}", str(style.text)), "a transparent colour that few know"
    assert root.get("fill")
    assert all(each.get("fill") for each in root.iter(f"{SVG}rect"))
    lines = [each for each in root.iter(f"{SVG}g") if "edge" in each.get("class", "")]
    assert all((each.get("fill"), bool(each.get("stroke"))) == ("none", True) for each in lines)
    assert all(each.get("fill") for each in root.iter(f"{SVG}marker"))
