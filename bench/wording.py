"""Numbers and texts for people."""

from __future__ import annotations

_LONGEST = 160


def shorten(text: str, longest: int = _LONGEST) -> str:
    """The beginning of it, on one line."""
    line = " ".join(text.split())
    return line if len(line) <= longest else line[: longest - 1] + "…"


def seconds(value: float) -> str:
    """A duration, for people."""
    return f"{value * 1000:.0f} ms" if value < 0.1 else f"{value:.1f} s"


def megabytes(value: float) -> str:
    """A size, for people."""
    return f"{value / 1e6:.0f} MB"


def one_line(docstring: str | None) -> str:
    """A docstring without its line breaks."""
    return " ".join((docstring or "").split())
