"""Find the definitions that a request names, in one repository or in all."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable, Mapping
from typing import NoReturn

from codeserver.errors import InvalidRequest, NotFound
from codeserver.worker import dagster_internals as dagster
from codeserver.worker.describing.plain import one_line
from codeserver.worker.loading.location import Location


def repositories(location: Location, name: str) -> Mapping[str, dagster.RepositoryDefinition]:
    """The repository of this name, or all if the name is empty; `NotFound` if there is none."""
    if not name:
        return location.repositories
    if name not in location.repositories:
        not_found("repository", name, location.repositories)
    return {name: location.repositories[name]}


def job(
    location: Location, name: str, repository: str
) -> tuple[dagster.RepositoryDefinition, dagster.JobDefinition]:
    """The job and its repository.

    Raises `NotFound` if there is none, and `InvalidRequest` if several repositories have one.
    """
    candidates = repositories(location, repository)
    known = {each: candidates[each].job_names for each in candidates}
    owner = candidates[_only("job", name, known)]
    return owner, owner.get_job(name)


def asset(
    location: Location, key: str, repository: str
) -> tuple[dagster.RepositoryDefinition, dagster.AssetKey]:
    """The key of the asset, and its repository; errors are those of `job`."""
    candidates = repositories(location, repository)
    known = {name: asset_keys(each) for name, each in candidates.items()}
    owner = _only("asset", key, known)
    return candidates[owner], known[owner][key]


def asset_keys(repository: dagster.RepositoryDefinition) -> dict[str, dagster.AssetKey]:
    """The keys of all assets, by string form."""
    keys = repository.asset_graph.get_all_asset_keys()
    return {key.to_user_string(): key for key in sorted(keys)}


def not_found(kind: str, name: str, known: Collection[str]) -> NoReturn:
    """Raise `NotFound` for an unknown name, with a hint at the most similar known one."""
    article = "an" if kind[0] in "aeiou" else "a"
    hint = nearest(name, known) or f"list what there is to find {article} {kind}."
    detail = {"type": "resource", "resource_type": kind, "resource_name": name}
    raise NotFound(f'There is no {kind} "{one_line(name)}"; {hint}', [detail])


def nearest(name: str, known: Iterable[str]) -> str:
    """A hint with the most similar name; empty if no name is similar."""
    near = difflib.get_close_matches(name, known, 1)
    return f'did you mean "{near[0]}"?' if near else ""


def invalid(field: str, what: str) -> InvalidRequest:
    """The error for an invalid field of a request."""
    line = one_line(what)
    return InvalidRequest(line, [{"type": "field", "field": field, "description": line}])


def _only(kind: str, name: str, known: Mapping[str, Collection[str]]) -> str:
    """The one repository of these that knows the name."""
    found = [repository for repository, names in known.items() if name in names]
    if not found:
        not_found(kind, name, [each for names in known.values() for each in names])
    if len(found) == 1:
        return found[0]
    names = ", ".join(f'"{each}"' for each in found)
    what = f'{kind.capitalize()} "{name}" is in several repositories; say in which: {names}.'
    raise invalid("repository", what)
