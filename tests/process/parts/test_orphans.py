"""Letting go of children that nobody waits for.

Each case is a fork of its own of one process, because it has children of its own.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

import codeserver
from tests.support.eventually import PATIENCE
from tests.support.portable import needs_linux

pytestmark = needs_linux("process 1 is not a server elsewhere")

PROGRAM = """
import asyncio, json, os, signal, sys, traceback
from codeserver.supervisor.processes import orphans

def child(code=0):
    '''A child that has ended, and that nobody has asked about.'''
    pid = os.fork()
    if pid == 0:
        os._exit(code)
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    return pid

def living():
    pid = os.fork()
    if pid == 0:
        signal.pause()
    return pid

def end(pid):
    os.kill(pid, signal.SIGKILL)
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)

def is_there(pid):
    try:
        os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT | os.WNOHANG)
    except ChildProcessError:
        return False
    return True

results = {}
for name, program in json.load(sys.stdin).items():
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.dup2(writer, 1)
        os.dup2(writer, 2)
        code = 1
        try:
            exec(program)
            code = 0
        except BaseException:
            traceback.print_exc()
        sys.stdout.flush()
        os._exit(code)
    os.close(writer)
    with open(reader) as output:
        text = output.read().strip()
    os.waitpid(pid, 0)
    results[name] = text
print(json.dumps(results))
"""


CASES = {
    "no children": ("orphans.reap(); print('fine')", "fine"),
    "adopted ones": (
        "all = [child(), child(3), child()]\norphans.reap(); print([is_there(pid) for pid in all])",
        "[False, False, False]",
    ),
    "one that lives is left alone": (
        "pid = living(); orphans.reap(); print(is_there(pid))\n"
        "end(pid); orphans.reap(); print(is_there(pid))",
        "True\nFalse",
    ),
    "one that somebody waits for": (
        "pid = child(7); orphans.expect(pid)\n"
        "orphans.reap(); print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))",
        "7",
    ),
    "others, before and after it has been waited for": (
        "pid = child(7); orphans.expect(pid); others = [child(), child()]\n"
        "orphans.reap(); os.waitpid(pid, 0); orphans.has_been_waited_for(pid)\n"
        "orphans.reap(); print([is_there(pid) for pid in others])",
        "[False, False]",
    ),
    "an expected one that lives holds nobody up": (
        "pid = living(); orphans.expect(pid); other = child()\n"
        "orphans.reap(); print(is_there(pid), is_there(other))\n"
        "end(pid); orphans.reap(); print(is_there(pid)); os.waitpid(pid, 0)",
        "True False\nTrue",
    ),
    "whose number is used again": (
        "pid = child(); orphans.expect(pid); orphans.has_been_waited_for(pid)\n"
        "orphans.reap(); print(is_there(pid))",
        "False",
    ),
    "who was never expected": ("orphans.has_been_waited_for(12345); print('fine')", "fine"),
}


UNTIL_ASKED = """
before = signal.getsignal(signal.SIGCHLD)
pid = child(5)
orphans.has_been_waited_for(12345)
assert signal.getsignal(signal.SIGCHLD) == before
print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
"""
"""A program that embeds the front has children of its own."""

ADOPTED = """
async def main():
    reap, reaped = orphans.reap, asyncio.Event()
    orphans.reap = lambda: (reap(), reaped.set())

    async def gone(pid):
        while True:
            reaped.clear()
            if not os.path.exists(f"/proc/{{pid}}"):
                return
            await reaped.wait()

    orphans.adopt_orphans()
    reader, writer = os.pipe()
    middle = os.fork()
    if middle == 0:
        os.setsid()
        name = {name!r}
        with open("/proc/self/comm", "w") as comm:
            comm.write(name)
        stranger = os.fork()
        if stranger == 0:
            signal.pause()
        os.write(writer, str(stranger).encode())
        os._exit(0)
    stranger = int(os.read(reader, 20))
    await gone(middle)
    if {ends}:
        await gone(stranger)
    print(os.path.exists(f"/proc/{{stranger}}"))
    if not {ends}:
        os.kill(stranger, signal.SIGKILL)
        await gone(stranger)

asyncio.run(main())
"""
"""A process starts another one and dies. Both are reaped at their ends."""

LATER_THAN_THE_LOOP = """
async def main():
    orphans.adopt_orphans()

asyncio.run(main())
child()
print("fine")
"""
"""The front's loop is closed, and it is about to end. So does a process that it has adopted."""

CASES["nothing is reaped by itself until that is asked for"] = (UNTIL_ASKED, "5")
CASES["one that ends later than the event loop"] = (LATER_THAN_THE_LOOP, "fine")
if sys.platform == "linux":
    CASES["what an evaluator has started ends with it"] = (
        ADOPTED.format(name="codeserver eval", ends=True),
        "False",
    )
    CASES["what a run has started goes on"] = (
        ADOPTED.format(name="codeserver run", ends=False),
        "True",
    )


@pytest.fixture(scope="module")
def results() -> dict[str, str]:
    """What each case prints."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        input=json.dumps({name: program for name, (program, _) in CASES.items()}),
        check=False,
        capture_output=True,
        text=True,
        cwd=Path(codeserver.__file__).parents[1],
        timeout=PATIENCE,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, str] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize("name", CASES)
def test_reap(results: dict[str, str], name: str) -> None:
    assert results[name] == CASES[name][1]
