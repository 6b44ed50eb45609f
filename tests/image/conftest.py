"""The image under test. Building it takes minutes, so that is what `make test-image` is for."""

from __future__ import annotations

import os

import pytest

from scripts.engine import Engine, NoEngine, find

VARIABLE = "CODESERVER_TEST_IMAGE"


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
