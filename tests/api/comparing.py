"""What Dagster itself says about the same definitions, loaded in the process of the tests."""

from __future__ import annotations

import functools
import importlib.util
import sys
import warnings
from pathlib import Path
from typing import Any

import dagster as dg
from dagster._core.definitions.repository_definition import RepositoryDefinition

from tests.api.calling import file_of


@functools.cache
def module_of(name: str) -> Any:
    """The module of definitions of this name."""
    return load(file_of(name), f"tests_api_{name}")


def load(file: Path, name: str) -> Any:
    """A module made from the file."""
    spec = importlib.util.spec_from_file_location(name, file)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    # Types that are named by strings are looked for there.
    sys.modules[name] = module
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of what is in beta, which is wanted here
        spec.loader.exec_module(module)
    return module


@functools.cache
def repository_of(name: str, repository: str = "") -> RepositoryDefinition:
    """The repository of a file of definitions; of several, the one of this name."""
    module = module_of(name)
    if repository:
        found: RepositoryDefinition = getattr(module, repository)
        return found
    defs: dg.Definitions = module.defs
    return defs.get_repository_def()


def job_of(name: str, job: str, repository: str = "") -> dg.JobDefinition:
    """A job of a file of definitions."""
    return repository_of(name, repository).get_job(job)
