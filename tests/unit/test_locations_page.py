"""docs/locations.md: its examples are read, and its lists are those of the code."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from codeserver.config import Config, settings
from codeserver.errors import OperatorError
from codeserver.locations import read
from tests.docs.blocks import ROOT, blocks

PAGE = (ROOT / "docs" / "locations.md").read_text("utf-8")

NAMES = {
    "locations.toml": ["finance", "Data Science"],
    "workspace.yaml": ["repo.py", "finance", "science.definitions:defs", "inventory", "sales.defs"],
    "dg.toml": ["finance", "Data Science"],
}


@pytest.fixture
def examples(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder with all examples of the page, each in the file that its first line names."""
    for block in (*blocks("toml"), *blocks("yaml")):
        if block.document.name == "locations.md":
            path = tmp_path / block.text.splitlines()[0].removeprefix("# ")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block.text, "utf-8")
    (tmp_path / "science" / "sql").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PWD", str(tmp_path))
    return tmp_path


@pytest.mark.usefixtures("examples")
@pytest.mark.parametrize("file", NAMES)
def test_an_example(file: str) -> None:
    entries = read(file, Config(), pytest.fail)
    assert [entry.name for entry in entries] == NAMES[file]


@pytest.mark.usefixtures("examples")
def test_what_the_page_says_of_an_example() -> None:
    entry = read("locations.toml", Config())[1]
    assert entry.hosts == ("data-science", "science.team.svc")
    assert entry.environment == {"MODEL_DIR": "/models"}


def test_the_error_on_the_page(examples: Path) -> None:
    file = examples / "locations.toml"
    file.write_text(file.read_text("utf-8").replace("max_workers", "max-workers"), "utf-8")
    with pytest.raises(OperatorError) as error:
        read("locations.toml", Config())
    assert f"```text\n{error.value}\n```" in PAGE


@pytest.mark.parametrize(
    ("start", "scope", "written"),
    [
        ("Options of the whole server are no keys:", "server", lambda each: each.name),
        ("These options belong to one location", "location", lambda each: each.flags[0]),
    ],
)
def test_the_lists_on_the_page(start: str, scope: str, written: object) -> None:
    assert callable(written)
    (paragraph,) = [each for each in PAGE.split("\n\n") if each.startswith(start)]
    listed = set(re.findall(r"`([^`]+)`", paragraph)) - {"--locations", "--heartbeat"}
    named = {written(each) for each in settings() if each.scope == scope}
    assert listed == named - {"heartbeat_timeout", "heartbeat_ttl"}
