"""The filters of list requests, as predicates."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from codeserver.api.v1 import code_location_pb2 as pb
from codeserver.api.v1.definitions_pb2 import Asset, Job, Resource, Schedule, Sensor
from codeserver.front.typed_api.refusals import invalid

Matches = Callable[[Any], bool]

_SPECIAL = frozenset("*?[")
_MOST_PATTERNS, _LONGEST_PATTERN = 100, 500
"""No other request gets a reply while Python compiles a large regular expression."""


def of_jobs(request: pb.ListJobsRequest) -> Matches:
    """The filter of `ListJobs`."""
    name, tags = _globs("names", request.names), _tags(request.tags)

    def matches(job: Job) -> bool:
        return (
            (request.include_implicit or not job.is_implicit)
            and name(job.name)
            and tags(job.tags)
            and _shares(request.owners, job.owners)
        )

    return _in_repository(request, matches)


def of_assets(request: pb.ListAssetsRequest) -> Matches:
    """The filter of `ListAssets`."""
    key, tags = _globs("keys", request.keys), _tags(request.tags)

    def matches(asset: Asset) -> bool:
        return (
            key(asset.key)
            and tags(asset.tags)
            and _shares(request.groups, (asset.group,))
            and _shares(request.owners, asset.owners)
            and _shares(request.kinds, asset.kinds)
        )

    return _in_repository(request, matches)


def of_schedules(request: pb.ListSchedulesRequest) -> Matches:
    """The filter of `ListSchedules`."""
    name, tags = _globs("names", request.names), _tags(request.tags)

    def matches(schedule: Schedule) -> bool:
        return (
            name(schedule.name)
            and tags(schedule.tags)
            and _shares(request.owners, schedule.owners)
            and _shares(request.jobs, (schedule.job,))
        )

    return _in_repository(request, matches)


def of_sensors(request: pb.ListSensorsRequest) -> Matches:
    """The filter of `ListSensors`."""
    name, tags = _globs("names", request.names), _tags(request.tags)

    def matches(sensor: Sensor) -> bool:
        return (
            name(sensor.name)
            and tags(sensor.tags)
            and _shares(request.owners, sensor.owners)
            and _shares(request.jobs, sensor.jobs)
            and (not request.types or sensor.type in request.types)
        )

    return _in_repository(request, matches)


def of_resources(request: pb.ListResourcesRequest) -> Matches:
    """The filter of `ListResources`."""
    name, kind = _globs("names", request.names), _globs("types", request.types)

    def matches(resource: Resource) -> bool:
        return name(resource.name) and kind(resource.type)

    return _in_repository(request, matches)


def _in_repository(request: Any, matches: Matches) -> Matches:
    if not request.repository:
        return matches
    return lambda found: found.repository == request.repository and matches(found)


def _globs(field: str, patterns: Sequence[str]) -> Callable[[str], bool]:
    """A filter for names that match one of the patterns; without patterns, for all names.

    Raises:
        InvalidRequest: there are too many patterns, or one is too long.
    """
    if not patterns:
        return lambda _: True
    plain = frozenset(each for each in patterns if _SPECIAL.isdisjoint(each))
    globs = [each for each in patterns if each not in plain]
    if len(globs) > _MOST_PATTERNS or max(map(len, globs), default=0) > _LONGEST_PATTERN:
        what = f"at most {_MOST_PATTERNS} patterns of {_LONGEST_PATTERN} characters are taken"
        raise invalid(field, what)
    if not globs:
        return plain.__contains__
    compiled = re.compile("|".join(map(fnmatch.translate, globs)))
    return lambda name: name in plain or compiled.match(name) is not None


def _tags(wanted: Sequence[str]) -> Callable[[Mapping[str, str]], bool]:
    """A filter for tags that include each of the wanted ones, written as `key` or `key=value`.

    Raises:
        InvalidRequest: a key is empty.
    """
    pairs = [each.partition("=") for each in wanted]
    if any(not key for key, _, _ in pairs):
        raise invalid("tags", "one is written as key or key=value, and its key is not empty")
    return lambda tags: all(
        key in tags and (not has_value or tags[key] == value) for key, has_value, value in pairs
    )


def _shares(wanted: Sequence[str], found: Iterable[str]) -> bool:
    """Whether one of the wanted values is found; true if none is wanted."""
    return not wanted or any(each in wanted for each in found)
