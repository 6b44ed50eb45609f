"""Whether the kernel has ended a process because memory ran out, by the counters that it keeps."""

from __future__ import annotations

from pathlib import Path

import pytest

from codeserver.supervisor.processes import exits
from codeserver.supervisor.processes.exits import OomKills

FILES = {
    "memory.events": "low 0\nhigh 0\nmax 31\noom 9\noom_kill {}\noom_group_kill 7\n",
    "memory.oom_control": "oom_kill_disable 0\nunder_oom 0\noom_kill {}\n",
    "vmstat": "nr_free_pages 5\noom_kill {}\nnr_unstable 0\n",
}


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(exits, "time", made)
    return made


@pytest.mark.parametrize("name", FILES)
def test_a_counter_that_rises(tmp_path: Path, name: str) -> None:
    file = tmp_path / name
    file.write_text(FILES[name].format(3))
    kills = OomKills([file])
    assert not kills.happened_lately(), "what was before is not lately"
    file.write_text(FILES[name].format(4))
    assert kills.happened_lately()


def test_lately_is_over_after_a_while(tmp_path: Path, clock: Clock) -> None:
    """Several processes that are killed together are asked about one by one."""
    file = tmp_path / "memory.events"
    file.write_text("oom_kill 0\n")
    kills = OomKills([file])
    for count in (1, 2):
        file.write_text(f"oom_kill {count}\n")
        assert kills.happened_lately()
        clock.now += 1.9
        assert kills.happened_lately()
        clock.now += 0.2
        assert not kills.happened_lately()


def test_right_after_the_start_of_the_machine(tmp_path: Path, clock: Clock) -> None:
    clock.now = 0.5
    file = tmp_path / "memory.events"
    file.write_text("oom_kill 0\n")
    assert not OomKills([file]).happened_lately()


@pytest.mark.parametrize(
    ("contents", "used"),
    [
        ([None, "oom_kill 1\n", "oom_kill 1\n"], 1),
        (["oom_kill 1\n", "oom_kill 1\n", None], 0),
        (["low 0\noom 5\n", "oom_kill 1\n"], 1),
        (["oom_kill x\n", "oom_kill 1\n"], 1),
        (["", None, "oom_kill 0\n"], 2),
        (["oom_kill_disable 1\nunder_oom 0\n", "oom_kill 1\n"], 1),
    ],
)
def test_the_first_file_that_counts_is_used(
    tmp_path: Path, contents: list[str | None], used: int
) -> None:
    files = [tmp_path / str(number) for number in range(len(contents))]
    for file, content in zip(files, contents, strict=True):
        if content is not None:
            file.write_text(content)
    kills = OomKills(files)
    for file in files:
        if file is not files[used]:
            file.write_text("oom_kill 99\n")
    assert not kills.happened_lately()
    files[used].write_text("oom_kill 2\n")
    assert kills.happened_lately()


@pytest.mark.parametrize("content", [None, "", "oom 5\n", "oom_kill\n", "oom_kill -\n"])
def test_nothing_counts(tmp_path: Path, content: str | None) -> None:
    file = tmp_path / "memory.events"
    if content is not None:
        file.write_text(content)
    kills = OomKills([file])
    assert not kills.happened_lately()
    file.write_text("oom_kill 1\n")
    assert not kills.happened_lately()


@pytest.mark.parametrize("after", [None, "", "oom_kill x\n", "oom_kill 1\n"])
def test_a_counter_that_goes_away_or_falls(tmp_path: Path, after: str | None) -> None:
    file = tmp_path / "memory.events"
    file.write_text("oom_kill 5\n")
    kills = OomKills([file])
    if after is None:
        file.unlink()
    else:
        file.write_text(after)
    assert not kills.happened_lately()


WHERE: dict[str, tuple[str | None, list[str]]] = {
    "version 2": ("0::/system.slice/x.service\n", ["system.slice/x.service/memory.events"]),
    "version 2 in a container": ("0::/\n", ["memory.events"]),
    "version 1": (
        "12:pids:/a\n5:cpu,memory:/docker/b\n1:name=systemd:/c\n",
        ["memory/docker/b/memory.oom_control"],
    ),
    "both": (
        "5:memory:/b\n0::/c\n",
        ["memory/b/memory.oom_control", "c/memory.events"],
    ),
    "a path with a colon": ("0::/a:b\n", ["a:b/memory.events"]),
    "none": (None, []),
}


@pytest.mark.parametrize(("groups", "expected"), WHERE.values(), ids=WHERE)
def test_where_it_is_looked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, groups: str | None, expected: list[str]
) -> None:
    """What the kernel says of this process's control group goes first."""
    said = tmp_path / "cgroup"
    if groups is not None:
        said.write_text(groups)
    monkeypatch.setattr(
        exits, "Path", lambda *parts: said if parts == ("/proc/self/cgroup",) else Path(*parts)
    )
    found = [str(file).removeprefix("/sys/fs/cgroup/") for file in exits._counters()]
    assert found == [*expected, "memory.events", "memory/memory.oom_control", "/proc/vmstat"]


def test_this_machine() -> None:
    """Wherever it counts, nothing was killed just now."""
    assert not OomKills().happened_lately()
