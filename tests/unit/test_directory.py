"""The locations of a server by name: which one a call is about, and how much a list may hold."""

from __future__ import annotations

from typing import Any

import pytest

from codeserver.api import v1
from codeserver.errors import InvalidRequest, NotFound
from codeserver.front.typed_api.directory import CodeLocationService, Directory


class Api:
    """Answers for one location."""

    def __init__(self, name: str, message: v1.Location | None = None) -> None:
        self.message = message or v1.Location(name=name)
        self.ended = False

    def describe(self) -> v1.Location:
        return self.message

    def end_streams(self) -> None:
        self.ended = True


def directory(*names: str) -> tuple[Directory, dict[str, Any]]:
    found, apis = Directory(), {name: Api(name) for name in names}
    for name, api in apis.items():
        found.add(name, api)  # type: ignore[arg-type]
    return found, apis


FOUND = [
    (("sales", "ops"), "ops", "ops"),
    (("sales",), "sales", "sales"),
    (("sales",), "", "sales"),
]


@pytest.mark.parametrize(("names", "name", "expect"), FOUND)
def test_find(names: tuple[str, ...], name: str, expect: str) -> None:
    found, apis = directory(*names)
    assert found.find(name) is apis[expect]


MANY = tuple(f"n{number}" for number in range(25))
REFUSED = [
    (("a", "b"), "", InvalidRequest, 'name one of them (--location): "a", "b".'),
    (MANY, "", InvalidRequest, "This server has 25 locations; name one"),
    (MANY, "", InvalidRequest, '"n19" and 5 more.'),
    (("sales", "ops"), "sale", NotFound, 'no location "sale"; did you mean "sales"?'),
    (("sales",), "x", NotFound, 'no location "x"; there is "sales".'),
    ((), "x", NotFound, 'no location "x"; there is none.'),
    ((), "", NotFound, "This server has no locations."),
]


@pytest.mark.parametrize(("names", "name", "kind", "says"), REFUSED)
def test_refused(names: tuple[str, ...], name: str, kind: type[Exception], says: str) -> None:
    found, _ = directory(*names)
    with pytest.raises(kind) as refused:
        found.find(name)
    assert says in str(refused.value)


def test_locations_come_and_go() -> None:
    found, apis = directory("a", "b", "c")
    found.arrange(["c", "new", "a"])
    assert found.names == ("c", "a", "b")
    found.remove("c")
    assert found.names == ("a", "b")
    assert [api.ended for api in apis.values()] == [False, False, True]
    with pytest.raises(ValueError, match="a location a already"):
        found.add("a", apis["a"])
    found.end_streams()
    assert all(api.ended for api in apis.values())


async def test_a_list_of_many_that_do_not_load_is_short_enough_for_every_client() -> None:
    long = v1.LoadError(type="ValueError", message="x" * 5_000, text="y" * 200_000)
    long.frames.extend(v1.StackFrame(file="f.py", code="z" * 500) for _ in range(100))
    imports = [v1.ModuleImport(module=f"m{number}") for number in range(100)]
    found = Directory()
    for number in range(100):
        message = v1.Location(name=f"n{number}", load_error=long, imports=imports)
        found.add(message.name, Api("", message))  # type: ignore[arg-type]

    request: Any = v1.ListLocationsRequest()
    response = await CodeLocationService(found).ListLocations(request, None)  # type: ignore[arg-type]

    assert response.ByteSize() < 2_000_000
    assert [each.name for each in response.locations] == list(found.names)
    assert {each.load_error.type for each in response.locations} == {"ValueError"}
    assert not any(each.imports for each in response.locations)
    assert found.find("n0").describe().load_error == long  # is as it was
