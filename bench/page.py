"""The documentation page of the results, with its charts and their numbers.

Other pages show some of the results between the comments `<!-- bench: WORKLOAD ... -->` and
`<!-- end of bench -->`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from bench import outcomes, tables
from bench.charts import PICTURES, Bars, Lines
from bench.results import Part, Results, as_json, from_json
from bench.tables import Table

DOCS = Path(__file__).parents[1] / "docs"
_SECTION = re.compile(r"(<!-- bench: ([\w ]+) -->\n).*?(<!-- end of bench -->\n)", re.DOTALL)
_HEAD = """\
# Benchmarks

`codeserver grpc` beside stock Dagster's two servers, `dagster api grpc` and
`dagster code-server start`: the same code locations, with default options, on the same machine,
each workload in one run with the servers in turns, through Dagster's own client.

```sh
make bench                                # measures everything and writes this page
.venv/bin/python -m bench --only latency  # one workload; --help says what else
```

{machine}

On another machine the times are other ones; the ratios are what to look at. All samples are in
[benchmarks.json](benchmarks.json). What happens when user code misbehaves is in
[faults.md](faults.md), and what a reload costs in [reload.md](reload.md).
"""


def write(results: Results, docs: Path = DOCS) -> None:
    """Write the page, the charts and the numbers.

    Args:
        results: the results of a whole run.
        docs: the folder of the documentation.
    """
    results = from_json(as_json(results))  # with the digits that the file keeps
    pictures = docs / "pictures"
    pictures.mkdir(exist_ok=True)
    drawn = [(each, svg) for each in PICTURES if (svg := each.draw(results))]
    for old in pictures.glob("bench-*.svg"):
        old.unlink()
    for picture, svg in drawn:
        (pictures / f"bench-{picture.name}.svg").write_text(svg, "utf-8")
    (docs / "benchmarks.json").write_text(as_json(results), "utf-8")
    (docs / "benchmarks.md").write_text(page(results, [picture for picture, _ in drawn]), "utf-8")
    for path in docs.glob("*.md"):
        text = path.read_text("utf-8")
        if _SECTION.search(text):
            path.write_text(with_sections(text, results), "utf-8")


def with_sections(text: str, results: Results) -> str:
    """The page with each section of results rewritten, if the results have its workloads.

    Args:
        text: the page.
        results: the results of a run.
    """
    parts = {part.workload: part for part in results.parts}

    def section(found: re.Match[str]) -> str:
        chosen = [part for name in found[2].split() if (part := parts.get(name)) and part.machine]
        if len(chosen) < len(found[2].split()):
            return found[0]
        return f"{found[1]}\n{''.join(map(_section, chosen))}{found[3]}"

    return _SECTION.sub(section, text)


def _section(part: Part) -> str:
    table = tables.notes(part) if part.notes else tables.of_part(part, spread=True)
    facts = ", ".join(f"{name} {value}" for name, value in part.machine.items())
    return f"{table.markdown}\nMeasured on {part.when} with {facts}.\n\n"


def page(results: Results, pictures: Sequence[Bars | Lines]) -> str:
    """The page, in Markdown.

    Args:
        results: the results of a run.
        pictures: the charts that were drawn.
    """
    return "\n".join(_page(results, pictures))


def _page(results: Results, pictures: Sequence[Bars | Lines]) -> Iterator[str]:
    yield _HEAD.format(machine=_machine(results))
    yield from _aims(results)
    yield "## In pictures\n"
    for picture in pictures:
        yield f"![{picture.title}](pictures/bench-{picture.name}.svg)\n"
    yield "## Everything that was measured\n"
    yield (
        "The median of each figure, and how many times better `codeserver` is than the better of\n"
        "the two stock servers: less time, CPU or memory, or more calls. Below 1, it is worse.\n"
        "Where nothing is said, the server cannot do it, or has failed. Each table is followed by\n"
        "how its numbers were made.\n"
    )
    by_workload = {part.workload: table for part, table in tables.figures(results, spread=False)}
    for part in results.parts:
        yield from _part(part, by_workload.get(part.workload))


def _machine(results: Results) -> str:
    rows = [
        *results.machine.items(),
        *((f"location `{name}`", place.title) for name, place in results.places.items()),
    ]
    lines = "\n".join(f"| {name} | {value} |" for name, value in rows)
    return f"| measured with | |\n| --- | --- |\n{lines}"


def _aims(results: Results) -> Iterator[str]:
    found = outcomes.outcomes(results)
    table = tables.aims(found)
    yield f"## {table.title}\n"
    yield f"In this table, {table.how}.\n"
    yield table.markdown
    missed = [f"- {each.aim.what}: {each.aim.reason}." for each in found if each.reached is False]
    if missed:
        yield "\n".join(["Why an aim is not reached:\n", *missed, ""])
    unknown = [f"- {', '.join(each.missing)}" for each in found if each.missing]
    if unknown:
        yield "\n".join(["Aimed for with these figures, too, but not measured:\n", *unknown, ""])


def _part(part: Part, table: Table | None) -> Iterator[str]:
    yield f"### {part.title}\n"
    if table is not None:
        yield table.markdown
    for place, failure in part.failures.items():
        yield f"Not measured{f' ({tables.place_name(place)})' if place else ''}: {failure}\n"
    yield f"{part.how}\n"
    yield f"Measured on {part.when}.\n"
