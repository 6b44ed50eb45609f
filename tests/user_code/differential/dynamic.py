"""A repository whose data is a class of the user's: other jobs whenever the file says so."""

import json
import os
from pathlib import Path

import dagster as dg
from dagster._core.definitions.repository_definition import RepositoryData

FILE = Path(os.environ["DEFINED"])


def job(name):
    @dg.op(name=f"op_{name}")
    def only():
        return name

    @dg.job(name=name, executor_def=dg.in_process_executor)
    def whole():
        only()

    return whole


def sensor(name):
    @dg.sensor(name=f"sensor_{name}", job_name=name)
    def only():
        yield dg.RunRequest(run_key=name)

    return only


def asset(name):
    return dg.AssetsDefinition.from_op(dg.op(name=name)(lambda: None))


class Data(RepositoryData):
    def _each(self, make):
        return [make(name) for name in json.loads(FILE.read_text())]

    def get_all_jobs(self):
        return self._each(job)

    def get_all_sensors(self):
        return self._each(sensor)

    def get_assets_defs_by_key(self):
        return {each.key: each for each in self._each(asset)}

    def get_top_level_resources(self):
        return {}

    def get_env_vars_by_top_level_resource(self):
        return {}


@dg.repository
def __repository__():
    return Data()
