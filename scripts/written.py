"""Generated files that are committed."""

from __future__ import annotations

import sys
from pathlib import Path


def write_or_check(file: Path, text: str, command: str) -> int:
    """Write the text to the file, or with `--check` only compare them; returns the exit code.

    Args:
        file: the generated file.
        text: its current content.
        command: the command that writes it, for the message.
    """
    if "--check" not in sys.argv:
        file.write_text(text, "utf-8")
        return 0
    if file.exists() and file.read_text("utf-8") == text:
        return 0
    print(f"{file.name} is not as the code says; run `{command}`.", file=sys.stderr)
    return 1
