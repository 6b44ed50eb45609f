"""Whether Dagster fits: the table of names, calls, and the contract of its gRPC service."""

from __future__ import annotations

import ast
import inspect
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from dagster._grpc.__generated__ import dagster_api_pb2 as theirs
from google.protobuf.descriptor_pb2 import FileDescriptorProto

from codeserver.worker import dagster_internals
from codeserver.worker.dagster_internals import fit, moved, wire_contract
from codeserver.worker.dagster_internals.table import TABLE, Name, no_instances


def test_the_installed_dagster_fits() -> None:
    assert fit.missing_names() == []
    assert fit.misfits(dagster_internals) == []
    assert wire_contract.differences(str(Path(theirs.__file__).parents[2])) == []


def test_types_are_those_of_the_newest_places() -> None:
    tree = ast.parse(inspect.getsource(moved))
    (checked,) = (node for node in tree.body if isinstance(node, ast.If))
    imported = {
        each.name: node.module
        for node in checked.body
        if isinstance(node, ast.ImportFrom)
        for each in node.names
    }
    assert imported == {each.name: each.places[0][1] for each in TABLE}
    assert [each.name for each in TABLE] == sorted(imported)


def test_a_name_is_looked_for_in_the_newest_place_first() -> None:
    newest = ("1.13", "no.such.module"), ("1.12", "json"), ("1.11", "json:dumps"), ("1.10", "ast")
    assert Name("x", newest).find() is import_module("json").dumps
    assert issubclass(Name("Absent", (("1.13", "json"),), no_instances).find(), object)
    with pytest.raises(ImportError):
        Name("absent", (("1.13", "json"),)).find()


def test_calls_that_do_not_fit_are_named() -> None:
    def more(a: int, b: int, c: int, d: int, *, new: int) -> None: ...

    changed = dict(vars(dagster_internals))
    changed["core_execute_run"] = more
    changed["sql"] = SimpleNamespace(ScriptDirectory=1, ALEMBIC_SCRIPTS_LOCATION="")
    module: Any = SimpleNamespace(**changed)
    assert fit.misfits(module) == [
        "core_execute_run takes other arguments",
        "sql has no MigrationContext",
    ]


def test_a_service_with_more_and_other_parts(tmp_path: Path) -> None:
    file = FileDescriptorProto.FromString(theirs.DESCRIPTOR.serialized_pb)
    (service,) = file.service
    service.method.add(name="New", input_type=".api.Empty", output_type=".api.Empty")
    messages = {each.name: each for each in file.message_type}
    messages["PingRequest"].field.add(name="new", number=9, type=9, label=1)
    messages["PingReply"].field[0].type = 5
    folder = tmp_path / "_grpc" / "__generated__"
    folder.mkdir(parents=True)
    source = f"DESCRIPTOR = pool.AddSerializedFile({file.SerializeToString()!r})\n"
    (folder / "dagster_api_pb2.py").write_text(source)
    assert wire_contract.differences(str(tmp_path)) == [
        "codeserver does not answer its RPC New",
        "the field PingReply.echo has changed",
        "codeserver does not know the field PingRequest.new",
    ]
    assert wire_contract.differences("/nowhere") == ["its gRPC service cannot be read"]
