"""What the operator wants to be watched, and what matters nowhere."""

from __future__ import annotations

from pathlib import Path

import pytest

from codeserver.supervisor.watching.patterns import Patterns, is_looked_into

PLAIN = {
    "/root/a.py": True,
    "/root/data.csv": True,
    "/root/Makefile": True,
    "/root/.git/config": True,  # directories are another matter
    "/root/.env": False,
    "/root/.a.py.swp": False,
    "/root/a.py~": False,
    "/root/a.py.swx": False,
    "/root/.#a.py": False,
    "/root/a.pyc": False,
    "/root/a.py___jb_tmp___": True,
    "/root/a.___jb_tmp___": False,
    "/root/flycheck_a.py": False,
}


@pytest.mark.parametrize(("path", "wanted"), PLAIN.items())
def test_without_patterns_all_but_leftovers_and_hidden_files_are_wanted(
    path: str, wanted: bool
) -> None:
    assert Patterns().wants(path) is wanted
    assert not Patterns().excludes(path)


@pytest.mark.parametrize(
    ("texts", "path", "wanted", "excluded"),
    [
        (["*.sql"], "/root/a.sql", True, False),
        (["*.sql"], "/root/a.py", False, False),
        (["*.sql"], "/root/sub/a.sql", True, False),
        (["*.sql", "*.csv"], "/root/a.csv", True, False),
        ([".env"], "/root/.env", True, False),
        (["*.pyc"], "/root/a.pyc", True, False),
        (["/root/*.sql"], "/root/a.sql", True, False),
        (["/root/*.sql"], "/root/sub/a.sql", True, False),
        (["/root/*.sql"], "/other/a.sql", False, False),
        (["sub/*"], "/root/sub/a.sql", True, False),
        (["*/sub/*"], "/root/sub/a.sql", True, False),
        (["A.sql"], "/root/a.sql", False, False),
        (["[ab].sql"], "/root/b.sql", True, False),
        (["!a.py"], "/root/a.py", False, True),
        (["!a.py"], "/root/b.py", True, False),
        (["!a.py"], "/root/.b.py", False, False),
        (["!*/generated/*"], "/root/generated/a.py", False, True),
        (["!*/generated/*"], "/root/generated", True, False),
        (["*.py", "!a.py"], "/root/a.py", False, True),
        (["!a.py", "*.py"], "/root/a.py", False, True),
        (["*.py", "!a.py"], "/root/b.py", True, False),
        (["*.py", "!a.py"], "/root/b.sql", False, False),
    ],
)
def test_patterns(texts: list[str], path: str, wanted: bool, excluded: bool) -> None:
    patterns = Patterns(texts)
    assert patterns.wants(path) is wanted
    assert patterns.excludes(path) is excluded


@pytest.mark.parametrize(
    ("name", "looked_into"),
    [
        ("package", True),
        ("v1.2", True),
        ("missing", True),
        (".git", False),
        (".venv", False),
        ("node_modules", False),
        ("__pycache__", False),
        ("site-packages", False),
        ("dist-packages", False),
        ("environment", False),
    ],
)
def test_which_directories_are_looked_into(tmp_path: Path, name: str, looked_into: bool) -> None:
    (tmp_path / "environment").mkdir()
    (tmp_path / "environment/pyvenv.cfg").touch()
    assert is_looked_into(f"{tmp_path}/{name}") is looked_into
