"""What one evaluator may use up, and when it is replaced."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from dagster._core.remote_representation.external_data import SensorExecutionErrorSnap

from codeserver.system import IS_LINUX
from tests.process.conftest import Load
from tests.process.serving import USER_CODE, Server, serve, skip_message, tick
from tests.support.eventually import eventually
from tests.support.portable import needs_linux
from tests.support.servers import OURS

CODE = (USER_CODE / "edition.py").read_text()


def load_with(load: Load, deed: str, *options: str) -> Server:
    """A server whose sensor `says` does this, and says in which process."""
    code = CODE.replace("def says():\n", f"def says():\n    {deed}\n")
    code = f"KEPT = []\n{code}".replace("SkipReason(EDITION)", "SkipReason(str(os.getpid()))", 1)
    return load(code, *options)


GROWTH = ("--worker-max-growth", "20MiB")
NO_LIMITS = ("--worker-max-growth", "0", "--worker-max-requests", "0")


REPLACED = {
    "grows": ("KEPT.append(bytearray(30_000_000))", GROWTH),
    "changes the folder": ("os.chdir('/')", GROWTH),
    "changes a variable": ("os.environ['X'] = str(os.getpid())", GROWTH),
    "leaves files open": ("KEPT.extend(open('/dev/null') for _ in range(100))", GROWTH),
    "leaves a thread": (
        "import threading; threading.Thread(target=threading.Event().wait, daemon=True).start()",
        GROWTH,
    ),
}


@pytest.mark.parametrize(("deed", "options"), REPLACED.values(), ids=REPLACED)
def test_an_evaluator_is_replaced_when_its_tick(
    load: Load, deed: str, options: tuple[str, ...]
) -> None:
    server = load_with(load, deed, *options)

    pids = [skip_message(server, "says") for _ in range(3)]

    assert len(set(pids)) == 3


KEPT = {
    # Elsewhere than on Linux, the most memory counts.
    **({"allocates and frees": ("len(bytearray(90_000_000))", GROWTH)} if IS_LINUX else {}),
    "may grow": ("KEPT.append(bytearray(30_000_000))", NO_LIMITS),
    "answers any number": ("pass", NO_LIMITS),
}


@pytest.mark.parametrize(("deed", "options"), KEPT.values(), ids=KEPT)
def test_an_evaluator_is_kept_when_its_tick(
    load: Load, deed: str, options: tuple[str, ...]
) -> None:
    server = load_with(load, deed, *options)

    pids = [skip_message(server, "says") for _ in range(3)]

    assert len(set(pids)) == 1


@needs_linux("the limit needs Linux")
@pytest.mark.parametrize("isolation", ["fork", "spawn"])
def test_memory_is_limited_again_after_it_ran_out(load: Load, isolation: str) -> None:
    limit = ["--worker-memory-limit", "100MiB", "--isolation", isolation]
    server = load_with(load, "bytearray(200_000_000)", *limit)

    for _ in range(3):
        answer = tick(server, "says")
        assert isinstance(answer, SensorExecutionErrorSnap)
        assert "MemoryError" in answer.error.to_string()
        assert "100 MiB" in answer.error.message
        assert "--worker-memory-limit" in answer.error.message


def _group() -> Path | None:
    """A new control group with a limit for memory; None where none can be had."""
    for root, limit, unlimited in (
        (Path("/sys/fs/cgroup/memory"), "memory.limit_in_bytes", "memory.memsw.limit_in_bytes"),
        (Path("/sys/fs/cgroup"), "memory.max", "memory.swap.max"),
    ):
        group = root / f"codeserver-test-{os.getpid()}"
        try:
            group.mkdir()
        except OSError:
            continue
        if (group / limit).exists():
            (group / limit).write_text("400000000")
            if (group / unlimited).exists():
                (group / unlimited).write_text("400000000" if "memsw" in unlimited else "0")
            return group
        group.rmdir()
    return None


@pytest.fixture
def group() -> Iterator[Path]:
    found = _group()
    if found is None:
        pytest.skip("needs the right to make a control group")
    yield found
    eventually(lambda: found.rmdir() is None, what="an empty group")


@needs_linux("only Linux tells of it")
def test_the_kernel_ends_the_evaluator_and_not_the_server(
    home: Path, work: Path, group: Path
) -> None:
    """It is the first to go when the container's memory runs out, and the error says why."""
    (work / "served.py").write_text(
        CODE.replace("def says():\n", "def says():\n    bytearray(1_000_000_000)\n")
    )
    enter = f'echo $$ > {group}/cgroup.procs && exec "$@"'
    command = ["sh", "-c", enter, "sh", *OURS]
    with serve(home, work / "s.sock", "-f", "served.py", cwd=work, command=command) as server:
        assert server.client.list_repositories()

        answer = tick(server, "says")

        assert isinstance(answer, SensorExecutionErrorSnap)
        assert "signal 9 (SIGKILL): out of memory" in answer.error.message
        assert server.front.poll() is None
        assert server.client.health_check_query() == "SERVING"
        assert isinstance(tick(server, "says"), SensorExecutionErrorSnap)
