"""What users see of three code servers when user code misbehaves.

    python -m bench.faults [--json FILE] [--markdown FILE] [--only SCENARIO] [--servers ours,api]

The same things happen to `codeserver grpc`, `dagster api grpc` and `dagster code-server start`, one
after the other; only a server that nothing is done with but wait for it stays while the next is
measured. Each time a server is started afresh with default options and the same code, asked a few
times until it is warm, and then measured through Dagster's own client. How each number is made is
said in the docstrings of `bench/faults/scenarios`, which are part of the report.
"""

from __future__ import annotations

import sys
import threading
import time
import traceback
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor

from bench.command import parser, prepare
from bench.faults.report import Results, as_json, details, summary
from bench.faults.results import Result, Scenario
from bench.faults.scenarios import SCENARIOS
from bench.faults.server import Server, serving
from bench.faults.turns import Turn
from bench.machine import facts, load
from bench.processes import kill_descendants
from bench.report import markdown, show
from bench.servers import KINDS, Kind


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, and report; returns 1 when something could not be measured.

    Ctrl-C and SIGTERM end everything that was started, and then this.
    """
    names = [scenario.name for scenario in SCENARIOS]
    description = __doc__.splitlines()[0]
    options = parser("python -m bench.faults", description, ("scenario", names), KINDS).parse_args(
        arguments
    )
    prepare()
    machine = facts()
    chosen = [each for each in SCENARIOS if not options.only or each.name in options.only]
    try:
        results = _measure_all(chosen, options.servers)
    except KeyboardInterrupt:
        return 130
    machine["load average after"] = load()
    show(list(details(results, options.servers)), machine)
    if options.json:
        options.json.write_text(as_json(results, machine))
    if options.markdown:
        options.markdown.write_text(markdown(summary(results, options.servers), machine))
    return 0 if all(each.numbers for row in results.values() for each in row.values()) else 1


def _measure_all(scenarios: Sequence[Scenario], kinds: Sequence[Kind]) -> Results:
    """One after the other; those that only wait, longer than the next one does."""
    machine = threading.Lock()
    futures: dict[Scenario, dict[Kind, Future[Result]]] = {each: {} for each in scenarios}
    with ThreadPoolExecutor(len(scenarios) * len(kinds)) as threads:
        try:
            for scenario in scenarios:
                for kind in kinds:
                    turn = Turn(machine)
                    turn.take()
                    futures[scenario][kind] = threads.submit(_measure, scenario, kind, turn)
            return {
                scenario: {kind: future.result() for kind, future in row.items()}
                for scenario, row in futures.items()
            }
        except BaseException:
            kill_descendants()
            raise


def _measure(scenario: Scenario, kind: Kind, turn: Turn) -> Result:
    began = time.monotonic()
    try:
        with serving(kind, turn) as server:
            result = _try(scenario, server)
    except Exception as error:
        traceback.print_exc()
        text = f"could not be measured: {error}"
        result = Result(text, {"": text}, {})
    finally:
        turn.give_up()
    took = time.monotonic() - began
    line = f"{scenario.name:12}{kind.key:12}{took:5.1f} s  {result.summary}"
    print(line, file=sys.stderr, flush=True)
    return result


def _try(scenario: Scenario, server: Server) -> Result:
    try:
        return scenario.measure(server)
    except Exception:
        print(server.output.text[-5000:], file=sys.stderr)
        raise


if __name__ == "__main__":
    sys.exit(main())
