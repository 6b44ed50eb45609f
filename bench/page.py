"""The report of the results: on the terminal, and as pages of the documentation with charts.

Other pages show some of the results between the comments `<!-- bench: WORKLOAD ... -->` and
`<!-- end of bench -->`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from rich.console import Console
from rich.markdown import Markdown

from bench import tables
from bench.aims import outcomes
from bench.charts import PICTURES, Chart
from bench.results import Part, Results, as_json, from_json

DOCS = Path(__file__).parents[1] / "docs"
_WIDTH = 180
_SECTION = re.compile(r"(<!-- bench: ([\w ]+) -->\n).*?(<!-- end of bench -->\n)", re.DOTALL)
_HEAD = """\
# Benchmarks

This page compares `codeserver grpc` with stock Dagster's two servers, `dagster api grpc` and
`dagster code-server start`. All three serve the same code locations with default options, on the
same machine, to Dagster's own client. The servers take turns in each workload.

```sh
make bench                                # measure everything and write this page
.venv/bin/python -m bench --only latency  # measure one workload; see --help for more
```

{machine}
Times differ on another machine, so compare the ratios. [benchmarks.json](benchmarks.json) has all
samples. [faults.md](faults.md) shows the effects of user code that misbehaves, and
[reload.md](reload.md) the cost of a reload.
"""
_AIMS = """\
## Aims

Each aim compares `codeserver` with the better of the two stock servers, unless it names another.
If an aim is for several figures or locations, the table shows the one with the smallest margin.
"""
_FIGURES = """\
## All figures

The tables show the median of each figure. The last column is the factor by which `codeserver` is
better than the better of the two stock servers: less time, CPU or memory, or more calls. Below 1,
it is worse. A server with an empty cell cannot do this, or has failed. The text below each table
explains the method.
"""


def show(results: Results) -> None:
    """Print the results with the spread of the samples."""
    texts = [text for part in results.parts for text in _part(part, full=True)]
    if not results.quick and any(each.closest for each in outcomes(results)):
        texts += _aims(results)
    console = Console(width=_WIDTH)
    console.print(Markdown("\n".join(texts)))
    console.print(_facts(results.machine), markup=False)


def write(results: Results, docs: Path = DOCS) -> None:
    """Write the page, the charts and the numbers of a whole run."""
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
    """The page with each section of results rewritten, if the results have its workloads."""
    parts = {part.workload: part for part in results.parts if part.machine}

    def section(found: re.Match[str]) -> str:
        names = found[2].split()
        if not parts.keys() >= {*names}:
            return found[0]
        return f"{found[1]}\n{''.join(_section(parts[name]) for name in names)}{found[3]}"

    return _SECTION.sub(section, text)


def _section(part: Part) -> str:
    table = tables.of_notes(part) if part.notes else tables.of_part(part, spread=True)
    return f"{table}\nMeasured on {part.when} with {_facts(part.machine)}.\n\n"


def _facts(machine: Mapping[str, str]) -> str:
    return ", ".join(f"{name} {value}" for name, value in machine.items())


def page(results: Results, pictures: Sequence[Chart]) -> str:
    """The page in Markdown, with the charts that were drawn."""
    places = ((f"location `{name}`", place.title) for name, place in results.places.items())
    machine = tables.table(["measured with", ""], [*results.machine.items(), *places])
    charts = (f"![{each.title}](pictures/bench-{each.name}.svg)\n" for each in pictures)
    parts = (text for part in results.parts for text in _part(part))
    texts = [_HEAD.format(machine=machine), *_aims(results), "## Charts\n", *charts]
    return "\n".join([*texts, _FIGURES, *parts])


def _aims(results: Results) -> Iterator[str]:
    found = outcomes(results)
    yield _AIMS
    yield tables.of_aims(found)
    missed = [f"- {each.aim.what}: {each.aim.reason}." for each in found if each.reached is False]
    if missed:
        yield "\n".join(["Reasons for missed aims:\n", *missed, ""])
    unknown = [f"- {', '.join(each.missing)}" for each in found if each.missing]
    if unknown:
        yield "\n".join(["Figures of these aims that were not measured:\n", *unknown, ""])


def _part(part: Part, *, full: bool = False) -> Iterator[str]:
    yield f"### {part.title}\n"
    if part.figures:
        yield tables.of_part(part, spread=full)
    if full and part.notes:
        yield tables.of_notes(part)
    for place, failure in part.failures.items():
        yield f"Not measured{f' ({tables.place_name(place)})' if place else ''}: {failure}\n"
    yield f"{part.how}\n"
    yield f"Measured on {part.when}.\n"
