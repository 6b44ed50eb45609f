"""Which of many assets `codeserver graph` draws."""

from __future__ import annotations

from itertools import pairwise

import pytest

from codeserver.api import v1
from codeserver.cli.commands.graph import _of_assets, _Wish
from codeserver.cli.printing.failures import Failure
from codeserver.client.asset_graph import AssetGraph

NONE = _Wish(None, None, False)


def chain(count: int) -> AssetGraph:
    keys = [f"a{number:03}" for number in range(count)]
    groups = ["first"] * (count - 1) + ["last"]
    assets = [v1.Asset(key=key, group=group) for key, group in zip(keys, groups, strict=True)]
    edges = [v1.AssetEdge(from_key=one, to_key=next_) for one, next_ in pairwise(keys)]
    return AssetGraph(assets, edges, 1)


@pytest.mark.parametrize(
    ("count", "wish", "form", "cards"),
    [
        (100, NONE, "svg", 100),
        (101, NONE, "svg", 2),
        (101, NONE, "mermaid", 2),
        (101, NONE, "dot", 2),
        (101, NONE, "tree", 101),
        (101, NONE, "json", 101),
        (101, _Wish(None, None, True), "svg", 101),
        (101, _Wish(None, 99, False), "svg", 100),
        (201, _Wish("first", None, False), "svg", 201),
        (201, _Wish("last", None, False), "svg", 2),
    ],
)
def test_a_picture_of_many_assets_has_their_groups(
    count: int, wish: _Wish, form: str, cards: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert len(_of_assets(chain(count), wish, form).nodes) == cards
    said = (
        "101 assets are drawn as 2 groups: --group NAME draws the assets of one, --expand draws "
        "all.\n"
    )
    assert capsys.readouterr().err == (said if cards == 2 and wish == NONE else "")


def test_a_group_that_there_is_not() -> None:
    with pytest.raises(Failure, match='no group "nope" among these assets; there is first, last'):
        _of_assets(chain(3), _Wish("nope", None, False), "svg")
