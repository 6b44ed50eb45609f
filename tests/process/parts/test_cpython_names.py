"""Private names and habits of CPython that the worker side needs: each is there and does its work.

The next version of Python may lack any of them. `leaving` and `steps.forking` say the loss then.
"""

from __future__ import annotations

import ast
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

import codeserver
from tests.support.eventually import PATIENCE

SOURCES = Path(codeserver.__file__).parent

NAMES = {
    # worker/process/leaving.py
    "atexit._run_exitfuncs": """
        atexit.register(print, "done")
        atexit._run_exitfuncs()
        leave()
    """,
    "threading._shutdown": """
        pool = concurrent.futures.ThreadPoolExecutor(1)
        pool.submit(print, "done")
        threading._shutdown()  # would wait for ever if it did not tell the pool
        assert not [each for each in pool._threads if each.is_alive()]
        leave()
    """,
    "weakref.finalize._registry": """
        kept = type("Kept", (), {})()
        weakref.finalize(kept, print, "wrong")
        for each in list(weakref.finalize._registry):
            each.atexit = False
        print("done")
    """,
    "multiprocessing.util._finalizer_registry": """
        multiprocessing.util.Finalize(None, print, ("wrong",), exitpriority=1)
        multiprocessing.util._finalizer_registry.clear()
        print("done")
    """,
    "multiprocessing.process._children": """
        child = multiprocessing.get_context("fork").Process(target=os._exit, args=(0,))
        child.start()
        assert child in multiprocessing.process._children
        multiprocessing.process._children.clear()
        assert multiprocessing.active_children() == []
        print("done")
    """,
    "multiprocessing.forkserver._forkserver": """
        server = multiprocessing.forkserver._forkserver
        multiprocessing.get_context("forkserver").Process(target=print, args=("done",)).start()
        assert min(server._forkserver_pid, server._forkserver_alive_fd) > 0
        assert server._forkserver_address
    """,
    # worker/steps
    "multiprocessing.resource_tracker._resource_tracker": """
        reader, writer = os.pipe()
        multiprocessing.resource_tracker._resource_tracker._fd = writer
        assert multiprocessing.resource_tracker.getfd() == writer
        assert b"PROBE" in os.read(reader, 100)
        print("done", flush=True)
        leave()
    """,
    "multiprocessing.process.BaseProcess._bootstrap": """
        child = multiprocessing.get_context("spawn").Process(target=print, args=("done",))
        assert child._bootstrap(parent_sentinel=os.pipe()[0]) == 0
        leave()
    """,
    "multiprocessing.context.SpawnProcess._Popen": """
        class Child(multiprocessing.context.SpawnProcess):
            _Popen = staticmethod(lambda child: print("done") or types.SimpleNamespace(sentinel=5))
        child = Child()
        child.start()
        assert child.sentinel == 5
        leave()
    """,
    "multiprocessing.popen_fork.Popen._launch": """
        class Popen(multiprocessing.popen_fork.Popen):
            def _launch(self, child):
                print(child)
        assert Popen("done").returncode is None
    """,
    "multiprocessing.context.set_spawning_popen": """
        popen = types.SimpleNamespace(duplicate_for_child=str, DupFd="done {}".format)
        multiprocessing.context.set_spawning_popen(popen)
        assert multiprocessing.reduction.DupFd(5) == "done 5"
        print("done")
    """,
    "multiprocessing.spawn.get_preparation_data": """
        multiprocessing.spawn.prepare(multiprocessing.spawn.get_preparation_data("done"))
        print(multiprocessing.current_process().name)
    """,
    # worker/loading/footprint.py, worker/rehearsal/{looks,witness}.py
    "sys._getframe": """
        def hear(event, arguments):
            if event == "os.listdir":
                files.add(sys._getframe(1).f_code.co_filename)
        files = set()
        sys.addaudithook(hear)
        importlib.invalidate_caches()
        import wave
        assert any(each.startswith("<frozen importlib") for each in files), files
        print("done")
    """,
    # worker/process/fork_safety.py
    "sys._current_frames": """
        assert sys._current_frames()[threading.get_ident()] is sys._getframe()
        print("done")
    """,
    # worker/process/wear.py
    "os.environ._data": """
        os.environ["A"] = "1"
        assert os.environ._data[b"A"] == b"1"
        print("done")
    """,
    # worker/process/unwritten.py
    "io.IOBase.__mro__": """
        assert issubclass(type(sys.stdout), io.IOBase.__mro__[1])
        assert not issubclass(dict, io.IOBase.__mro__[1])
        print("done")
    """,
    # worker/rehearsal
    "_random.Random": """
        assert issubclass(random.Random, _random.Random)
        assert random.Random.seed.__code__.co_varnames[1] == "a"
        assert type(random.random.__self__) is random.Random
        print("done")
    """,
    "functools._lru_cache_wrapper": """
        assert type(functools.lru_cache(print)).__name__ == "_lru_cache_wrapper"
        assert functools.cached_property.__name__ == "cached_property"
        print("done")
    """,
    "code.co_code": """
        from codeserver.worker.rehearsal.calls import _positional_arguments
        def hear(frame, event, function):
            if event == "c_call" and function is time.localtime:
                found.append(_positional_arguments(frame.f_code, frame.f_lasti))
        def ask():
            time.localtime()
            time.localtime(5)
        found = []
        for _ in range(100):
            ask()
        sys.setprofile(hear)
        ask()
        sys.setprofile(None)
        assert found == [0, 1], found
        print("done")
    """,
}
"""A program for each name; it prints `done`."""

MODULES = """
import atexit, concurrent.futures, functools, importlib, io, multiprocessing.context, os, random
import multiprocessing.forkserver, multiprocessing.popen_fork, multiprocessing.process, sys, time
import multiprocessing.resource_tracker, multiprocessing.spawn, multiprocessing.util, threading
import _random, types, weakref

def leave():
    sys.stdout.flush()
    os._exit(0)

"""


def run(program: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
    )


@pytest.mark.parametrize("name", NAMES)
def test_a_name_does_its_work(name: str) -> None:
    ended = run(MODULES + textwrap.dedent(NAMES[name]))

    assert (ended.stdout, ended.stderr, ended.returncode) == ("done\n", "", 0)


def _used() -> Iterator[str]:
    """Private names in sources, as attributes of modules of the standard library."""
    for file in SOURCES.rglob("*.py"):
        known: dict[str, str] = {}
        for node in ast.walk(ast.parse(file.read_bytes())):
            if isinstance(node, ast.Import):
                known |= {each.asname or each.name: each.name for each in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                for each in node.names:
                    known[each.asname or each.name] = f"{node.module}.{each.name}"
            elif isinstance(node, ast.Attribute) and node.attr.startswith("_"):
                module = known.get(ast.unparse(node.value), "")
                is_dunder = node.attr.endswith("__")
                if module.partition(".")[0] in sys.stdlib_module_names and not is_dunder:
                    yield f"{module}.{node.attr}"


def test_every_name_is_in_the_table() -> None:
    documented = {"os._exit", "sys._getframe"}
    of_types = {"os._Environ"}  # in annotations, which are not evaluated
    assert set(_used()) <= {*NAMES, *documented, *of_types}


def test_without_them_a_process_ends_and_says_what_is_lost() -> None:
    program = """
from codeserver.worker.process.leaving import disown_inherited, leave
del atexit._run_exitfuncs, threading._shutdown, weakref.finalize._registry
del multiprocessing.util._finalizer_registry, multiprocessing.process._children
del multiprocessing.forkserver._forkserver
disown_inherited()
leave(7, ())
"""
    ended = run(MODULES + program)

    assert ended.returncode == 7
    assert ended.stderr.splitlines() == [
        "This Python has no threading._shutdown, so pools of threads do not end",
        "This Python has no atexit._run_exitfuncs, so exit handlers do not run",
    ]


def test_without_them_steps_are_new_interpreters() -> None:
    program = """
from codeserver.worker.steps.forking import fork_steps
del multiprocessing.resource_tracker._resource_tracker
print(fork_steps()._template)
"""
    ended = run(MODULES + program)

    assert ended.stdout == "`multiprocessing` of this Python has no _resource_tracker\n"
