"""A pytest plugin with the fixture `code_location`, which serves your definitions to your tests.

::

    # pyproject.toml
    [tool.pytest.ini_options]
    code_location_file = "repo.py"

    # test_repo.py
    def test_the_example(code_location):
        assert code_location.jobs["example_job"].edges == [
            ("multiply_the_word.result", "count_letters.word"),
        ]
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from codeserver.testing.location import CodeLocation
from codeserver.testing.named import UnknownNameError

__all__ = ["CodeLocation", "UnknownNameError"]

_INI = {
    "code_location_file": ("python_file", "Python file whose definitions are served"),
    "code_location_module": ("module_name", "Python module whose definitions are served"),
    "code_location_package": ("package_name", "Python package whose definitions are served"),
    "code_location_working_directory": (
        "working_directory",
        "directory that imports of the definitions start from (default: the rootdir)",
    ),
    "code_location_python": ("python", "Python that loads the definitions, instead of this one"),
}
_TARGETS = ("python_file", "module_name", "package_name", "autoload_defs_module_name")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare the options; paths are relative to the rootdir."""
    for name, (_, what) in _INI.items():
        parser.addini(name, f"code_location: {what}.", default="")


@pytest.fixture(scope="session")
def code_location_target(pytestconfig: pytest.Config) -> Mapping[str, Any]:
    """The code that `code_location` serves, as arguments of `codeserver.CodeServer`.

    The default is the code named in the configuration of pytest, or else in the pyproject.toml of
    the rootdir. Override the fixture to serve other code.
    """
    given = {argument: pytestconfig.getini(name) for name, (argument, _) in _INI.items()}
    target = {argument: str(value) for argument, value in given.items() if value}
    if sum(argument in target for argument in _TARGETS) > 1:
        names = [name for name, (argument, _) in _INI.items() if argument in target]
        pytest.fail(f"{' and '.join(names)} are set; keep one of them.", pytrace=False)
    return {"cwd": pytestconfig.rootpath, **target}


@pytest.fixture(scope="session")
def code_location(code_location_target: Mapping[str, Any]) -> Iterator[CodeLocation]:
    """The code location of your project, served during the test session."""
    from codeserver.client.errors import LoadFailedError
    from codeserver.embedding import CodeServer, ServerExitedError

    server = CodeServer(**code_location_target)
    try:
        server.start()
    except LoadFailedError as error:
        pytest.fail(f"code_location: {error}\n\n{error.load_error.text}", pytrace=False)
    except ServerExitedError as error:
        is_named = any(name in code_location_target for name in _TARGETS)
        pytest.fail(f"code_location: {error}{'' if is_named else _HINT}", pytrace=False)
    try:
        with server.connect() as client:
            yield CodeLocation(client)
    finally:
        server.stop()


_HINT = (
    "\nSet code_location_file, code_location_module or code_location_package in the configuration "
    "of pytest, or override the fixture code_location_target."
)
