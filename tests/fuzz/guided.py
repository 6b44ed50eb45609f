"""Fuzz one target, guided by its coverage: `python -m tests.fuzz.guided TARGET --runs 100000`.

What fails is written into the folder of what was found, and the traceback tells why.
"""

from __future__ import annotations

import argparse
import importlib
import logging
import sys
import tempfile
from pathlib import Path

import atheris

from tests.fuzz import CORPUS
from tests.fuzz.targets import MEASURED

_MEMORY = 1024
"""MiB; the search itself takes most of it."""

_PATIENCE = 240
"""Seconds for one input, as for all that tests wait for."""


def main() -> None:
    """Run the search; it ends the process."""
    parser = argparse.ArgumentParser()
    parser.add_argument("target", choices=MEASURED)
    parser.add_argument("--runs", type=int, required=True)
    parser.add_argument("--longest", type=int, default=4096, help="bytes of an input")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--found", default="", help="prefix of the paths of inputs that fail")
    given = parser.parse_args()
    logging.disable()
    with atheris.instrument_imports(include=list(MEASURED[given.target])):
        target = importlib.import_module(f"tests.fuzz.targets.{given.target}")
    corpus = tempfile.mkdtemp(prefix="fuzz-")  # stays: the search does not return
    failed = (path.read_bytes() for path in (CORPUS / given.target).glob("*"))
    for number, seed in enumerate([*target.SEEDS, *failed]):
        Path(corpus, str(number)).write_bytes(seed)
    options = {
        "runs": given.runs,
        "seed": given.seed,
        "max_len": given.longest,
        "timeout": _PATIENCE,
        "rss_limit_mb": _MEMORY,
        "artifact_prefix": given.found,
        "print_final_stats": 1,
    }
    words = [f"-{name}={value}" for name, value in options.items()]
    atheris.Setup([sys.argv[0], *words, corpus], target.check)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
