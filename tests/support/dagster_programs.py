"""Start the real `dagster-webserver` and `dagster-daemon` on top of code servers."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import sysconfig
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import yaml
from dagster import DagsterInstance

from tests.support.eventually import PATIENCE
from tests.support.graphql import DagsterApi, GraphQL
from tests.support.servers import ServerProcess

_INSTANCE = {
    "telemetry": {"enabled": False},
    "nux": {"enabled": False},
    "code_servers": {"reload_timeout": PATIENCE},
    "run_coordinator": {
        "module": "dagster.core.run_coordinator",
        "class": "DefaultRunCoordinator",
    },
}


class Program:
    """A program that runs until it is stopped, with everything that it wrote.

    Attributes:
        name: what failure messages call it.
        process: the running process.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        stop_signal: signal.Signals = signal.SIGTERM,
        **popen: Any,
    ) -> None:
        self.name = name
        self._stop_signal = stop_signal
        self._lines: list[str] = []
        self._ended = False
        self._news = threading.Condition()
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, "PYTHONUNBUFFERED": "1", **(env or {})},
            cwd=cwd,
            **popen,
        )
        self._reader = threading.Thread(target=self._read, name=f"{name}-output")
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout
        for line in self.process.stdout:
            with self._news:
                self._lines.append(line)
                self._news.notify_all()
        with self._news:
            self._ended = True
            self._news.notify_all()

    @property
    def text(self) -> str:
        """Everything that the program wrote so far."""
        return "".join(self._lines)

    def wait_for_output(self, part: str) -> None:
        """Wait until the program has written a line that contains `part`.

        Raises AssertionError with all output when it ends before, or when patience does.
        """
        deadline = time.monotonic() + PATIENCE
        with self._news:
            while not any(part in line for line in self._lines):
                remaining = deadline - time.monotonic()
                if self._ended or remaining <= 0:
                    how = "ended before" if self._ended else f"did not within {PATIENCE} s say"
                    raise AssertionError(f"{self.name} {how} {part!r}:\n{self.text}")
                self._news.wait(remaining)

    def ask_to_stop(self) -> None:
        """Send the signal that stops the program, without waiting for the end."""
        if self.process.poll() is None:
            self.process.send_signal(self._stop_signal)

    def stop(self) -> int:
        """Stop the program, by force if it takes no notice; return the exit code."""
        self.ask_to_stop()
        try:
            self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
        code = self.process.wait()
        self._reader.join(PATIENCE)
        assert self.process.stdout
        self.process.stdout.close()
        return code


class Deployment(DagsterApi):
    """Code servers, a webserver and, when it is started, a daemon that share one instance.

    A context manager. Everything that a user can do with it is inherited from DagsterApi.

    Args:
        home: an empty folder, the DAGSTER_HOME of all programs.
        servers: code server of each location, not started yet.
        storage: the ``storage`` entry of dagster.yaml; without it Dagster uses SQLite.
        run_launcher: the ``run_launcher`` entry; without it the code servers run everything.
        instance: other entries of dagster.yaml.
        env: further variables of the webserver and the daemon.

    Attributes:
        instance_yaml: the text of dagster.yaml.
    """

    def __init__(
        self,
        home: Path,
        servers: Mapping[str, ServerProcess],
        *,
        storage: Mapping[str, Any] | None = None,
        run_launcher: Mapping[str, Any] | None = None,
        instance: Mapping[str, Any] | None = None,
        env: Mapping[str, str] | None = None,
    ) -> None:
        self.home = home
        self.servers = dict(servers)
        self.webserver: Program | None = None
        self.daemon: Program | None = None
        self._env = {"DAGSTER_HOME": str(home), "DAGSTER_DISABLE_TELEMETRY": "1"}
        # The environment's HTTP proxy, if any, is not for servers of this machine.
        self._env |= dict.fromkeys(("NO_PROXY", "no_proxy"), "127.0.0.1,localhost")
        self._env |= env or {}
        self._stack = contextlib.ExitStack()
        entries = {"storage": storage, "run_launcher": run_launcher, **(instance or {})}
        given = {name: entry for name, entry in entries.items() if entry}
        self.instance_yaml = yaml.safe_dump({**_INSTANCE, **given})
        (home / "dagster.yaml").write_text(self.instance_yaml)
        locations = [
            {"grpc_server": {"socket": str(server.socket), "location_name": name}}
            for name, server in servers.items()
        ]
        (home / "workspace.yaml").write_text(yaml.safe_dump({"load_from": locations}))

    def __enter__(self) -> Deployment:
        # Programs that create the tables at the same time get in each other's way (SQLite).
        with DagsterInstance.from_config(str(self.home)) as instance:
            instance.get_runs_count()
        with contextlib.ExitStack() as stack:
            with ThreadPoolExecutor() as pool:  # they start side by side
                list(pool.map(stack.enter_context, self.servers.values()))
            stack.callback(self._stop_programs)
            super().__init__(GraphQL(self._start_webserver()))
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *exc: object) -> None:
        dead = [name for name, server in self.servers.items() if server.process.poll() is not None]
        self._stack.close()
        assert not dead, f"code servers died: {dead}\n{dict(self.logs())}"

    def start_daemon(self) -> None:
        """Start the daemon; return once its loops run."""
        self.daemon = self._program("dagster-daemon", "run")
        self.daemon.wait_for_output("Instance is configured with the following daemons")

    def restart_server(self, name: str) -> None:
        """Stop a location's code server and start it again on the same socket."""
        self.servers[name].stop()
        self.servers[name].__enter__()

    def logs(self) -> Iterator[tuple[str, str]]:
        """Name and output of every program, without the webserver's access log."""
        for name, server in self.servers.items():
            yield f"code server of {name}", server.text
        for program in (self.webserver, self.daemon):
            if program is not None:
                lines = program.text.splitlines(keepends=True)
                yield program.name, "".join(line for line in lines if '" 200 OK' not in line)

    def _start_webserver(self) -> str:
        # It can not take port 0: bring a port that was free a moment ago, and try again if it
        # was lost meanwhile. Only the line after its own bind() proves that the port is its.
        for _ in range(5):
            port = _free_port()
            url = f"http://127.0.0.1:{port}"
            self.webserver = self._program(
                "dagster-webserver", "-h", "127.0.0.1", "-p", str(port),
                "--uvicorn-log-level", "info",
            )  # fmt: skip
            try:
                self.webserver.wait_for_output(f"Uvicorn running on {url}")
            except AssertionError:
                if "address already in use" not in self.webserver.text:
                    raise
                self.webserver.stop()
            else:
                return f"{url}/graphql"
        raise AssertionError("no free port for the webserver")

    def _program(self, name: str, *arguments: str) -> Program:
        script = Path(sysconfig.get_path("scripts")) / name
        return Program(
            name,
            [sys.executable, str(script), *arguments, "-w", str(self.home / "workspace.yaml")],
            env=self._env,
            cwd=self.home,
        )

    def _stop_programs(self) -> None:
        programs = [program for program in (self.daemon, self.webserver) if program is not None]
        for program in programs:
            program.ask_to_stop()
        for program in programs:
            program.stop()


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]
