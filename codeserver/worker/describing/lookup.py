"""Find the definitions that a request names, in one repository or in all."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, NoReturn

from codeserver.errors import InvalidRequest, NotFound
from codeserver.worker import dagster_internals as dagster
from codeserver.worker.describing.plain import one_line
from codeserver.worker.loading.location import Location


def repositories(location: Location, name: str) -> Mapping[str, dagster.RepositoryDefinition]:
    """The repository of this name, or all if the name is empty.

    Raises:
        NotFound: there is no such repository.
    """
    if not name:
        return location.repositories
    if name not in location.repositories:
        not_found("repository", name, location.repositories)
    return {name: location.repositories[name]}


def job(
    location: Location, name: str, repository: str
) -> tuple[dagster.RepositoryDefinition, dagster.JobDefinition]:
    """The job and its repository.

    Raises:
        NotFound: there is no such job or repository.
        InvalidRequest: several repositories have such a job.
    """
    candidates = repositories(location, repository)
    found = [each for each in candidates.values() if each.has_job(name)]
    if not found:
        names = [known for each in candidates.values() for known in each.job_names]
        not_found("job", name, names)
    owner = _only("job", name, found)
    return owner, owner.get_job(name)


def asset(
    location: Location, key: str, repository: str
) -> tuple[dagster.RepositoryDefinition, dagster.AssetKey]:
    """The key of the asset, and its repository.

    Raises:
        NotFound: there is no such asset or repository.
        InvalidRequest: several repositories have such an asset.
    """
    candidates = repositories(location, repository)
    known = {name: asset_keys(each) for name, each in candidates.items()}
    found = [candidates[name] for name, keys in known.items() if key in keys]
    if not found:
        not_found("asset", key, [each for keys in known.values() for each in keys])
    owner = _only("asset", key, found)
    return owner, known[owner.name][key]


def asset_keys(repository: dagster.RepositoryDefinition) -> dict[str, dagster.AssetKey]:
    """The keys of all assets, by string form."""
    keys = repository.asset_graph.get_all_asset_keys()
    return {key.to_user_string(): key for key in sorted(keys)}


def not_found(kind: str, name: str, known: Collection[str]) -> NoReturn:
    """Raise the error for an unknown name, with a hint at the most similar known one.

    Raises:
        NotFound: always.
    """
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


def _only(kind: str, name: str, found: Sequence[Any]) -> Any:
    if len(found) == 1:
        return found[0]
    names = ", ".join(f'"{each.name}"' for each in found)
    what = f'{kind.capitalize()} "{name}" is in several repositories; say in which: {names}.'
    raise invalid("repository", what)
