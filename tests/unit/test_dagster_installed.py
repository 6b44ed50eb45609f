"""What is said of an installation of Dagster, by its files."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from codeserver.worker import dagster_installed
from codeserver.worker.dagster_installed import NEWEST_TESTED, Unusable, look, numbers, remarks

NEWER = "1.99.0"


def install(
    packages: Path, version: str, others: Mapping[str, tuple[str, str]] | None = None
) -> None:
    """Install Dagster's packages, and others: their versions and the Dagster that they pin."""
    for name in ("dagster", "dagster_shared"):
        (packages / name).mkdir(parents=True)
        (packages / name / "__init__.py").touch()
        (packages / name / "version.py").write_text(f'__version__ = "{version}"\n')
        folder = packages / f"{name}-{version}.dist-info"
        folder.mkdir()
        (folder / "METADATA").write_text("Metadata-Version: 2.4\n")
        (folder / "RECORD").write_text(
            f"{name}/__init__.py,sha256=x,0\n{name}/version.py,sha256=x,24\n"
        )
    for name, (its_version, pin) in (others or {}).items():
        folder = packages / f"{name}-{its_version}.dist-info"
        folder.mkdir()
        (folder / "METADATA").write_text(f"Name: {name}\nRequires-Dist: dagster=={pin}\n")


@pytest.fixture
def packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "packages"
    path.mkdir()
    monkeypatch.setattr(sys, "path", [str(path)])
    for name in [name for name in sys.modules if name.partition(".")[0] == "dagster"]:
        monkeypatch.delitem(sys.modules, name)
    return path


def test_nothing_is_odd(packages: Path) -> None:
    install(packages, "1.12.3", {"dagster_postgres": ("0.28.3", "1.12.3")})
    found = look()
    assert found.version == "1.12.3"
    assert remarks(found) == []
    assert found.missing_files == []
    assert [Path(path).parent.name for path in found.marks] == ["dagster", "dagster_shared"]


def test_there_is_none(packages: Path) -> None:
    assert look().version == ""
    error = ModuleNotFoundError("No module named 'dagster'")
    assert dagster_installed.why_not(error, list) is error


@pytest.mark.parametrize(
    ("others", "said"),
    [
        ({"dagster_postgres": ("0.27.1", "1.11.1")}, "dagster-postgres 0.27.1 belongs to"),
        ({"dagster_webserver": ("1.11.1", "1.11.1")}, ""),
        ({"dagster_graphql": ("1.11.1", "1.11.1")}, ""),
        ({"dagster_cloud": ("1.12.3", "1.12.3")}, ""),
    ],
)
def test_packages_of_other_versions(
    packages: Path, others: dict[str, tuple[str, str]], said: str
) -> None:
    install(packages, "1.12.3", others)
    told = remarks(look())
    assert len(told) == bool(said)
    assert said in "".join(told)


def test_two_on_the_path(packages: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(packages, "1.12.3")
    install(tmp_path / "second", "1.11.1")
    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path / "second")])
    (line,) = remarks(look())
    assert line == (
        f"Dagster is installed twice: {packages}/dagster (1.12.3) is used, and "
        f"{tmp_path}/second/dagster is not; remove one of them"
    )


def test_half_installed(packages: Path) -> None:
    install(packages, "1.12.3")
    (packages / "dagster" / "__init__.py").unlink()
    found = dagster_installed.why_not(ImportError("x"), list)
    assert str(found) == (
        f"Dagster 1.12.3 is only half there: dagster/__init__.py is missing in {packages}; "
        "install it anew"
    )


def test_a_dagster_shared_of_another_version(packages: Path) -> None:
    install(packages, "1.12.3")
    (packages / "dagster_shared-1.12.3.dist-info").rename(
        packages / "dagster_shared-1.11.1.dist-info"
    )
    (line,) = remarks(look())
    assert "dagster-shared 1.11.1 belongs to Dagster 1.11.1" in line
    found = dagster_installed.why_not(AttributeError("it has no such thing"), list)
    assert isinstance(found, Unusable)
    assert "dagster-shared 1.11.1 belongs to Dagster 1.11.1" in str(found)


@pytest.mark.parametrize(("version", "is_refused"), [("1.9.13", True), ("1.10.0", False)])
def test_too_old(packages: Path, version: str, is_refused: bool) -> None:
    install(packages, version)
    found = look()
    assert found.is_too_old == is_refused
    assert not found.is_newer_than_tested
    if is_refused:
        with pytest.raises(Unusable, match=r"Dagster 1\.9\.13 is too old; install Dagster 1\.10 "):
            dagster_installed.refuse_too_old(found)


def test_a_misfit_names_both_versions(packages: Path) -> None:
    install(packages, NEWER)
    found = dagster_installed.why_not(ImportError("x"), lambda: [f"a.b{n}" for n in range(9)])
    assert str(found) == (
        f"Dagster {NEWER} does not fit: it has no a.b0, it has no a.b1, it has no a.b2, it has no "
        f"a.b3, it has no a.b4 and 4 more; install Dagster 1.10 to {NEWEST_TESTED}, or a newer "
        "codeserver"
    )


def test_versions_are_numbers() -> None:
    ordered = ["1.9.13", "1.10", "1.10.1rc1", "1.10.2", "1.13.9", "1.13.10", "1!0+dev"]
    assert sorted(ordered, key=numbers) == ordered
    assert numbers("1.10") == numbers("1.10.0")
    assert numbers("") == ()
