"""What a Job's policies say: of a pod that failed, whether it counts or ends the Job; of indexes, whether they are enough. Pure.

Source: pkg/controller/job/{pod_failure_policy,success_policy}.go of Kubernetes 1.37.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from fakekube.controllers.conditions import conditions_of
from fakekube.controllers.indexes import parsed_intervals
from fakekube.meta.objects import KubeObject, name_of, namespace_of


@dataclass(frozen=True, slots=True)
class Match:
    """The rule that a failed pod matched; `message` is what the Job says when the rule ends it."""

    action: str
    message: str


def matched(job: KubeObject, pod: KubeObject) -> Match | None:
    """The first rule of the Job's podFailurePolicy that fits."""
    rules = (job["spec"].get("podFailurePolicy") or {}).get("rules") or ()
    for index, rule in enumerate(rules):
        what = _by_exit_code(rule, pod) if rule.get("onExitCodes") else _by_condition(rule, pod)
        if what:
            return Match(rule["action"], f"{what} matching {rule['action']} rule at index {index}")
    return None


def counts(job: KubeObject, pod: KubeObject) -> bool:
    """Whether a failed pod counts as a failure."""
    match = matched(job, pod)
    return match is None or match.action != "Ignore"


def ending(job: KubeObject, failed: Iterable[KubeObject]) -> str:
    """Why one of the failed pods ends the Job; empty when none does."""
    matches = (matched(job, pod) for pod in failed)
    return next((match.message for match in matches if match is not None and match.action == "FailJob"), "")


def _by_exit_code(rule: KubeObject, pod: KubeObject) -> str:
    wanted = rule["onExitCodes"]
    for name, code in _exit_codes(pod):
        listed = code in (wanted.get("values") or ())
        if wanted.get("containerName") in (None, name) and code and listed == (wanted["operator"] == "In"):
            return f"Container {name} for pod {namespace_of(pod)}/{name_of(pod)} failed with exit code {code}"
    return ""


def _exit_codes(pod: KubeObject) -> Iterator[tuple[str, int]]:
    status = pod.get("status") or {}
    for each in (*(status.get("containerStatuses") or ()), *(status.get("initContainerStatuses") or ())):
        ended = (each.get("state") or {}).get("terminated")
        if ended is not None:
            yield each["name"], int(ended["exitCode"])


def _by_condition(rule: KubeObject, pod: KubeObject) -> str:
    patterns = [(each["type"], each.get("status", "True")) for each in rule.get("onPodConditions") or ()]
    found = next((each["type"] for each in conditions_of(pod) if (each["type"], each["status"]) in patterns), "")
    return f"Pod {namespace_of(pod)}/{name_of(pod)} has condition {found}" if found else ""


def enough(job: KubeObject, indexes: Collection[int]) -> str:
    """Which rule of the Job's successPolicy the indexes satisfy, in words; empty for none."""
    rules = (job["spec"].get("successPolicy") or {}).get("rules") or ()
    for at, rule in enumerate(rules):
        if indexes and _satisfies(rule, set(indexes)):
            return f"Matched rules at index {at}"
    return ""


def _satisfies(rule: KubeObject, indexes: set[int]) -> bool:
    wanted, count = rule.get("succeededIndexes"), rule.get("succeededCount")
    if wanted is None:
        return count is not None and len(indexes) >= count
    required = parsed_intervals(wanted)
    hit = len(required & indexes)
    return hit == len(required) or (count is not None and hit >= count)
