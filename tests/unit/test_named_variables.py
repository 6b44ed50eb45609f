"""Values of environment variables, which the errors of requests that name them do not repeat."""

from __future__ import annotations

import pytest
from dagster._serdes import deserialize_value
from dagster._utils.error import SerializableErrorInfo

from codeserver.worker import named_variables

NAMED = {
    "as a value": '{"config": {"env": "SECRET"}}',
    "as a pair": '{"config": {"__mapping_items__": [["env", "SECRET"]]}}',
    "in YAML": '{"config_yaml": "base_dir: {env: SECRET}"}',
    "in YAML of a pair": '{"__mapping_items__": [["config_yaml", "base_dir: {env: SECRET}"]]}',
}
"""Requests that name the variable, in each way that Dagster reads."""


@pytest.mark.parametrize("request_of", NAMED.values(), ids=NAMED)
def test_a_value_is_not_repeated(request_of: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET", "a value")
    named_variables.begin(request_of)
    error = SerializableErrorInfo("There is no 'a value'.", [], "Error", None, None)
    assert named_variables.without_values(error).message == "There is no '$SECRET'."


def test_dagster_reads_pairs_as_a_mapping() -> None:
    assert deserialize_value(NAMED["as a pair"], dict) == {"config": {"env": "SECRET"}}
