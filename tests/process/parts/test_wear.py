"""Whether an evaluator is still what it was when it started.

Each case is a process of its own, because it changes what a process has for itself.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import codeserver
from codeserver.system import IS_LINUX

PROGRAM = """
import os, resource, signal, sys, threading
from codeserver.worker.process.wear import Wear

lives, alive = os.pipe()

def fork(number):
    for _ in range(number):
        if not (pid := os.fork()):
            os.close(alive)
            os.read(lives, 1)  # ends with its parent
            os._exit(0)
        yield pid

def end(pids):
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
        if hasattr(os, "waitid"):
            os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
        yield pid

wear = Wear({max_growth})
assert wear.reason() is None, "at the start: " + str(wear.reason())
{deed}
print(wear.reason())
sys.stdout.flush()
os._exit(0)
"""

WORN = {
    "nothing": ("pass", "None"),
    "another folder": ("os.chdir('/')", "it has changed its working directory"),
    "a folder that is removed": (
        "os.mkdir('gone'); os.chdir('gone'); os.rmdir('../gone')",
        "it has changed its working directory",
    ),
    "another folder and back": ("here = os.getcwd(); os.chdir('/'); os.chdir(here)", "None"),
    "the mask of new files": ("os.umask(0o700)", "it has changed its file mode mask"),
    "a new variable": ("os.environ['NEW'] = '1'", "it has changed its environment"),
    "a changed variable": ("os.environ['HOME'] = '/nowhere'", "it has changed its environment"),
    "a removed variable": ("del os.environ['HOME']", "it has changed its environment"),
    "a variable that is put back": ("os.environ['N'] = '1'; del os.environ['N']", "None"),
    "a handler of a signal": (
        "signal.signal(signal.SIGALRM, lambda *_: None)",
        "it has changed its signal handlers",
    ),
    "a signal that is ignored": (
        "signal.signal(signal.SIGCHLD, signal.SIG_IGN)",
        "it has changed its signal handlers",
    ),
    "a signal that is blocked": (
        "signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGWINCH])",
        "it has changed its blocked signals",
    ),
    "a signal that was blocked": (
        "was = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGWINCH])\n"
        "signal.pthread_sigmask(signal.SIG_SETMASK, was)",
        "None",
    ),
    **{
        f"a timer of {kind}": (
            f"signal.setitimer(signal.ITIMER_{kind}, 3600)",
            "it has changed its timers",
        )
        for kind in ("REAL", "VIRTUAL", "PROF")
    },
    "a timer that is taken back": (
        "signal.setitimer(signal.ITIMER_REAL, 3600); signal.setitimer(signal.ITIMER_REAL, 0)",
        "None",
    ),
    "a few files": ("kept = [open(os.devnull) for _ in range(64)]", "None"),
    "many files": (
        "kept = [open(os.devnull) for _ in range(65)]",
        "it has left 65 files open",
    ),
    "a thread": (
        "threading.Thread(target=threading.Event().wait, name='mine', daemon=True).start()",
        "it has left threads running: mine",
    ),
    "a thread that has ended": (
        "thread = threading.Thread(target=int); thread.start(); thread.join()",
        "None",
    ),
    "children that are waited for": ("[os.wait() for _ in end(fork(65))]", "None"),
    "a few children that have ended": ("list(end(fork(64)))", "None"),
    "many children that have ended": (
        "list(end(fork(65)))",
        "it has left 65 child processes" if IS_LINUX else "None",
    ),
    "many children that live": ("list(fork(65))", "None"),
    **(
        {"memory": ("kept = b'x' * (40 << 20)", r"it has grown by (39|4\d) MiB")}
        if IS_LINUX
        else {}
    ),
    "memory that is given back": ("b'x' * (40 << 20)", "None"),
}


def reason(deed: str, folder: Path, max_growth: int = 30 << 20) -> str:
    """What is said about a process that has done this."""
    env = {**os.environ, "PYTHONPATH": str(Path(codeserver.__file__).parents[1]), "HOME": "/x"}
    program = PROGRAM.format(deed=deed, max_growth=max_growth)
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program],
        check=False,
        capture_output=True,
        text=True,
        env=env,
        cwd=folder,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.parametrize(("deed", "expected"), WORN.values(), ids=WORN)
def test_what_wears(tmp_path: Path, deed: str, expected: str) -> None:
    said = reason(deed, tmp_path)
    assert re.fullmatch(expected, said), said


def test_memory_without_a_limit(tmp_path: Path) -> None:
    assert reason("kept = b'x' * (40 << 20)", tmp_path, max_growth=0) == "None"
