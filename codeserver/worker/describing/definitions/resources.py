"""The resources of a repository, as `Resource`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from codeserver.worker import dagster_internals as dagster
from codeserver.worker.describing.configs import config_types, secrets
from codeserver.worker.describing.plain import json_value, present


def describe(snapshot: dagster.RepositorySnap) -> Iterator[dict[str, Any]]:
    """Describe each resource, ordered by name."""
    for found in sorted(snapshot.resources or (), key=lambda each: each.name):
        yield {
            "name": found.name,
            "repository": snapshot.name,
            **present(
                description=found.resource_snapshot.description,
                type=found.resource_type,
                config=_config(found),
                values=list(_values(found)),
                nested={field: each.name for field, each in found.nested_resources.items()},
                is_top_level=found.is_top_level,
                asset_keys=sorted(key.to_user_string() for key in found.asset_keys_using),
                jobs=sorted(each.job_name for each in found.job_ops_using),
                schedules=sorted(found.schedules_using),
                sensors=sorted(found.sensors_using),
            ),
        }


def _config(found: dagster.ResourceSnap) -> dict[str, Any] | None:
    """The config type of a resource, including fields that already have a value."""
    fields = secrets.fields_of_resource(found.config_field_snaps)
    schema = _schema(found)
    types = schema.all_config_snaps_by_key
    if fields:
        kinds = [config_types.kind_of(each) for each in types.values() if each.fields == fields]
        return config_types.shape(schema, fields, kinds[0] if kinds else "KIND_SHAPE")
    field = found.resource_snapshot.config_field_snap
    if field is None or field.type_key not in types:
        return None
    if config_types.takes_nothing(types[field.type_key], is_required=field.is_required):
        return None
    return config_types.tree(schema, field.type_key)


def _schema(found: dagster.ResourceSnap) -> dagster.ConfigSchemaSnapshot:
    schema = found.config_schema_snap
    return secrets.of_resource(schema, *schema.all_config_snaps_by_key)


def _values(found: dagster.ResourceSnap) -> Iterator[dict[str, Any]]:
    fields = {field.name: field for field in secrets.fields_of_resource(found.config_field_snaps)}
    for name, value in found.configured_values.items():
        field = fields.get(name)
        if isinstance(value, dagster.ResourceConfigEnvVarSnap):
            yield {"name": name, "environment_variable": value.name}
        elif field is not None and secrets.is_secret(field):
            yield {"name": name}  # Dagster's UI does not show secrets either
        else:
            plain = json.loads(value)
            if field is not None:
                schema = _schema(found)
                plain = config_types.without_secrets(schema, field.type_key, plain)
            yield {"name": name, "value": json_value(plain)}
