"""The chart with values.

It is rendered in a process of its own, because Helm is Go, which has threads and takes signals.
"""

from __future__ import annotations

import json
import subprocess
import sys
from importlib import util
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.deploy.files import Manifest
from tests.support.eventually import PATIENCE

HERE = Path(__file__).parent


class Refused(Exception):
    """The chart does not take the values."""


def render(values: dict[str, Any]) -> list[Manifest]:
    """What the chart makes of the values.

    Raises:
        Refused: its schema or a template does not allow them.
    """
    if util.find_spec("helm_python") is None:
        pytest.skip("helm-python-sdk is not there")
    ended = subprocess.run(
        [sys.executable, HERE / "helm_program.py", HERE / "chart"],
        check=True, capture_output=True, text=True, input=json.dumps(values), timeout=PATIENCE,
    )  # fmt: skip
    reply = json.loads(ended.stdout)
    if "refused" in reply:
        raise Refused(reply["refused"])
    texts = reply["rendered"].values()
    return [each for text in texts for each in yaml.safe_load_all(text) if each]
