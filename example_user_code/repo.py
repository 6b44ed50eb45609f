"""A small Dagster code location: two ops in three jobs, four assets, a schedule and a sensor.

It loads, and every job can be planned, without configuration: no AWS account, no cluster, no
environment variable. These variables are optional:

    EXAMPLE_S3_BUCKET, EXAMPLE_S3_PREFIX           the place of `pod_per_op_job`'s values
    EXAMPLE_S3_ENDPOINT_URL, EXAMPLE_S3_REGION     the S3 server; AWS's own if unset
    EXAMPLE_WATCHED_FILE                           the file of `watched_file_sensor`
"""

import os
from collections import Counter
from datetime import datetime
from pathlib import Path
from typing import Any

import dagster as dg
from botocore.exceptions import BotoCoreError, ClientError
from dagster_aws.s3 import S3Resource, s3_pickle_io_manager, s3_resource
from dagster_k8s import k8s_job_executor
from pydantic import Field

DEFAULT_WORD = "dagster"
DEFAULT_FACTOR = 2

LANGUAGES = dg.StaticPartitionsDefinition(["english", "french", "german"])
WORDS = {
    "english": ["daylight", "hedgehog", "keyhole"],
    "french": ["parapluie", "papillon", "quiche"],
    "german": ["handschuh", "schadenfreude", "zeitgeist"],
}


# Ops and jobs -----------------------------------------------------------------------------------


class MultiplyConfig(dg.Config):
    """Config of `multiply_the_word`."""

    factor: int = Field(default=DEFAULT_FACTOR, description="How often the word is repeated.")


@dg.op(ins={"word": dg.In(description="The word to repeat.")})
def multiply_the_word(config: MultiplyConfig, word: str = DEFAULT_WORD) -> str:
    """Repeat a word `factor` times."""
    return word * config.factor


@dg.op
def count_letters(context: dg.OpExecutionContext, word: str) -> dict[str, int]:
    """Count how often each letter occurs in a word."""
    counts = dict(sorted(Counter(word).items()))
    context.add_output_metadata({"letters": sum(counts.values()), "counts": counts})
    return counts


@dg.graph
def letter_count() -> None:
    """Repeat a word and count its letters."""
    count_letters(multiply_the_word())


def multiply(word: str, factor: int = DEFAULT_FACTOR) -> dict[str, Any]:
    """Run config that gives `multiply_the_word` this word and factor."""
    return {"ops": {"multiply_the_word": {"config": {"factor": factor}, "inputs": {"word": word}}}}


example_job = letter_count.to_job(
    name="example_job",
    description="Both ops in the process of the run.",
    executor_def=dg.in_process_executor,
    # The same as the ops' defaults. Given here, they also fill the launchpad.
    config=multiply(DEFAULT_WORD),
)


def word_of(day: datetime) -> str:
    """The English word whose turn it is on this day."""
    words = WORDS["english"]
    return words[day.toordinal() % len(words)]


@dg.daily_partitioned_config(
    start_date="2025-01-01",
    tags_for_partition_fn=lambda start, _end: {"example/word": word_of(start)},
)
def word_of_the_day(start: datetime, _end: datetime) -> dict[str, Any]:
    """Run config for one day: that day's word."""
    return multiply(word_of(start))


word_of_the_day_job = letter_count.to_job(
    name="word_of_the_day_job",
    description="The same two ops, once for each day with that day's word.",
    executor_def=dg.in_process_executor,
    config=word_of_the_day,
)


# One pod per op ---------------------------------------------------------------------------------
# The pods share no disk, so values pass from op to op through S3. boto3 finds credentials in its
# usual places. Run config wins over the environment.


@dg.configured(
    s3_resource,
    config_schema={
        **S3Resource.to_fields_dict(),
        "endpoint_url": dg.Field(
            dg.Noneable(dg.StringSource),
            default_value=os.environ.get("EXAMPLE_S3_ENDPOINT_URL") or None,
            description="URL of the S3 server; AWS's own if null.",
        ),
        "region_name": dg.Field(
            dg.Noneable(dg.StringSource),
            default_value=os.environ.get("EXAMPLE_S3_REGION") or None,
            description="Region of the bucket; boto3's default if null.",
        ),
    },
)
def s3(config: dict[str, Any]) -> dict[str, Any]:
    """An S3 client, with the example's defaults."""
    return config


@dg.io_manager(
    required_resource_keys={"s3"},
    config_schema={
        "s3_bucket": dg.Field(
            dg.StringSource,
            default_value=os.environ.get("EXAMPLE_S3_BUCKET") or "dagster-example",
            description="Bucket that holds the values; it must exist.",
        ),
        "s3_prefix": dg.Field(
            dg.StringSource,
            default_value=os.environ.get("EXAMPLE_S3_PREFIX") or "dagster",
            description="What the keys of all objects start with.",
        ),
    },
)
def s3_io_manager(context: dg.InitResourceContext) -> dg.IOManager:
    """Values as pickles in S3, with the example's defaults."""
    try:
        # This accesses the bucket before the op begins.
        return s3_pickle_io_manager.resource_fn(context)
    except (BotoCoreError, ClientError) as error:
        # boto3's error names neither the bucket nor the server.
        bucket, server = context.resource_config["s3_bucket"], context.resources.s3.meta
        raise RuntimeError(f"S3 bucket {bucket} on {server.endpoint_url}: {error}") from error


pod_per_op_job = letter_count.to_job(
    name="pod_per_op_job",
    description="The same two ops, each in a Kubernetes pod of its own; values travel through S3.",
    executor_def=k8s_job_executor,
    resource_defs={"io_manager": s3_io_manager, "s3": s3},
)


# Assets -----------------------------------------------------------------------------------------

OWNERS = ["team:language"]


@dg.asset(group_name="reference", owners=OWNERS, kinds={"python"}, tags={"size": "small"})
def letter_values() -> dict[str, int]:
    """What each letter is worth: vowels are cheap."""
    return {letter: 1 if letter in "aeiou" else 3 for letter in "abcdefghijklmnopqrstuvwxyz"}


@dg.asset_check(asset=letter_values)
def every_letter_has_a_value(letter_values: dict[str, int]) -> dg.AssetCheckResult:
    """No word of any language has a letter that is worth nothing."""
    used = {letter for words in WORDS.values() for word in words for letter in word}
    worthless = sorted(letter for letter in used if letter_values.get(letter, 0) <= 0)
    return dg.AssetCheckResult(passed=not worthless, metadata={"worthless": worthless})


@dg.asset(
    partitions_def=LANGUAGES,
    group_name="words",
    owners=OWNERS,
    kinds={"python"},
    tags={"size": "small"},
)
def words(context: dg.AssetExecutionContext) -> list[str]:
    """The words of one language."""
    return WORDS[context.partition_key]


@dg.asset(
    partitions_def=LANGUAGES,
    group_name="words",
    owners=OWNERS,
    kinds={"python"},
    code_version="1",
)
def word_scores(words: list[str], letter_values: dict[str, int]) -> dict[str, int]:
    """What each word of one language is worth."""
    return {word: sum(letter_values[letter] for letter in word) for word in words}


@dg.asset(
    # The best words need not wait for every language.
    ins={"word_scores": dg.AssetIn(metadata={"allow_missing_partitions": True})},
    group_name="reference",
    owners=OWNERS,
    kinds={"python"},
)
def best_words(word_scores: dict[str, dict[str, int]]) -> dict[str, str]:
    """The word that is worth most, by language."""
    return {
        language: max(scores, key=scores.__getitem__) for language, scores in word_scores.items()
    }


words_job = dg.define_asset_job(
    "words_job",
    selection=dg.AssetSelection.assets(letter_values, words, word_scores),
    description="The words of one language and their scores.",
)


# Schedule and sensor ----------------------------------------------------------------------------


@dg.schedule(job=example_job, cron_schedule="0 6 * * *", execution_timezone="UTC")
def every_morning(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
    """Count the letters of the day's word at six."""
    day = context.scheduled_execution_time
    return dg.RunRequest(
        run_key=f"{day:%Y-%m-%d}",
        run_config=multiply(word_of(day)),
        tags={"example/word": word_of(day)},
    )


@dg.sensor(job=example_job, minimum_interval_seconds=30)
def watched_file_sensor(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
    """Count the letters of the first line of a file, whenever the file has changed.

    The file is the one that the environment variable EXAMPLE_WATCHED_FILE names.
    """
    name = os.environ.get("EXAMPLE_WATCHED_FILE")
    if not name:
        return dg.SkipReason("EXAMPLE_WATCHED_FILE names no file.")
    try:
        with Path(name).open(encoding="utf-8", errors="replace") as file:
            version = f"{name}@{os.fstat(file.fileno()).st_mtime_ns}"
            word = file.readline(100).strip()
    except OSError as error:
        return dg.SkipReason(f"{name}: {error.strerror}.")
    if version == context.cursor:
        return dg.SkipReason(f"{name} has not changed.")
    return dg.SensorResult(
        run_requests=[dg.RunRequest(run_key=version, run_config=multiply(word))],
        cursor=version,
    )


defs = dg.Definitions(
    assets=[letter_values, words, word_scores, best_words],
    asset_checks=[every_letter_has_a_value],
    jobs=[example_job, pod_per_op_job, word_of_the_day_job, words_job],
    schedules=[every_morning],
    sensors=[watched_file_sensor],
    # The steps take microseconds; a process for each would take seconds.
    executor=dg.in_process_executor,
)
