"""Run config as text: parse that of a caller, and write the default of a job."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from codeserver.worker import dagster_internals as dagster
from codeserver.worker.describing.lookup import invalid
from codeserver.worker.describing.plain import one_line


def parse(text: str) -> Mapping[str, Any] | None:
    """The run config in a YAML or JSON text; None if the text is empty.

    Raises:
        InvalidRequest: it is neither YAML nor JSON, or not a mapping.
    """
    found = _parse(text)
    if found is None:
        return None
    if not isinstance(found, dict):
        raise invalid(
            "run_config", f"The run config must be a mapping, not a {type(found).__name__}."
        )
    return found


def _parse(text: str) -> Any:
    try:
        if text.lstrip().startswith("{"):
            try:
                # YAML would reject tabs, and read 1e3 as a string.
                return json.loads(text)
            except ValueError:
                pass
        return dagster.yaml.load(text, Loader=dagster.DagsterYamlLoader)
    except dagster.yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f" at line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        raise invalid(
            "run_config", f"The run config is not YAML{where}: {error.problem}."
        ) from None
    except dagster.yaml.YAMLError as error:
        raise invalid("run_config", f"The run config is not YAML: {one_line(error)}.") from None
    except RecursionError:
        raise invalid("run_config", "The run config is nested too deeply.") from None
    except (TypeError, ValueError) as error:  # an unhashable key; a date that does not exist
        raise invalid("run_config", f"The run config is not YAML: {one_line(error)}.") from None


def odd_key(config: Any) -> list[Any]:
    """A list with one key, at any level, that is not a string; empty if there is none."""
    if isinstance(config, list):
        return next((found for each in config if (found := odd_key(each))), [])
    if not isinstance(config, dict):
        return []
    for key, value in config.items():
        if not isinstance(key, str):
            return [key]
        if found := odd_key(value):
            return found
    return []


def as_yaml(config: Mapping[str, Any]) -> str:
    """The run config as YAML."""
    plain = json.loads(
        json.dumps(config, default=lambda value: getattr(value, "name", None) or str(value))
    )
    return str(
        dagster.yaml.dump(
            plain, Dumper=dagster.DagsterYamlDumper, sort_keys=False, allow_unicode=True
        )
    )
