"""Names of files that are no valid text."""

from __future__ import annotations

import os

import pytest

from codeserver.letters import as_path, clean


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("plain größe", "plain größe"),
        ("größe".encode().decode("ascii", "surrogateescape"), "größe"),
        (b"gr\xf6sse".decode(errors="surrogateescape"), "gr\ufffdsse"),
        ("half \ud83d", "half ?"),
    ],
    ids=["text", "UTF-8 that the locale has not", "Latin-1", "half of a pair"],
)
def test_clean(text: str, cleaned: str) -> None:
    assert clean(text) == cleaned


def test_the_path_of_a_clean_name() -> None:
    assert as_path("größe.py") == os.fsdecode("größe.py".encode())
