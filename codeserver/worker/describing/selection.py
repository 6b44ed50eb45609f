"""Select a part of a job, or assets, in Dagster's syntax."""

from __future__ import annotations

import re
from collections.abc import Sequence

from codeserver.errors import InvalidRequest
from codeserver.worker import dagster_internals as dagster
from codeserver.worker.describing import lookup
from codeserver.worker.describing.plain import one_line
from codeserver.worker.loading.location import Location

_TOO_DEEP = "maximum recursion depth exceeded"
_PLAIN_KEY = re.compile(r"[^\s:+*\"'()=<>]+")


def of_ops(job: dagster.JobDefinition, op_selection: Sequence[str]) -> dagster.JobDefinition:
    """The part of the job that the selection picks; the whole job if the selection is empty."""
    if not op_selection:
        return job
    try:
        return job.get_subset(op_selection=list(op_selection))
    except (dagster.DagsterInvalidSubsetError, dagster.DagsterInvalidDefinitionError) as error:
        raise _refused("op_selection", error) from None


def of_assets(job: dagster.JobDefinition, keys: Sequence[str]) -> dagster.JobDefinition:
    """The part of the job that materializes these assets; the whole job if there are none."""
    if not keys:
        return job
    known = {key.to_user_string(): key for key in dagster.selected_asset_keys(job)}
    if not known:
        raise lookup.invalid("asset_selection", f'Job "{job.name}" materializes no assets.')
    for key in keys:
        if key not in known:
            hint = lookup.nearest(key, known) or "get the job to see what it does."
            what = f'Job "{job.name}" does not materialize "{key}"; {hint}'
            raise lookup.invalid("asset_selection", what)
    try:
        return job.get_subset(asset_selection={known[key] for key in keys})
    except (dagster.DagsterInvalidSubsetError, dagster.DagsterInvalidDefinitionError) as error:
        raise _refused("asset_selection", error) from None


def asset_keys(location: Location, selection: str, repository: str) -> list[tuple[str, str]]:
    """Repository and key of each selected asset, sorted.

    The selection is a key in string form, or in Dagster's syntax. An empty one selects all, and an
    empty repository searches all.

    Raises:
        InvalidRequest: Dagster rejects the selection, or there are several repositories.
        NotFound: there is no such asset or repository.
    """
    candidates = lookup.repositories(location, repository)
    selection = selection.strip()
    known = {name: lookup.asset_keys(each) for name, each in candidates.items()}
    if not selection:
        return sorted((name, key) for name, keys in known.items() for key in keys)
    is_key = any(selection in keys for keys in known.values())
    if is_key or _PLAIN_KEY.fullmatch(selection):
        owner, key = lookup.asset(location, selection, repository)
        return [(owner.name, key.to_user_string())]
    if len(candidates) != 1:
        names = ", ".join(f'"{name}"' for name in candidates)
        what = f"There are several repositories; say in which to select: {names}."
        raise lookup.invalid("repository", what)
    name, only = next(iter(candidates.items()))
    return [(name, key) for key in sorted(_selected(only, selection))]


def _selected(repository: dagster.RepositoryDefinition, selection: str) -> list[str]:
    try:
        parsed = dagster.AssetSelection.from_string(selection, include_sources=True)
        keys = parsed.resolve(repository.asset_graph)
    except NotImplementedError:  # Dagster's error for `status:` and the like
        what = "The selection asks for what only Dagster's webserver knows."
        raise lookup.invalid("selection", what) from None
    except dagster.DagsterInvalidAssetSelectionError as error:
        raise _refused("selection", _complaint(selection) or error) from None
    except (dagster.DagsterError, dagster.check.CheckError, RecursionError) as error:
        raise _refused("selection", error) from None
    return [key.to_user_string() for key in keys]


def _refused(field: str, error: object) -> InvalidRequest:
    if _TOO_DEEP in str(error):
        error = "it is nested too deeply; select in several calls"
    return lookup.invalid(field, f"Dagster does not take this {field}: {one_line(error)}")


def _complaint(selection: str) -> str:
    """The parser's message, which Dagster hides; empty if it accepts the selection."""
    try:
        dagster.parse_asset_selection(selection)
    except Exception as error:  # it raises no other class
        return one_line(error)
    return ""
