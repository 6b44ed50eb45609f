"""How a process ended, in words that follow its name."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from codeserver.supervisor.processes import exits
from codeserver.supervisor.processes.exits import OomKills, explain_exit, ran_out_of_memory

Kills = Callable[[int], None]


@pytest.fixture(autouse=True)
def kills(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Kills:
    """Sets how many processes the kernel has ended for want of memory."""
    file = tmp_path / "memory.events"
    file.write_text("oom_kill 0\n")
    monkeypatch.setattr(exits, "_oom_kills", OomKills([file]))
    return lambda count: file.write_text(f"oom_kill {count}\n") and None


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (None, "ended, and nobody saw how"),
        (0, "exited with code 0"),
        (1, "exited with code 1"),
        (137, "exited with code 137"),
        (255, "exited with code 255"),
        (-signal.SIGSEGV, "was killed by signal 11 (SIGSEGV)"),
        (-signal.SIGTERM, "was killed by signal 15 (SIGTERM)"),
        (-signal.SIGKILL, "was killed by signal 9 (SIGKILL)"),
        (-63, "was killed by signal 63"),
    ],
)
def test_explain_exit(kills: Kills, code: int | None, words: str) -> None:
    assert explain_exit(code) == words
    assert not ran_out_of_memory(code)
    kills(1)
    killed = code == -signal.SIGKILL
    assert explain_exit(code) == (f"{words}: out of memory" if killed else words)
    assert ran_out_of_memory(code) is killed, "asked again about the same process"
