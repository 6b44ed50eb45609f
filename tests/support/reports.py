"""What the report of a failed test shows besides the test: a hook for a conftest to import."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.dagster_programs import Deployment
from tests.support.kube import Cluster

LOG_TAIL = 12_000  # characters of each program's output


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """Show what the programs and pods of a failed test's deployment wrote."""
    report = yield
    if report.failed:
        for value in getattr(item, "funcargs", {}).values():
            if isinstance(value, Deployment | Cluster):
                for name, text in value.logs():
                    report.sections.append((f"output of {name}", text[-LOG_TAIL:]))
    return report
