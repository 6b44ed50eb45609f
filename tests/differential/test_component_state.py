"""State-backed components: refreshing their state, and reloading with it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from dagster._serdes import serialize_value

from tests.differential import calls
from tests.differential.calls import Call, fields
from tests.differential.cases import Case, check, table
from tests.differential.plain import value
from tests.differential.sides import USER_CODE, Pair, Side, serving
from tests.support.dagster_names import HAS_STATE

if not HAS_STATE:
    pytest.skip("this Dagster has no component state", allow_module_level=True)

from dagster_shared.serdes.objects.models.defs_state_info import DefsStateInfo

APPLE, PEAR = "Orchard[apple]", "Orchard[pear]"
KINDS = {"apple": ["fuji", "gala"], "pear": ["conference"]}


def _source(side: Side) -> Path:
    return side.home.parent / "fruit.json"


@pytest.fixture(scope="module")
def pair(work: Path) -> Iterator[Pair]:
    target = ["--autoload-defs-module-name", "fruit.defs", "-d", str(USER_CODE / "project")]
    # No runs are started, so ours need not find out how they would get the code.
    env = {"FRUIT_SOURCE": str(work / "fruit.json"), "CODESERVER_RUNS": "warm"}
    with serving(target, work, env=env) as both:
        yield both


def _assets(side: Side) -> list[str]:
    nodes = calls.repository().make(side).asset_nodes
    return [node.asset_key.to_user_string() for node in nodes]


def _refresh(side: Side, keys: Sequence[str]) -> DefsStateInfo:
    _source(side).write_text(json.dumps(KINDS))
    reply = side.client.refresh_component_state(keys)
    assert not reply.serialized_error, reply.serialized_error
    return value(reply.serialized_defs_state_info)


def _reload(side: Side, state: str) -> dict[str, object]:
    """Reload with `state`; say what there is afterwards, in words without version numbers."""
    before = side.client.get_server_id()
    reply = side.client.reload_code_with_state(state)
    after = side.client.get_server_id()
    served = calls.list_repositories().make(side).defs_state_info
    return {
        "error": fields(reply)["serialized_error"],
        "replied_id": {"": "none", after: "current"}.get(reply.serialized_server_id),
        "id_changed": before != after,
        "assets": _assets(side),
        "serves_this_state": (served and serialize_value(served)) == (state or None),
    }


def _refreshed(*keys: str) -> Call:
    def make(side: Side) -> object:
        before = side.client.get_server_id()
        state = _refresh(side, keys)
        storage = side.instance.defs_state_storage
        found = {}
        for key in state.info_mapping:
            path = side.home / "downloaded"
            storage.download_state_to_path(key, state.get_version(key), path)
            is_latest = storage.get_latest_version(key) == state.get_version(key)
            found[key] = [path.read_text(), is_latest]
        return {"state": found, "id_changed": side.client.get_server_id() != before}

    return Call("RefreshComponentState", make)


def _reloaded(*keys: str) -> Call:
    """With newly refreshed state, and then with the same again."""

    def make(side: Side) -> object:
        state = serialize_value(_refresh(side, keys))
        return [_reload(side, state), _reload(side, state)]

    return Call("ReloadCodeWithState", make)


def _state_changed(side: Side) -> object:
    _reload(side, serialize_value(_refresh(side, [APPLE])))
    key = DefsStateInfo.add_version(None, APPLE, "2")
    path = side.home / "state"
    path.write_text('["boskoop"]')
    side.instance.defs_state_storage.upload_state_from_path(APPLE, "2", path)
    return _reload(side, serialize_value(key))


def _state_taken_away(side: Side) -> object:
    _reload(side, serialize_value(_refresh(side, [APPLE, PEAR])))
    return _reload(side, "")


def _half_a_state_taken_away(side: Side) -> object:
    state = _refresh(side, [APPLE, PEAR])
    _reload(side, serialize_value(state))
    _reload(side, serialize_value(state.for_keys({PEAR})))
    return _reload(side, "")


def _unknown_version(side: Side) -> object:
    _reload(side, serialize_value(_refresh(side, [APPLE, PEAR])))
    return _reload(side, serialize_value(DefsStateInfo.add_version(None, APPLE, "nope")))


def _source_away(side: Side) -> object:
    _source(side).unlink(missing_ok=True)
    return fields(side.client.refresh_component_state([APPLE]))


def _reloading(make: Callable[[Side], object]) -> Call:
    return Call("ReloadCodeWithState", make)


def _keys(*keys: str) -> Call:
    return Call(
        "RefreshComponentState", lambda side: fields(side.client.refresh_component_state(keys))
    )


LOADED = Case("project", calls.list_repositories(), expect="AutoloadDefsModuleCodePointer")


def test_loads(pair: Pair) -> None:
    check(LOADED, pair)


@table(
    [
        Case("two", _refreshed(APPLE, PEAR), expect="conference"),
        Case("none", _keys(), expect='"info_mapping": {}'),
        Case("unknown and known", _keys("nope", APPLE, "none"), expect="for keys: none, nope"),
        Case(
            "component raises",
            Call("RefreshComponentState", _source_away),
            expect="FileNotFoundError",
        ),
    ]
)
def test_refresh(case: Case, pair: Pair) -> None:
    check(case, pair)


@table(
    [
        Case("two", _reloaded(PEAR, APPLE), expect="pear/conference"),
        Case("other version", _reloading(_state_changed), expect="apple/boskoop"),
        Case("no version", _reloading(_state_taken_away), expect="pear/conference"),
        Case(
            "no version of one",
            _reloading(_half_a_state_taken_away),
            expect='["basket", "pear/conference"]',
            difference="every component anew",
        ),
        Case(
            "unknown version",
            _reloading(_unknown_version),
            expect="nope",
            difference="error as at start",
        ),
    ]
)
def test_reload_with_state(case: Case, pair: Pair) -> None:
    check(case, pair)
