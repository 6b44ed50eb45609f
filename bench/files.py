"""Saving files as an editor does."""

from __future__ import annotations

import os
from pathlib import Path


class Draft:
    """A new content for a file, written beside it already.

    Args:
        path: the file.
        text: what it will say.
    """

    def __init__(self, path: Path, text: str) -> None:
        self._path = path
        self._beside = path.with_suffix(".new")
        self._beside.write_text(text, "utf-8")

    def save(self) -> None:
        """Replace the file by it, so that readers see one or the other."""
        os.replace(self._beside, self._path)
