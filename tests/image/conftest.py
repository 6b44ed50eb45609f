"""The image under test. Building it takes minutes, so that is what `make test-image` is for."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from scripts.engine import Engine, NoEngine, find
from tests.support.processes import nothing_left_behind
from tests.support.reports import pytest_runtest_makereport  # noqa: F401

VARIABLE = "CODESERVER_TEST_IMAGE"


@pytest.fixture(autouse=True, scope="module")
def no_process_left_behind() -> Iterator[None]:
    """At the end of each module, because a container serves several tests."""
    with nothing_left_behind():
        yield


@pytest.fixture(scope="session")
def image() -> str:
    """The name of the image, which is on this machine."""
    name = os.environ.get(VARIABLE)
    if not name:
        pytest.skip(f"{VARIABLE} names no image; `make test-image` builds one")
    return name


@pytest.fixture(scope="session")
def engine(image: str) -> Engine:
    """What runs it."""
    try:
        return find()
    except NoEngine as error:
        pytest.skip(str(error))
