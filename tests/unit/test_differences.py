"""What is different between two loads, in words."""

from __future__ import annotations

import pytest

from codeserver.supervisor.loading.differences import differences, in_words
from codeserver.supervisor.loading.snapshot import Definitions

BEFORE = {"asset": {"a": "1", "b": "1"}, "job": {"load": "1"}, "schedule": {"nightly": "1"}}

CASES: dict[str, tuple[Definitions, Definitions, list[str]]] = {
    "nothing": (BEFORE, BEFORE, []),
    "no definitions": ({}, {}, []),
    "kinds without definitions": ({"asset": {}}, {"job": {}}, []),
    "one is added": ({}, {"asset": {"a": "1"}}, ["+1 asset a"]),
    "one is changed": ({"job": {"a": "1"}}, {"job": {"a": "2"}}, ["~1 job a"]),
    "one is removed": ({"sensor": {"a": "1"}}, {"sensor": {}}, ["-1 sensor a"]),
    "a kind is removed": ({"check": {"a": "1"}}, {}, ["-1 check a"]),
    "one is renamed": (
        {"asset": {"a": "1"}},
        {"asset": {"b": "1"}},
        ["+1 asset b", "-1 asset a"],
    ),
    "one becomes another kind": (
        {"asset": {"a": "1"}},
        {"job": {"a": "1"}},
        ["+1 job a", "-1 asset a"],
    ),
    "several, in alphabetical order": (
        {},
        {"job": {"c": "1", "a": "1", "b": "1"}},
        ["+3 jobs a, b, c"],
    ),
    "many": (
        {},
        {"asset": dict.fromkeys("edcba", "1")},
        ["+5 assets a, b, c, ..."],
    ),
    "kinds that are not known come last": (
        {},
        {"zone": {"a": "1"}, "board": {"a": "1"}, "resource": {"a": "1"}, "asset": {"a": "1"}},
        ["+1 asset a", "+1 resource a", "+1 board a", "+1 zone a"],
    ),
    "added, then changed, then removed": (
        BEFORE,
        {"asset": {"b": "2", "c": "1"}, "job": {}, "schedule": {"nightly": "2", "hourly": "1"}},
        [
            *("+1 asset c", "+1 schedule hourly"),
            *("~1 asset b", "~1 schedule nightly"),
            *("-1 asset a", "-1 job load"),
        ],
    ),
}


@pytest.mark.parametrize(("before", "after", "words"), CASES.values(), ids=CASES)
def test_differences(before: Definitions, after: Definitions, words: list[str]) -> None:
    assert in_words(differences(before, after)) == words
