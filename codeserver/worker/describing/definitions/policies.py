"""Retry policies, freshness policies and automation conditions."""

from __future__ import annotations

from typing import Any

from codeserver.worker import dagster_internals as dagster
from codeserver.worker.describing.plain import duration, int32


def retry(policy: dagster.RetryPolicy | None) -> dict[str, Any]:
    """The field `retry_policy`; no field without a policy."""
    if policy is None:
        return {}
    found: dict[str, Any] = {"max_retries": int32(policy.max_retries)}
    if policy.delay is not None:
        found["delay"] = duration(policy.delay)
    if policy.backoff is not None:
        found["backoff"] = f"BACKOFF_{policy.backoff.name}"
    if policy.jitter is not None:
        found["jitter"] = f"JITTER_{policy.jitter.name}"
    return {"retry_policy": found}


def freshness(policy: dagster.FreshnessPolicy | None) -> dict[str, Any]:
    """The field `freshness`; no field without a policy of a known kind."""
    if isinstance(policy, dagster.TimeWindowFreshnessPolicy):
        window = {"fail_window": duration(policy.fail_window.to_timedelta())}
        if policy.warn_window is not None:
            window["warn_window"] = duration(policy.warn_window.to_timedelta())
        return {"freshness": {"time_window": window}}
    if isinstance(policy, dagster.CronFreshnessPolicy):
        cron = {
            "deadline_cron": policy.deadline_cron,
            "lower_bound_delta": duration(policy.lower_bound_delta),
            "timezone": policy.timezone,
        }
        return {"freshness": {"cron": cron}}
    return {}


def condition(found: dagster.AutomationCondition[Any] | None) -> dict[str, Any]:
    """The field `automation_condition`; no field without a condition."""
    if found is None:
        return {}
    return {"automation_condition": found.get_label() or _words(found.get_snapshot())}


def _words(snapshot: Any) -> str:
    """The condition in words, such as `eager and not (in_progress)`."""
    node = snapshot.node_snapshot
    if node.label:
        return str(node.label)
    operands = [_words(each) for each in snapshot.children]
    operator = dagster.operator_of(node)
    if operator in ("and", "or"):
        return f" {operator} ".join(
            f"({each})" if " and " in each or " or " in each else each for each in operands
        )
    if operator == "not":
        return f"not ({operands[0]})"
    name = (node.name or node.description or node.class_name).lower()
    return f"{name}({', '.join(operands)})" if operands else name
