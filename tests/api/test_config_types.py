"""Config types in GetJob: what config an op or resource takes, as messages."""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest
from google.protobuf.json_format import MessageToDict

from codeserver.api import v1
from tests.api.calling import Api
from tests.api.conftest import Serve


@pytest.fixture(scope="module")
def configs(serve: Serve) -> Api:
    return serve("configs")


def fields_of(config: v1.ConfigType) -> dict[str, v1.ConfigField]:
    return {field.name: field for field in config.fields}


@pytest.fixture(scope="module")
def kinds(configs: Api) -> dict[str, v1.ConfigField]:
    (node,) = configs.call("GetJob", name="every_kind").graph.nodes
    assert node.config.kind == v1.ConfigType.KIND_SHAPE
    return fields_of(node.config)


class Expected(NamedTuple):
    """A field of the config of `every_kind`; None for what is not compared."""

    field: str
    kind: str
    name: str
    inner: str | None
    required: bool | None
    default: Any


KINDS = [
    Expected("integer", "SCALAR", "Int", None, True, None),
    Expected("floating", "SCALAR", "Float", None, False, 0.5),
    Expected("text", "SCALAR", "String", None, False, None),
    Expected("switch", "SCALAR", "Bool", None, False, False),
    Expected("anything", "ANY", "", None, False, None),
    Expected("choice", "ENUM", "Colour", None, False, "RED"),
    Expected("several", "ARRAY", "", "SCALAR", False, [1, 2]),
    Expected("of_shapes", "ARRAY", "", "SHAPE", False, None),
    Expected("by_name", "MAP", "country", "SCALAR", False, {"de": 49}),
    Expected("or_null", "NULLABLE", "", "SCALAR", False, "null"),
    Expected("one_of", "SELECTOR", "", None, False, None),
    Expected("open", "PERMISSIVE_SHAPE", "", None, None, None),
    Expected("closed", "SHAPE", "", None, None, None),
    Expected("either", "UNION", "", None, False, None),
    Expected("from_environment", "UNION", "", None, False, None),
]


@pytest.mark.parametrize("expected", KINDS, ids=lambda each: each.field)
def test_config_of_every_kind(kinds: dict[str, v1.ConfigField], expected: Expected) -> None:
    found = kinds[expected.field]

    assert v1.ConfigType.Kind.Name(found.type.kind) == f"KIND_{expected.kind}"
    assert found.type.HasField("inner") == (expected.inner is not None)
    if expected.inner:
        assert v1.ConfigType.Kind.Name(found.type.inner.kind) == f"KIND_{expected.inner}"
    if expected.kind in ("SCALAR", "ENUM", "MAP"):
        assert found.type.name == expected.name
    if expected.required is not None:
        assert found.is_required == expected.required
        assert found.HasField("default_value") == (expected.default is not None)
    if expected.default is not None:
        value = MessageToDict(found.default_value)
        assert value == (None if expected.default == "null" else expected.default)


def test_what_is_inside_config_is_told(kinds: dict[str, v1.ConfigField]) -> None:
    assert list(kinds["choice"].type.enum_values) == ["RED", "GREEN"]
    assert sorted(fields_of(kinds["one_of"].type)) == ["file", "table"]
    assert sorted(fields_of(fields_of(kinds["one_of"].type)["table"].type)) == ["name", "schema"]
    assert len(kinds["either"].type.alternatives) == 2
    assert kinds["integer"].description == "A number."
    (deep,) = fields_of(kinds["closed"].type)["inside"].type.fields
    assert (deep.name, MessageToDict(deep.default_value)) == ("deep", 3)


def test_config_classes_are_told(configs: Api) -> None:
    (node,) = configs.call("GetJob", name="pythonic").graph.nodes

    fields = fields_of(node.config)
    assert fields["name"].description == "What to call them."
    assert fields["pet"].type.kind == v1.ConfigType.KIND_SELECTOR
    assert sorted(fields_of(fields["pet"].type)) == ["cat", "dog"]
    assert fields["height"].type.kind == v1.ConfigType.KIND_NULLABLE
    # Dagster takes null for whatever has a default.
    assert fields["ages"].type.kind == v1.ConfigType.KIND_NULLABLE
    assert fields["ages"].type.inner.kind == v1.ConfigType.KIND_MAP
    assert list(fields["colour"].type.inner.enum_values) == ["RED", "GREEN"]


def test_config_of_a_number_and_none_at_all(configs: Api) -> None:
    (node,) = configs.call("GetJob", name="a_number").graph.nodes
    assert (node.config.kind, node.config.name) == (v1.ConfigType.KIND_SCALAR, "Int")

    (node,) = configs.call("GetJob", name="nothing_needed").graph.nodes
    assert not node.HasField("config")


def test_the_config_of_the_resources_of_a_job(configs: Api) -> None:
    found = configs.call("GetJob", name="launched_with_resources").resource_configs

    assert {"host", "port", "replicas"} <= fields_of(found["database"]).keys()
    assert fields_of(found["database"])["host"].description == "Where it is."
