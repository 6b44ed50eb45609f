"""What can happen to a code server, one thing a module."""

from __future__ import annotations

from bench.faults.results import Scenario
from bench.faults.scenarios import (
    busy_ticks,
    crashing_tick,
    failed_reload,
    hung_ticks,
    killed_code,
    memory,
    output_flood,
    shutdown,
)

SCENARIOS = (
    Scenario("hung-ticks", "40 ticks that hang", hung_ticks.measure),
    Scenario("busy-ticks", "4 ticks that use 3 s of CPU each", busy_ticks.measure),
    Scenario("segfault", "a segfault in a tick", crashing_tick.measure_segfault),
    Scenario("exit", "`os._exit(1)` in a tick", crashing_tick.measure_exit),
    Scenario("kill", "`kill -9` of the process with the user's code", killed_code.measure),
    Scenario("sigterm", "SIGTERM while a tick hangs", shutdown.measure),
    Scenario("reload", "a reload that fails", failed_reload.measure),
    Scenario("memory", "a tick that takes 1.5 GB", memory.measure_released),
    Scenario("leak", "a tick that leaks 1.5 GB", memory.measure_leaked),
    Scenario("output", "a tick that prints 100 MB while nobody reads", output_flood.measure),
)
