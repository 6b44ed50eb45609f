"""How a process ended, in words that follow its name."""

from __future__ import annotations

import signal

import pytest

from codeserver.supervisor.exits import explain_exit


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (None, "ended, and nobody saw how"),
        (0, "exited with code 0"),
        (1, "exited with code 1"),
        (255, "exited with code 255"),
        (-signal.SIGSEGV, "was killed by signal 11 (SIGSEGV)"),
        (-signal.SIGTERM, "was killed by signal 15 (SIGTERM)"),
        (
            -signal.SIGKILL,
            "was killed by signal 9 (SIGKILL), as the kernel does when memory runs out",
        ),
        (-63, "was killed by signal 63"),
    ],
)
def test_explain_exit(code: int | None, words: str) -> None:
    assert explain_exit(code) == words
