"""The versions of component state to start with."""

from __future__ import annotations

import dataclasses
import logging
import os
from pathlib import Path

from codeserver.config import Config

OVERRIDE_PATH = "DAGSTER_DEFS_STATE_INFO_OVERRIDE_PATH"


def with_override(config: Config) -> Config:
    """The config with `--defs-state-info` replaced by the content of the override file, if any.

    A launcher that may change the versions after it has written the server's arguments names a
    file in `DAGSTER_DEFS_STATE_INFO_OVERRIDE_PATH`. What it holds wins, and an empty file means
    that no version is pinned. When it cannot be read, the argument counts. (As in
    `resolve_serialized_defs_state_info` of `dagster._cli.utils`, Dagster 1.13.)
    """
    path = os.environ.get(OVERRIDE_PATH)
    if not path:
        return config
    try:
        content = Path(path).read_text("utf-8").strip()
    except OSError as error:
        logging.getLogger("codeserver").warning(
            "%s (from %s) cannot be read (%s); --defs-state-info counts",
            path,
            OVERRIDE_PATH,
            error.strerror,
        )
        return config
    return dataclasses.replace(config, defs_state_info=content or None)
