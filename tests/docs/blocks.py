"""The blocks of code in the documents, and the commands in them."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent

DOCUMENTS = sorted(
    path.relative_to(ROOT)
    for path in (
        *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md")),
        *ROOT.glob("docs/*.md"),
        *ROOT.glob("example_user_code/*.md"),
    )
)

_BLOCK = re.compile(r"^```(?P<language>\w+)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    """A fenced block.

    Attributes:
        document: which it is in.
        line: where it begins there.
        language: what it says it is.
    """

    document: Path
    line: int
    language: str
    text: str

    def __str__(self) -> str:
        return f"{self.document}:{self.line}"


def blocks(language: str) -> list[Block]:
    """Every block in this language, in every document."""
    found = []
    for document in DOCUMENTS:
        text = (ROOT / document).read_text("utf-8")
        for match in _BLOCK.finditer(text):
            if match["language"] == language:
                line = text.count("\n", 0, match.start()) + 1
                found.append(Block(document, line, language, match["text"]))
    return found


def commands() -> list[tuple[str, str]]:
    """Every command of a shell in the documents, with its place."""
    return [(str(block), command) for block in blocks("sh") for command in _commands(block.text)]


def _commands(text: str) -> Iterator[str]:
    for line in text.replace("\\\n", " ").splitlines():
        words = shlex.split(line, comments=True)
        if words:
            yield shlex.join(words)
