"""Notebooks: only .ipynb files, only below the server's working directory."""

from __future__ import annotations

from tests.differential.calls import notebook
from tests.differential.cases import Case, check, table
from tests.differential.sides import USER_CODE, Pair

ELSEWHERE = str(USER_CODE.parent)


@table(
    [
        Case("relative", notebook("notebook.ipynb"), expect="nbformat"),
        Case("absolute", notebook(f"{USER_CODE}/notebook.ipynb"), expect="nbformat"),
        Case("roundabout", notebook(f"../{USER_CODE.name}/notebook.ipynb"), expect="nbformat"),
        Case(
            "wrong extension",
            notebook("repo.py"),
            expect="unexpected file extension",
            difference="INVALID_ARGUMENT",
        ),
        Case(
            "empty path",
            notebook(""),
            expect="unexpected file extension",
            difference="INVALID_ARGUMENT",
        ),
        Case(
            "outside",
            notebook(f"{ELSEWHERE}/notebook.ipynb"),
            expect="Access denied",
            older="No such file",
            difference="PERMISSION_DENIED",
        ),
        Case(
            "outside by dots",
            notebook("../notebook.ipynb"),
            expect="Access denied",
            older="No such file",
            difference="PERMISSION_DENIED",
        ),
        Case(
            "missing",
            notebook("nope.ipynb"),
            expect="No such file",
            difference="NOT_FOUND",
        ),
    ]
)
def test_notebook(case: Case, pair: Pair) -> None:
    check(case, pair)
