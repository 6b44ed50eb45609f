"""When garbage is looked for in a pod."""

from __future__ import annotations

import gc

from codeserver.dagster_command import collecting


def test_collecting_seldom() -> None:
    before = gc.get_threshold()
    try:
        as_before = collecting.seldom()
        assert gc.get_threshold() != before
        as_before()
        assert gc.get_threshold() == before

        as_before = collecting.seldom()
        gc.set_threshold(12, 3, 4)
        as_before()
        assert gc.get_threshold() == (12, 3, 4), "somebody has set it"

        gc.set_threshold(0, 3, 4)
        collecting.seldom()()
        assert gc.get_threshold() == (0, 3, 4), "it is off"
    finally:
        gc.set_threshold(*before)
