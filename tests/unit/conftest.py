"""Keep unit tests fast."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest


@pytest.fixture(scope="session", autouse=True)
def frozen_imports() -> Iterator[None]:
    """Keep what is imported by now, most of it Dagster, out of every further `gc.collect()`.

    The one after each asynchronous test would take longer than the test.
    """
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()
