"""What becomes of a container when user code takes all its memory, or forks without end."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest
from dagster._core.remote_representation.external_data import SensorExecutionErrorSnap

from scripts.build_image import ROOT
from scripts.engine import Engine
from tests.image.container import foreground, has_memory_limits, zombies
from tests.process.serving import Server, serve, skip_message, tick
from tests.support.eventually import eventually

CODE = ROOT / "tests" / "user_code" / "image"
CHILDREN = 300
MOST_CHILDREN = 65  # of an evaluator

StartServer = Callable[..., tuple[Server, str]]


@pytest.fixture
def start(engine: Engine, image: str, short_tmp: Path) -> Iterator[StartServer]:
    """Starts a server of the code in a container; returns it and the container's name.

    It is called through a socket in a folder that both see.
    """
    short_tmp.chmod(0o777)
    volumes = (f"--volume={CODE}:/code:ro", f"--volume={short_tmp}:{short_tmp}")
    with ExitStack() as stack:

        def begin(*options: str, limits: Sequence[str] = ()) -> tuple[Server, str]:
            name, command = stack.enter_context(foreground(engine, image, *volumes, *limits))
            server = serve(
                short_tmp,
                short_tmp / "s",
                *("-f", "/code/repo.py", *options),
                cwd=short_tmp,
                env=engine.environment,
                command=(*command, "codeserver", "grpc"),
            )
            return stack.enter_context(server), name

        yield begin


def test_a_tick_that_takes_all_memory(start: StartServer, engine: Engine, image: str) -> None:
    if not has_memory_limits(engine, image):
        pytest.skip("the memory of containers cannot be limited here")
    server, _ = start(limits=("--memory=512m", "--memory-swap=512m"))

    for _ in range(2):
        answer = tick(server, "takes_all_memory")
        assert isinstance(answer, SensorExecutionErrorSnap)
        assert "was killed by signal 9 (SIGKILL): out of memory" in answer.error.to_string()
        assert server.client.health_check_query() == "SERVING"
        assert skip_message(server) == "fine"
    # The first process of a container is never replaced: it would have ended.
    assert server.front.poll() is None


def test_ticks_that_fork_leave_no_zombie(start: StartServer, engine: Engine) -> None:
    server, container = start("--max-workers", "2", "--worker-max-requests", "0")

    with ThreadPoolExecutor(2) as threads:
        list(threads.map(lambda _: skip_message(server, "forks"), range(CHILDREN)))

    # Evaluators are replaced when they have too many, and take what they have along when they end,
    # which may be a moment later. Those of replaced code end, and it is seen whether their children
    # are waited for by somebody else.
    eventually(lambda: zombies(engine, container) <= 2 * MOST_CHILDREN, what="not many zombies")
    assert not server.reload()
    eventually(lambda: zombies(engine, container) == 0, what="no zombie is left")
    assert skip_message(server) == "fine"
