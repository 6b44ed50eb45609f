"""The order to load the code, made from the settings."""

from __future__ import annotations

import dataclasses
import json
import sys

from codeserver.config import Config
from codeserver.facts import LoadOrder
from codeserver.settings import parse_size
from codeserver.target import Target


def load_order(
    config: Config, target: Target, directory: str, defs_state_info: str | None
) -> LoadOrder:
    """The order to load the code as it is now.

    Args:
        config: the operator's settings.
        target: what to load.
        directory: the current directory when the server was started.
        defs_state_info: serialized versions of component state, None for the newest.
    """
    python = sys.executable
    by_python = config.use_python_environment_entry_point
    return LoadOrder(
        target=dataclasses.asdict(target),
        executable_path=python,
        entry_point=[python, "-m", "dagster"] if by_python else ["dagster"],
        container_image=config.container_image,
        container_context=json.loads(config.container_context or "{}"),
        instance_ref=config.instance_ref,
        inject_env_vars_from_instance=config.inject_env_vars_from_instance,
        location_name=config.location_name,
        defs_state_info=defs_state_info,
        log_level=config.log_level,
        log_format=config.log_format,
        isolation=config.isolation,
        memory_limit=parse_size(config.worker_memory_limit),
        max_growth=parse_size(config.worker_max_growth),
        directory=directory,
        profile_imports=config.profile_imports,
    )
