"""No RPC of Dagster's service is left out."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

from dagster._grpc.__generated__ import dagster_api_pb2 as pb

from tests.differential.cases import COVERED


def test_every_rpc_has_a_case() -> None:
    for path in Path(__file__).parent.glob("test_*.py"):
        import_module(f"{__package__}.{path.stem}")
    service = pb.DESCRIPTOR.services_by_name["DagsterApi"]
    assert {method.name for method in service.methods} - COVERED == set()
