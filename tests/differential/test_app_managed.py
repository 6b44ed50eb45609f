"""Components that are managed in Dagster's UI, and kept as component state of a location's name."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from dagster import DagsterInstance
from dagster._core.instance.ref import InstanceRef

from tests.differential import calls
from tests.differential.calls import Call
from tests.differential.cases import Case, check, table
from tests.differential.sides import USER_CODE, Pair, Side, home_at, serving

managed = pytest.importorskip(
    "dagster.components.component.app_managed_state",
    reason="this Dagster has no app-managed components",
)

NAME = "orchards"
PROJECT = ["--autoload-defs-module-name", "fruit.defs", "-d", str(USER_CODE / "project")]


def add(home: Path, component: str, fruit: str, location: str = NAME) -> None:
    """What the UI does when somebody adds a component, or edits one."""
    entry = managed.AppManagedComponentEntry(
        component_type="fruit.baskets.Basket", attributes=f"fruit: {fruit}"
    )
    with DagsterInstance.from_ref(InstanceRef.from_dir(str(home))) as instance:
        storage = instance.defs_state_storage
        managed.write_app_managed_component_entry(storage, location, component, entry)


@pytest.fixture(scope="module")
def pair(work: Path) -> Iterator[Pair]:
    for name in ("stock", "ours"):
        home = home_at(work / name)
        add(home, "one", "plum")
        add(home, "two", "fig", location="elsewhere")
    # No runs are started, so ours need not find out how they would get the code.
    env = {"CODESERVER_RUNS": "warm", "DAGSTER_DEV_ENABLE_APP_MANAGED_COMPONENTS": "1"}
    options = [*PROJECT, "--location-name", NAME, "--inject-env-vars-from-instance"]
    with serving(options, work, env=env) as both:
        yield both


def assets(side: Side) -> Sequence[str]:
    nodes = calls.repository().make(side).asset_nodes
    return sorted(node.asset_key.to_user_string() for node in nodes)


def _assets(side: Side) -> object:
    return assets(side)


@table([Case("added before the start", Call("ExternalRepository", _assets), "managed/plum")])
def test_of_this_location_only(case: Case, pair: Pair) -> None:
    check(case, pair)
    assert "managed/fig" not in assets(pair.ours)


def test_an_edit_is_loaded_with_the_code(pair: Pair) -> None:
    """Stock's server ignores the request to reload; the edit shows after its next start."""
    add(pair.ours.home, "one", "quince")
    assert "managed/quince" not in assets(pair.ours)
    pair.ours.client.reload_code(timeout=calls.TIMEOUT)
    assert "managed/quince" in assets(pair.ours)
    assert "managed/plum" not in assets(pair.ours)
