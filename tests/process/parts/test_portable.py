"""A run without the ways of Linux proves something, or does not start."""

from __future__ import annotations

import os

import pytest

from tests.support.portable import refuse_an_empty_proof


def test_a_mode_whose_hook_is_not_in_effect_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CODESERVER_TEST_PORTABLE", os.devnull)
    with pytest.raises(pytest.UsageError, match="the ways of Linux are there: run `make test-po"):
        refuse_an_empty_proof()


def test_the_mode_of_this_run_is_in_effect_or_not_asked_for() -> None:
    refuse_an_empty_proof()
