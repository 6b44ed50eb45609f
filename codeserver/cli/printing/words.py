"""Times, durations, and other small facts in words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from codeserver.letters import clean

if TYPE_CHECKING:
    from google.protobuf.duration_pb2 import Duration
    from google.protobuf.timestamp_pb2 import Timestamp

    Span = Duration | Timestamp

_MINUTE, _HOUR, _DAY = 60, 3_600, 86_400

_UNITS = (
    (_DAY, "day", _HOUR, "h"),
    (_HOUR, "h", _MINUTE, "min"),
    (_MINUTE, "min", 1, "s"),
)


def seconds_of(span: Span) -> float:
    """The message as a number of seconds."""
    return span.seconds + span.nanos / 1e9


def moment(time: Span, now: datetime) -> str:
    """The time in the time zone of `now`, and its age."""
    then = datetime.fromtimestamp(seconds_of(time), timezone.utc).astimezone(now.tzinfo)
    ago = duration(max(0, round((now - then).total_seconds())))
    return f"{then:%Y-%m-%d %H:%M:%S %z} ({ago} ago)"


def duration(seconds: float) -> str:
    """A duration in words, such as `12 s`, `0.42 s`, `3 min 20 s`, `5 h` or `2 days 4 h`."""
    if seconds < _MINUTE:
        return f"{seconds} s" if isinstance(seconds, int) else f"{seconds:.2f} s"
    whole = round(seconds)
    unit, name, part, smaller = next(each for each in _UNITS if whole >= each[0])
    many, rest = divmod(whole, unit)
    name = "days" if name == "day" and many > 1 else name
    return f"{many} {name}" + (f" {rest // part} {smaller}" if rest // part else "")


def size_of(count: int) -> str:
    """A number of bytes in words, such as `812 B`, `34.1 kB` or `1.2 MB`."""
    if count < 1_000:
        return f"{count} B"
    return f"{count / 1e3:.1f} kB" if count < 1_000_000 else f"{count / 1e6:.1f} MB"


def counted(number: int, noun: str, plural: str = "") -> str:
    """A number and its noun: `1 job`, `2 jobs`."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def listed(names: Iterable[str], most: int | None = None) -> str:
    """The names with commas; instead of those beyond `most`, their number."""
    found = list(names)
    if most is None or len(found) <= most:
        return ", ".join(found)
    return f"{', '.join(found[:most])}, and {len(found) - most:,} more"


def tags(found: Mapping[str, str]) -> str:
    """Tags as in options: `team=data, nightly`."""
    return ", ".join(f"{key}={found[key]}" if found[key] else key for key in sorted(found))


def first_line(text: str) -> str:
    """The first line of a description, without its full stop."""
    lines = text.strip().splitlines()
    return lines[0].strip().removesuffix(".") if lines else ""


def one_line(text: str) -> str:
    """The text in one line."""
    return " ".join(text.split())


def printable(text: str) -> str:
    """The text, with escapes for characters that could control a terminal."""
    if text.isprintable():
        return text
    text = clean(text)
    return "".join(
        each if each.isprintable() or each in "\n\t" else each.encode("unicode_escape").decode()
        for each in text
    )
