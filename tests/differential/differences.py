"""Every difference between stock's answers and ours, with its reason: there are no others.

A difference with `normalise` is noise: it is taken out of both answers of every case. One with
`accepts` applies to the cases that name it, and says what ours must look like instead.
"""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.differential.sides import USER_CODE, Side


@dataclass(frozen=True)
class Difference:
    reason: str
    normalise: Callable[[Any, Side], Any] | None = None
    accepts: Callable[[Any, Any], None] | None = None


# The checkout itself may be in the folder for temporary files.
_USER_FILES = (str(USER_CODE), os.path.join(tempfile.gettempdir(), "dif-"))
_FRAME = re.compile(r'^ +File "([^"]+)", line \d+, in .*\n(?: {4,}.*\n?)*', re.MULTILINE)


def _user_frames_only(answer: Any, _side: Side) -> Any:
    def strip(text: str) -> str:
        return _FRAME.sub(lambda m: m[0] if m[1].startswith(_USER_FILES) else "", text)

    def clean(node: dict[str, Any]) -> dict[str, Any]:
        if node.get("__class__") == "SerializableErrorInfo":
            node = {**node, "stack": [frame for frame in node["stack"] if strip(frame)]}
        return node

    return _walk(answer, text=strip, node=clean)


def _without_home(answer: Any, side: Side) -> Any:
    return _walk(answer, text=lambda text: text.replace(str(side.home), "<DAGSTER_HOME>"))


def _without_pids(answer: Any, _side: Side) -> Any:
    return _walk(answer, text=lambda text: re.sub(r"\bpid: \d+", "pid: <pid>", text))


def _without_durations(answer: Any, _side: Side) -> Any:
    return _walk(
        answer, text=lambda text: re.sub(r"\b(in|after) \d[\d.]*m?s\b", r"\1 <time>", text)
    )


def _without_server_ids(answer: Any, _side: Side) -> Any:
    def clean(node: dict[str, Any]) -> dict[str, Any]:
        return (
            {**node, "serialized_server_id": "<id>"} if node.get("serialized_server_id") else node
        )

    return _walk(answer, node=clean)


def _walk(
    answer: Any,
    *,
    text: Callable[[str], str] = lambda text: text,
    node: Callable[[dict[str, Any]], dict[str, Any]] = lambda node: node,
) -> Any:
    if isinstance(answer, str):
        return text(answer)
    if isinstance(answer, list):
        return [_walk(item, text=text, node=node) for item in answer]
    if isinstance(answer, dict):
        return {key: _walk(item, text=text, node=node) for key, item in node(answer).items()}
    return answer


def _refused_with(*statuses: str) -> Callable[[Any, Any], None]:
    def accepts(stock: Any, ours: Any) -> None:
        assert stock["status"] in ("UNKNOWN", "INTERNAL")
        assert ours["status"] in statuses
        _one_clear_line(ours["details"])

    return accepts


def _one_clear_line(details: str) -> None:
    assert 10 < len(details) < 500
    assert "\n" not in details
    assert "Exception calling application" not in details


def _error_of_the_user(stock: Any, ours: Any) -> None:
    assert stock["cls_name"] == "DagsterUserCodeLoadError"
    assert ours == stock["cause"]


def _reload_kept_the_old_code(stock: Any, ours: Any) -> None:
    assert stock["reply"] == {"serialized_error": None}
    assert stock["after"]["__class__"] == "SerializableErrorInfo"
    # Stock tells the error only when asked for the repositories; ours tells it at once ...
    _error_of_the_user(stock["after"], ours["reply"]["serialized_error"])
    # ... and goes on serving what it had.
    assert ours["after"] == ours["before"] == stock["before"]


def _same_code_same_id(stock: Any, ours: Any) -> None:
    assert stock == {"reply": {"serialized_error": None}, "id_changed": True}
    assert ours == {"reply": {"serialized_error": None}, "id_changed": False}


def _says_what_is_wrong(stock: Any, ours: Any) -> None:
    field = "serialized_error" if "serialized_error" in stock else "serializable_error_info"
    assert stock[field]["cls_name"] in ("CheckError", "KeyError")
    assert re.match(
        r"Exception: Could not find a repository called \"\w+\"\n$"
        r"|Exception: Could not load definitions since the code server is in an error state: \w+",
        ours[field]["message"],
    )
    assert {**ours, field: None} == {**stock, field: None}


def _start_run_result(stock: Any, ours: Any) -> None:
    assert stock["status"] == "UNKNOWN"
    result = ours["serialized_start_run_result"]
    assert result["__class__"] == "StartRunResult"
    assert result["success"] is False
    _one_clear_line(result["message"].rstrip("\n"))


def _error_as_at_start(stock: Any, ours: Any) -> None:
    theirs, of_component = stock["error"], ours["error"]
    first_line = theirs["message"].splitlines()[0]  # a drawing of what was loaded so far follows
    assert of_component["message"].startswith(first_line)
    assert {**of_component, "message": ""} == {**theirs, "message": ""}
    assert {**ours, "error": None} == {**stock, "error": None}


def _more_assets(stock: Any, ours: Any) -> None:
    assert set(ours["assets"]) > set(stock["assets"])
    assert {**ours, "assets": None} == {**stock, "assets": None}


DIFFERENCES: dict[str, Difference] = {
    "server frames": Difference(
        "Stack frames of the server's own code and of Dagster's are not the user's; frames of "
        "user files, messages, class names, causes and contexts are compared.",
        normalise=_user_frames_only,
    ),
    "instance": Difference(
        "Each side has its own DAGSTER_HOME, so that neither sees the other's runs.",
        normalise=_without_home,
    ),
    "server ids": Difference(
        "Stock's is random, ours a digest of what is served. That it is stable, and changes when "
        "it must, is compared.",
        normalise=_without_server_ids,
    ),
    "pids": Difference("Processes have different ids.", normalise=_without_pids),
    "durations": Difference("Steps take their time.", normalise=_without_durations),
    "INVALID_ARGUMENT": Difference(
        "Stock lets the exception out of the handler (UNKNOWN), or of the reading of the message "
        "(INTERNAL); a request that cannot be read is the caller's mistake, and is said to be.",
        accepts=_refused_with("INVALID_ARGUMENT"),
    ),
    "NOT_FOUND": Difference(
        "As above, for a file that is not there.", accepts=_refused_with("NOT_FOUND")
    ),
    "PERMISSION_DENIED": Difference(
        "As above, for a file that may not be read.", accepts=_refused_with("PERMISSION_DENIED")
    ),
    "says what is wrong": Difference(
        "Stock trips over an assertion or a look-up of its own; ours says, in the same place, "
        "what both say in other RPCs.",
        accepts=_says_what_is_wrong,
    ),
    "failed start": Difference(
        "Stock lets the exception out of the handler, with the run's process already started; a "
        "run that cannot start is answered with a StartRunResult, like any other.",
        accepts=_start_run_result,
    ),
    "error as at start": Difference(
        "Stock rebuilds the definitions in place, and says what it has loaded so far; ours loads "
        "the code with the new state as at start.",
        accepts=_error_as_at_start,
    ),
    "every component anew": Difference(
        "Stock rebuilds only components whose version is pinned differently from before, and "
        "keeps what others made of an earlier state until it is restarted; ours serves now what "
        "stock does after that.",
        accepts=_more_assets,
    ),
    "error of the user": Difference(
        "Stock's load error says that definitions are being loaded, and its cause is the user's "
        "exception; the UI shows them in this order. Ours is the user's exception.",
        accepts=_error_of_the_user,
    ),
    "failed reload keeps": Difference(
        "A reload that fails must not take the location away: the reply carries the error, and "
        "what was loaded before is served on (--on-reload-error keep, our default).",
        accepts=_reload_kept_the_old_code,
    ),
    "id from content": Difference(
        "Our server id is a digest of what is served: a reload that changes nothing makes no "
        "client fetch everything again.",
        accepts=_same_code_same_id,
    ),
}
