"""What reflection finds."""

from __future__ import annotations

import pytest

from codeserver.front.reflection import _FILES, _pool

FOUND = {
    "api.DagsterApi": "dagster_api.proto",
    "api.DagsterApi.Ping": "dagster_api.proto",
    "api.PingRequest": "dagster_api.proto",
    "codeserver.api.v1.CodeLocationService.ListJobs": "code_location.proto",
    "codeserver.api.v1.ConfigType": "definitions.proto",
    "google.protobuf.Struct": "struct.proto",
    "google.rpc.BadRequest": "error_details.proto",
    "grpc.health.v1.Health.Check": "health.proto",
}


@pytest.mark.parametrize("symbol", FOUND)
def test_symbols_are_found(symbol: str) -> None:
    assert _pool(_FILES).FindFileContainingSymbol(symbol).name.endswith(f"/{FOUND[symbol]}")


@pytest.mark.parametrize("symbol", ["", "x", "a.b", "api.DagsterApi.NoSuchCall"])
def test_others_are_not(symbol: str) -> None:
    with pytest.raises(KeyError):
        _pool(_FILES).FindFileContainingSymbol(symbol)
