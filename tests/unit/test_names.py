"""Names that clients and user code make up do not break the lines of the log."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from codeserver.api.v1 import code_location_pb2 as pb
from codeserver.config import Config
from codeserver.errors import Overloaded
from codeserver.front.typed_api.service import CodeLocationApi
from codeserver.letters import printable, shown
from codeserver.supervisor.evaluating.request import Request
from codeserver.supervisor.location import Location
from codeserver.target import Target

FORGED = "x\n2026-01-01 00:00:00 +0000 - codeserver - ERROR - forged\x1b[31m\x07"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("nightly", "nightly"),
        ("größe", "größe"),
        ("two\nlines", r"'two\nlines'"),
        ("\x1b[31mred", r"'\x1b[31mred'"),
        ("\u2028", r"'\u2028'"),
        ("\ud800", r"'\ud800'"),
        ("x" * 100, "x" * 100),
        ("x" * 101, "x" * 100 + "..."),
        ("\n" * 101, repr("\n" * 100 + "...")),
    ],
)
def test_shown(name: str, expected: str) -> None:
    assert shown(name) == expected


def test_printable_texts_have_any_length() -> None:
    assert printable("x" * 1000) == "x" * 1000


class Asked:
    """A location that refuses every request, and remembers it."""

    def __init__(self) -> None:
        self.request: Request | None = None
        self.current = self
        self.name = "repo.py"

    def on_change(self, _: object) -> None: ...

    on_load_end = on_change

    async def generation(self) -> Any:
        return SimpleNamespace(
            number=1, snapshot=SimpleNamespace(repositories={}, is_dynamic=False)
        )

    async def evaluate(self, request: Request) -> Any:
        self.request = request
        raise Overloaded("refused")


@pytest.mark.parametrize(
    ("rpc", "request_"),
    [
        ("GetJob", pb.GetJobRequest(name=FORGED)),
        ("GetJob", pb.GetJobRequest(name=FORGED, op_selection=["a"])),
        ("GetExecutionPlan", pb.GetExecutionPlanRequest(job=FORGED)),
        ("GetRunConfigSchema", pb.GetRunConfigSchemaRequest(job=FORGED)),
        ("ListPartitions", pb.ListPartitionsRequest(job=FORGED)),
        ("ListPartitions", pb.ListPartitionsRequest(asset=FORGED)),
    ],
)
async def test_subjects_of_the_typed_api(rpc: str, request_: Any) -> None:
    location = Asked()
    target = Target(python_file="repo.py")
    api = CodeLocationApi(Config(), target, cast("Location", location))
    context = SimpleNamespace(time_remaining=lambda: None)

    with pytest.raises(Overloaded):
        await getattr(api, rpc)(request_, context)

    assert location.request is not None
    assert location.request.subject.endswith(shown(FORGED))
