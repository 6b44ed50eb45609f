"""Drive a Dagster deployment through its webserver's GraphQL API, as the UI and scripts do."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from typing import Any

from tests.support.eventually import PATIENCE, eventually

FINISHED = frozenset({"SUCCESS", "FAILURE", "CANCELED"})
BACKFILL_FINISHED = frozenset({"COMPLETED_SUCCESS", "COMPLETED_FAILED", "FAILED", "CANCELED"})
# Between two questions of one wait: often enough not to be felt, without keeping a core busy.
POLL = 0.2

REPOSITORY = "__repository__"  # what Dagster calls the repository of a Definitions object

_ERROR = """
fragment error on Error { message ... on PythonError { stack causes { message stack } } }
"""


class GraphQL:
    """One GraphQL endpoint."""

    def __init__(self, url: str, *, timeout: float = PATIENCE) -> None:
        self.url = url
        self._timeout = timeout
        # The environment's HTTP proxy, if any, is not for servers of this machine.
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def __call__(self, document: str, **variables: Any) -> Any:
        """Send the document, which asks for one field; return that field's value.

        It may use the fragment ``...error``. Raises AssertionError when GraphQL itself fails.
        """
        if "...error" in document:
            document += _ERROR
        request = urllib.request.Request(
            self.url,
            data=json.dumps({"query": document, "variables": variables}).encode(),
            headers={"Content-Type": "application/json"},
        )
        try:
            with self._opener.open(request, timeout=self._timeout) as response:
                body = json.load(response)
        except urllib.error.HTTPError as error:
            with error:
                raise AssertionError(f"HTTP {error.code}: {error.read().decode()}") from None
        assert not body.get("errors"), json.dumps(body["errors"], indent=1)
        (value,) = body["data"].values()
        return value

    def expect(self, typename: str, document: str, **variables: Any) -> Mapping[str, Any]:
        """Like a call; the field's value must be of the type `typename`, or this raises."""
        return expect(typename, self(document, **variables))


def expect(typename: str, value: Mapping[str, Any]) -> Mapping[str, Any]:
    """`value`, if it is of the GraphQL type `typename`; else an AssertionError that shows it."""
    assert value["__typename"] == typename, (
        f"{typename} expected, {value['__typename']} answered:\n{error_text(value)}"
    )
    return value


def error_text(error: Mapping[str, Any]) -> str:
    """Message, stack and causes of a PythonError, as a person reads it in the UI."""
    if "message" not in error:
        return json.dumps(error, indent=1)
    parts = [error["message"], *error.get("stack", ())]
    for cause in error.get("causes", ()):
        parts += [cause["message"], *cause["stack"]]
    return "".join(parts)


class DagsterApi:
    """What a user can do with a deployment; a method is a GraphQL request, or a wait by them."""

    def __init__(self, graphql: GraphQL) -> None:
        self.graphql = graphql

    # Locations

    def location(self, name: str = "main") -> Mapping[str, Any]:
        """The location as it is now: a RepositoryLocation, or the PythonError of loading it."""
        entry = self.graphql.expect(
            "WorkspaceLocationEntry",
            """query($name: String!) { workspaceLocationEntryOrError(name: $name) {
              __typename ...error
              ... on WorkspaceLocationEntry { locationOrLoadError {
                __typename ...error
                ... on RepositoryLocation { serverId repositories {
                  name jobs { name } schedules { name } sensors { name }
                  assetNodes { assetKey { path } } } }
            } } } }""",
            name=name,
        )
        return entry["locationOrLoadError"]

    def repository(self, location: str = "main") -> Mapping[str, Any]:
        """What the location's only repository holds; the location must have loaded."""
        (repository,) = expect("RepositoryLocation", self.location(location))["repositories"]
        return repository

    def jobs(self, location: str = "main") -> set[str]:
        """Names of the location's jobs, without the one that Dagster makes of the assets."""
        names = {job["name"] for job in self.repository(location)["jobs"]}
        return {name for name in names if not name.startswith("__")}

    def load_error(self, location: str = "main") -> str:
        """The error that the UI shows instead of the location, which must have failed to load."""
        return error_text(expect("PythonError", self.location(location)))

    def reload(self, location: str = "main") -> None:
        """Press the UI's Reload button; return when it is done, however the load went."""
        self.graphql.expect(
            "WorkspaceLocationEntry",
            """mutation($name: String!) {
              reloadRepositoryLocation(repositoryLocationName: $name) { __typename ...error }
            }""",
            name=location,
        )

    # Jobs

    def op_graph(self, job: str, location: str = "main") -> dict[str, set[str]]:
        """Every op of the job, with the ops whose outputs it takes."""
        pipeline = self.graphql.expect(
            "Pipeline",
            """query($job: PipelineSelector!) { pipelineOrError(params: $job) {
              __typename ...error
              ... on Pipeline { solids { name inputs { dependsOn { solid { name } } } } }
            } }""",
            job=_job(job, location),
        )
        return {
            op["name"]: {up["solid"]["name"] for i in op["inputs"] for up in i["dependsOn"]}
            for op in pipeline["solids"]
        }

    def execution_plan(self, job: str, location: str = "main") -> dict[str, set[str]]:
        """Every step of the job's execution plan, with the steps it waits for."""
        plan = self.graphql.expect(
            "ExecutionPlan",
            """query($job: PipelineSelector!) {
              executionPlanOrError(pipeline: $job, mode: "default", runConfigData: {}) {
                __typename ...error
                ... on ExecutionPlan { steps { key inputs { dependsOn { key } } } }
            } }""",
            job=_job(job, location),
        )
        return {
            step["key"]: {up["key"] for i in step["inputs"] for up in i["dependsOn"]}
            for step in plan["steps"]
        }

    # Runs

    def launch(
        self, job: str, location: str = "main", *, run_config: Mapping[str, Any] | None = None
    ) -> str:
        """Launch a run of the job; return its id."""
        launched = self.graphql.expect(
            "LaunchRunSuccess",
            """mutation($run: ExecutionParams!) { launchRun(executionParams: $run) {
              __typename ...error
              ... on LaunchRunSuccess { run { runId } }
            } }""",
            run={
                "selector": _job(job, location),
                "runConfigData": run_config or {},
                "mode": "default",
            },
        )
        return launched["run"]["runId"]

    def terminate(self, run_id: str) -> None:
        """Ask for a run to be terminated, gently."""
        self.graphql.expect(
            "TerminateRunSuccess",
            """mutation($id: String!) { terminateRun(runId: $id) {
              __typename ...error
              ... on TerminateRunFailure { message }
            } }""",
            id=run_id,
        )

    def run(self, run_id: str) -> Mapping[str, Any]:
        """A run's job, status and tags."""
        run = self.graphql.expect(
            "Run",
            """query($id: ID!) { runOrError(runId: $id) {
              __typename ...error
              ... on Run { jobName status tags { key value } }
            } }""",
            id=run_id,
        )
        tags = {tag["key"]: tag["value"] for tag in run["tags"]}
        return {"job": run["jobName"], "status": run["status"], "tags": tags}

    def wait_for_run(self, run_id: str, status: str) -> None:
        """Wait until the run has that status; fail at once when it ended with another one."""

        def settled() -> str | None:
            now = self.run(run_id)["status"]
            return now if now == status or now in FINISHED else None

        reached = eventually(settled, every=POLL, what=f"run is {status}")
        assert reached == status, f"run is {reached}, not {status}:\n{self.log(run_id)}"

    def events(self, run_id: str) -> list[tuple[str, str | None]]:
        """Type and step of each of the run's events in order, without log messages."""
        return [
            (event["eventType"], event["stepKey"])
            for event in self._events(run_id)
            if event["eventType"]
        ]

    def log(self, run_id: str) -> str:
        """The run's events, log messages and errors, as text."""
        lines = []
        for event in self._events(run_id):
            lines.append(f"{event['eventType']} {event['stepKey']}: {event['message']}")
            if event.get("error"):
                lines.append(error_text(event["error"]))
        return "\n".join(lines)

    def _events(self, run_id: str) -> Sequence[Mapping[str, Any]]:
        connection = self.graphql.expect(
            "EventConnection",
            """query($id: ID!) { logsForRun(runId: $id) {
              __typename ...error
              ... on EventConnection { events {
                ... on MessageEvent { eventType stepKey message }
                ... on ErrorEvent { error { ...error } }
            } } } }""",
            id=run_id,
        )
        return connection["events"]

    # Schedules and sensors

    def start_schedule(self, name: str, location: str = "main") -> None:
        """Switch a schedule on."""
        self.graphql.expect(
            "ScheduleStateResult",
            """mutation($schedule: ScheduleSelector!) {
              startSchedule(scheduleSelector: $schedule) { __typename ...error }
            }""",
            schedule={**_repository(location), "scheduleName": name},
        )

    def stop_schedule(self, name: str, location: str = "main") -> None:
        """Switch a schedule off."""
        self.graphql.expect(
            "ScheduleStateResult",
            "mutation($id: String!) { stopRunningSchedule(id: $id) { __typename ...error } }",
            id=self._instigator(name, location)["id"],
        )

    def start_sensor(self, name: str, location: str = "main") -> None:
        """Switch a sensor on."""
        self.graphql.expect(
            "Sensor",
            """mutation($sensor: SensorSelector!) {
              startSensor(sensorSelector: $sensor) { __typename ...error }
            }""",
            sensor={**_repository(location), "sensorName": name},
        )

    def stop_sensor(self, name: str, location: str = "main") -> None:
        """Switch a sensor off."""
        self.graphql.expect(
            "StopSensorMutationResult",
            "mutation($id: String!) { stopSensor(id: $id) { __typename ...error } }",
            id=self._instigator(name, location)["id"],
        )

    def ticks(self, name: str, location: str = "main") -> Sequence[Mapping[str, Any]]:
        """The ticks of a schedule or sensor, newest first."""
        return self._instigator(name, location)["ticks"]

    def wait_for_tick(self, name: str, location: str = "main") -> str:
        """Wait for the first tick that launches a run; return the run's id.

        A tick that fails ends the wait.
        """

        def telling() -> Mapping[str, Any] | None:
            oldest_first = reversed(self.ticks(name, location))
            return next((tick for tick in oldest_first if tick["runIds"] or tick["error"]), None)

        tick = eventually(telling, every=POLL, what=f"{name} launched a run")
        assert not tick["error"], error_text(tick["error"])
        return tick["runIds"][0]

    def _instigator(self, name: str, location: str) -> Mapping[str, Any]:
        return self.graphql.expect(
            "InstigationState",
            """query($selector: InstigationSelector!) {
              instigationStateOrError(instigationSelector: $selector) {
                __typename ...error
                ... on InstigationState { id status ticks(limit: 50) {
                  status runIds skipReason error { ...error }
            } } } }""",
            selector={**_repository(location), "name": name},
        )

    # Assets

    def materializations(self, asset: str) -> Sequence[Mapping[str, Any]]:
        """The asset's materializations, newest first: run and metadata labels."""
        found = self.graphql.expect(
            "Asset",
            """query($key: AssetKeyInput!) { assetOrError(assetKey: $key) {
              __typename ...error
              ... on Asset { assetMaterializations { runId metadataEntries { label } } }
            } }""",
            key={"path": [asset]},
        )
        return [
            {"run": event["runId"], "metadata": {m["label"] for m in event["metadataEntries"]}}
            for event in found["assetMaterializations"]
        ]

    def check_executions(self, asset: str, check: str) -> Sequence[Mapping[str, Any]]:
        """Run and status of the executions of an asset check, newest first."""
        executions = self.graphql(
            """query($key: AssetKeyInput!, $check: String!) {
              assetCheckExecutions(assetKey: $key, checkName: $check, limit: 10) { runId status }
            }""",
            key={"path": [asset]},
            check=check,
        )
        return [{"run": found["runId"], "status": found["status"]} for found in executions]

    # Backfills

    def backfill(self, job: str, partitions: Sequence[str], location: str = "main") -> str:
        """Ask the daemon to run the job for these partitions; return the backfill's id."""
        launched = self.graphql.expect(
            "LaunchBackfillSuccess",
            """mutation($backfill: LaunchBackfillParams!) {
              launchPartitionBackfill(backfillParams: $backfill) {
                __typename ...error
                ... on LaunchBackfillSuccess { backfillId }
            } }""",
            backfill={
                "selector": {
                    "repositorySelector": _repository(location),
                    "partitionSetName": f"{job}_partition_set",
                },
                "partitionNames": list(partitions),
            },
        )
        return launched["backfillId"]

    def wait_for_backfill(self, backfill_id: str) -> dict[str, str]:
        """Wait until the backfill is over, which must be a success; the run of each partition."""

        def finished() -> Mapping[str, Any] | None:
            now = self.graphql.expect(
                "PartitionBackfill",
                """query($id: String!) { partitionBackfillOrError(backfillId: $id) {
                  __typename ...error
                  ... on PartitionBackfill { status error { ...error }
                    runs { runId status tags { key value } }
                } } }""",
                id=backfill_id,
            )
            return now if now["status"] in BACKFILL_FINISHED else None

        backfill = eventually(finished, every=POLL, what="backfill is over")
        assert backfill["status"] == "COMPLETED_SUCCESS", json.dumps(backfill, indent=1)
        return {
            tag["value"]: run["runId"]
            for run in backfill["runs"]
            for tag in run["tags"]
            if tag["key"] == "dagster/partition"
        }


def _repository(location: str) -> dict[str, str]:
    return {"repositoryName": REPOSITORY, "repositoryLocationName": location}


def _job(name: str, location: str) -> dict[str, str]:
    return {**_repository(location), "pipelineName": name}
