"""Which config is secret: fields that are marked, or else all fields of resources.

Older versions of Dagster do not mark fields. There, no default and no value of a resource is shown.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from codeserver.worker import dagster_internals as dagster

_KIND = dagster.ConfigTypeKind


class _SecretField(dagster.ConfigFieldSnap):
    """A field of a resource, for versions of Dagster that mark none."""

    is_secret = True


def is_secret(field: dagster.ConfigFieldSnap) -> bool:
    """Whether neither the default nor a value of the field may be shown."""
    return bool(getattr(field, "is_secret", False))


def of_resource(schema: dagster.ConfigSchemaSnapshot, *keys: str) -> dagster.ConfigSchemaSnapshot:
    """The schema with the secrets of the resources whose config has these types."""
    if dagster.SECRETS:
        return schema
    types = dict(schema.all_config_snaps_by_key)
    for key in _reachable(schema, keys):
        if fields := types[key].fields:
            types[key] = dagster.copy(types[key], fields=fields_of_resource(fields))
    return dagster.ConfigSchemaSnapshot(all_config_snaps_by_key=types)


def of_run_config(root: dagster.ConfigType) -> dagster.ConfigSchemaSnapshot:
    """The schema of a run config, with the secrets of the resources in it."""
    schema = root.schema_snapshot
    fields = schema.get_config_snap(root.key).fields or ()
    keys = [field.type_key for field in fields if field.name == "resources"]
    return of_resource(schema, *keys)


def of_definition(definition: Any) -> dagster.ConfigSchemaSnapshot:
    """The schema of the config of an op, a graph or a resource."""
    found = definition.config_field.config_type
    is_resource = isinstance(definition, dagster.ResourceDefinition)
    return of_resource(found.schema_snapshot, *([found.key] if is_resource else []))


def fields_of_resource(
    fields: Iterable[dagster.ConfigFieldSnap],
) -> list[dagster.ConfigFieldSnap]:
    """The fields of a resource, marked as secret if Dagster marks none."""
    if dagster.SECRETS:
        return list(fields)
    return [_SecretField(**dagster.fields_of(field)) for field in fields]


def _reachable(schema: dagster.ConfigSchemaSnapshot, keys: Iterable[str]) -> set[str]:
    """The types with these keys, and all types in them."""
    found: set[str] = set()
    left = list(keys)
    while left:
        key = left.pop()
        if key not in found and not _is_source(schema, key):
            found.add(key)
            left += schema.get_config_snap(key).get_child_type_keys()
    return found


def _is_source(schema: dagster.ConfigSchemaSnapshot, key: str) -> bool:
    """Whether the type is a value or `{env: NAME}`, which resources share with ops."""
    found = schema.get_config_snap(key)
    if found.kind is not _KIND.SCALAR_UNION:
        return False
    fields = schema.get_config_snap(found.non_scalar_type_key).fields or ()
    return [field.name for field in fields] == ["env"]
