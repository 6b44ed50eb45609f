"""Errors that users read: their frames, and not ours."""

from __future__ import annotations

import json
import os
import runpy
import sys
import traceback
from collections.abc import Callable
from pathlib import Path

import dagster
import pytest
from dagster._core.errors import DagsterUserCodeLoadError

import codeserver
from codeserver import wire
from codeserver.worker import dagster_internals
from codeserver.worker.failures import brief, current_error, explained, of_the_user
from codeserver.worker.process import limits
from codeserver.worker.process.forking import trampoline
from tests.support.dagster_names import SerializableErrorInfo

OWN = str(Path(codeserver.__file__).parent)


def fail_inside() -> None:
    """An exception that codeserver's own code raises on behalf of the user's."""
    wire.decode_prefix(b"not a prefix")


def plain() -> None:
    fail_inside()


def with_cause() -> None:
    try:
        fail_inside()
    except Exception as error:
        raise ValueError("outer") from error


def with_context() -> None:
    try:
        fail_inside()
    except Exception:
        raise ValueError("outer")  # noqa: B904 - the point of it


def with_two_causes() -> None:
    try:
        with_cause()
    except Exception as error:
        raise LookupError("outermost") from error


def exits() -> None:
    try:
        fail_inside()
    except Exception:
        raise SystemExit("stop")  # noqa: B904 - the point of it


def called_back() -> None:
    """Frames of ours are in the middle of the stack."""
    trampoline(lambda: int("called back"))


def chain(error: SerializableErrorInfo | None) -> list[SerializableErrorInfo]:
    """The error, its causes and its contexts."""
    if error is None:
        return []
    return [error, *chain(error.cause), *chain(error.context)]


def own_frames(error: SerializableErrorInfo) -> list[str]:
    return [frame for each in chain(error) for frame in each.stack if OWN in frame]


@pytest.mark.parametrize(
    ("work", "links"),
    [
        (plain, 1),
        (with_cause, 2),
        (with_context, 2),
        (with_two_causes, 3),
        (exits, 2),
        (called_back, 1),
    ],
)
def test_own_frames_are_left_out(work: Callable[[], None], links: int) -> None:
    try:
        work()
    except BaseException as error:
        raw = dagster_internals.serializable_error_info_from_exc_info(
            (type(error), error, error.__traceback__)
        )
        shown = current_error()
    assert own_frames(raw), "the test is about something"
    assert own_frames(shown) == []
    assert len(chain(shown)) == len(chain(raw)) == links
    for ours, theirs in zip(chain(shown), chain(raw), strict=True):
        assert (ours.message, ours.cls_name) == (theirs.message, theirs.cls_name)
        assert ours.stack == [frame for frame in theirs.stack if OWN not in frame]
        assert any(work.__name__ in frame or "fail_inside" in frame for frame in ours.stack)


def test_it_is_the_error_of_the_user() -> None:
    try:
        with_cause()
    except ValueError:
        shown = current_error()
        assert shown.to_string().count(__file__) == traceback.format_exc().count(__file__)
    assert shown.message == "ValueError: outer\n"
    assert shown.cls_name == "ValueError"
    assert shown.cause is not None
    assert shown.cause.cls_name == "ProtocolError"


@pytest.mark.parametrize("file", [f"{OWN}_tools/repo.py", f"{OWN}.py", f"/srv{OWN}/repo.py"])
def test_files_with_names_like_ours_are_the_users(file: str) -> None:
    try:
        exec(compile("raise ValueError", file, "exec"))
    except ValueError:
        shown = current_error()
    assert any(file in frame for frame in shown.stack)


NOTE = (
    "It needs more than the 100 MiB of memory that --worker-memory-limit leaves to one evaluator."
)


class NotMemoryError(MemoryError):
    """One that the user's code raises about something else."""


def for_memory() -> None:
    raise MemoryError


def caused_by_memory() -> None:
    try:
        for_memory()
    except MemoryError as error:
        raise ValueError("outer") from error


def while_memory_was_out() -> None:
    try:
        caused_by_memory()
    finally:
        raise KeyError("clean-up")


def for_something_else() -> None:
    raise NotMemoryError


@pytest.mark.parametrize(
    ("work", "is_for_memory"),
    [
        (for_memory, True),
        (caused_by_memory, True),
        (while_memory_was_out, True),
        (for_something_else, False),
        (plain, False),
    ],
)
@pytest.mark.parametrize("limit", [None, 100 << 20])
def test_errors_of_the_memory_limit_are_explained(
    monkeypatch: pytest.MonkeyPatch,
    work: Callable[[], None],
    is_for_memory: bool,
    limit: int | None,
) -> None:
    """At the end of the message, once; with no limit, it is the machine that has no more."""
    lifted: list[bool] = []
    monkeypatch.setattr(limits, "_limit", limit)
    monkeypatch.setattr(limits, "lift", lambda: lifted.append(True))
    try:
        work()
    except Exception as error:
        raw = dagster_internals.serializable_error_info_from_exc_info(
            (type(error), error, error.__traceback__)
        )
        shown = current_error()
    assert lifted, "it takes memory to say so"
    note = f"{NOTE}\n" if is_for_memory and limit else ""
    assert shown.message == raw.message + note
    assert explained(shown) == shown


def caught(work: Callable[[], object]) -> BaseException:
    try:
        work()
    except BaseException as error:
        return error
    raise AssertionError("it should have failed")


def frames_of(text: str) -> list[str]:
    """The files that the text names, each with its function."""
    lines = [line.split('"') for line in text.splitlines() if line.startswith('  File "')]
    return [f"{Path(file).name}{rest.rpartition(',')[2]}" for _, file, rest in lines]


def in_a_library(text: str = "{") -> None:
    json.loads(text)


def back_from_a_library() -> None:
    json.loads("1", parse_int=lambda _: fail_here())


def fail_here() -> None:
    raise KeyError("here")


def because_of_a_library() -> None:
    try:
        in_a_library()
    except ValueError as error:
        raise LookupError("outer") from error


def during_an_error_of_a_library() -> None:
    try:
        in_a_library()
    except ValueError:
        fail_here()


def loaded_by_dagster() -> None:
    try:
        in_a_library()
    except ValueError as error:
        raise DagsterUserCodeLoadError(
            "loading", user_exception=error, original_exc_info=sys.exc_info()
        ) from error


HERE = "test_failures.py in "
TRIED = [f"{HERE}caught"]
LIBRARY = [f"{HERE}in_a_library", "decoder.py in raw_decode"]
NOT_JSON = "json.decoder.JSONDecodeError: Expecting property name"

BRIEF: list[tuple[Callable[[], object], list[str], str]] = [
    (fail_here, [*TRIED, f"{HERE}fail_here"], "KeyError: 'here'"),
    (in_a_library, [*TRIED, *LIBRARY], NOT_JSON),
    (
        back_from_a_library,
        [*TRIED, f"{HERE}back_from_a_library", f"{HERE}<lambda>", f"{HERE}fail_here"],
        "KeyError: 'here'",
    ),
    (
        because_of_a_library,
        [f"{HERE}because_of_a_library", *LIBRARY, *TRIED, f"{HERE}because_of_a_library"],
        "LookupError: outer",
    ),
    (
        during_an_error_of_a_library,
        [
            *(f"{HERE}during_an_error_of_a_library", *LIBRARY),
            *(*TRIED, f"{HERE}during_an_error_of_a_library", f"{HERE}fail_here"),
        ],
        "KeyError: 'here'",
    ),
    (loaded_by_dagster, [f"{HERE}loaded_by_dagster", *LIBRARY], NOT_JSON),
    (
        plain,
        [*TRIED, f"{HERE}plain", f"{HERE}fail_inside", "wire.py in decode_prefix"],
        "codeserver.",
    ),
]


@pytest.mark.parametrize(("work", "frames", "message"), BRIEF)
def test_in_short_it_is_what_happened_in_the_users_files_and_where_it_was_raised(
    work: Callable[[], object], frames: list[str], message: str
) -> None:
    text = brief(caught(work))
    assert frames_of(text) == frames
    assert text.splitlines()[-1].startswith(message)


def test_all_of_an_error_is_shown_in_which_no_file_of_the_user_had_a_part() -> None:
    error = caught(in_a_library)
    assert error.__traceback__ is not None
    assert error.__traceback__.tb_next is not None
    library = error.with_traceback(error.__traceback__.tb_next.tb_next)
    whole = traceback.format_exception(type(library), library, library.__traceback__)
    assert len(frames_of("".join(whole))) > 1, "the test is about something"
    assert brief(library) == "".join(whole).rstrip()


def test_a_mistake_in_the_syntax_is_shown_with_its_place(tmp_path: Path) -> None:
    path = tmp_path / "repo.py"
    path.write_text("def (")
    text = brief(caught(lambda: runpy.run_path(str(path))))
    assert f'  File "{path}", line 1\n    def (' in text
    assert text.endswith("SyntaxError: invalid syntax")
    assert "importlib" not in text


def test_a_line_without_end_is_cut() -> None:
    def fail() -> None:
        raise ValueError("x" * 5_000)

    text = brief(caught(fail))
    message = "ValueError: "
    assert text.splitlines()[-1] == f"{message:x<1000}..."


def test_a_text_without_end_is_cut_in_the_middle() -> None:
    def fail() -> None:
        raise ValueError("\n".join(map(str, range(200))))

    error = caught(fail)
    whole = "".join(traceback.format_exception(error)).splitlines()
    note = f"  ... {len(whole) - 60} lines are left out ..."
    assert brief(error).splitlines() == [*whole[:30], note, *whole[-30:]]


def test_an_error_without_words_is_told_all_the_same() -> None:
    class Silent(Exception):
        def __str__(self) -> str:
            raise ValueError

    def fail() -> None:
        raise Silent

    assert "Silent: <exception str() failed>" in brief(caught(fail))


def info(
    name: str, *files: str, cause: SerializableErrorInfo | None = None
) -> SerializableErrorInfo:
    stack = [f'  File "{file}", line 1, in f\n    code\n' for file in files]
    return SerializableErrorInfo(name, stack, name, cause)


DAGSTER, FROZEN, REPO, PANDAS = (
    *(f"{os.path.dirname(dagster.__file__)}/x.py", "<frozen importlib._bootstrap>"),
    *("/srv/repo.py", "/usr/lib/python3/dist-packages/pandas/x.py"),
)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (
            info("DagsterUserCodeLoadError", DAGSTER, cause=info("E", DAGSTER, FROZEN, REPO)),
            info("E", REPO),
        ),
        (info("E", DAGSTER, REPO, DAGSTER, PANDAS), info("E", REPO, DAGSTER, PANDAS)),
        (
            info("E", FROZEN, REPO, cause=info("F", PANDAS, REPO)),
            info("E", REPO, cause=info("F", REPO)),
        ),
        (info("SyntaxError", DAGSTER, FROZEN), info("SyntaxError", DAGSTER, FROZEN)),
        (info("DagsterUserCodeLoadError", DAGSTER), info("DagsterUserCodeLoadError", DAGSTER)),
    ],
)
def test_the_ui_is_shown_the_users_error_from_the_users_first_call_on(
    error: SerializableErrorInfo, expected: SerializableErrorInfo
) -> None:
    assert of_the_user(error) == expected
