"""Jobs and cron jobs. Source: pkg/apis/batch/validation of Kubernetes 1.37, and recorded answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from fakekube.meta.objects import KubeObject
from fakekube.registry.label_selector import selects
from fakekube.registry.validation.causes import (
    Causes,
    all_invalid,
    duplicate,
    invalid,
    quoted,
    required,
    too_long,
    too_many,
    unsupported,
)
from fakekube.registry.validation.counts import counts
from fakekube.registry.validation.cron import schedule, time_zone
from fakekube.registry.validation.indexes import IndexesError, index_count
from fakekube.registry.validation.internal import internal
from fakekube.registry.validation.job_status import job_status
from fakekube.registry.validation.kind import Kind, in_all
from fakekube.registry.validation.names import dns_label, qualified_name
from fakekube.registry.validation.object_meta import IMMUTABLE, immutable, not_negative
from fakekube.registry.validation.paths import domain_prefixed
from fakekube.registry.validation.pods import template
from fakekube.registry.validation.selectors import is_sound, label_selector

_INDEXED_MAX = 100_000
_HIGH_MAX = 10_000
_RULES_MAX = 20
_EXIT_CODES_MAX = 255
_MANAGER_MAX = 63
_INDEXES_MAX = 64 * 1024
_CRON_NAME_MAX = 52
_MODES = ("NonIndexed", "Indexed")
_ACTIONS = ("Count", "FailIndex", "FailJob", "Ignore")
_OPERATORS = ("In", "NotIn")
_CONDITION_STATUS = ("False", "True", "Unknown")
_REPLACEMENT = ("Failed", "TerminatingOrFailed")
_CONCURRENCY = ("Allow", "Forbid", "Replace")
_COUNTS = ("parallelism", "completions", "activeDeadlineSeconds", "backoffLimit", "ttlSecondsAfterFinished")
_MISMATCH = "`selector` does not match template `labels`"


def _labels(spec: KubeObject) -> KubeObject | None:
    labels: KubeObject = ((spec.get("template") or {}).get("metadata") or {}).get("labels") or {}
    return dict(sorted(labels.items())) or None


def _is_indexed(spec: KubeObject) -> bool:
    return spec.get("completionMode") == "Indexed"


def _job(obj: KubeObject) -> Causes:
    spec = obj.get("spec") or {}
    yield from _generated_selector(obj, spec)
    yield from _selected_job(spec)
    yield from _host_names(obj, spec)


def _selected_job(spec: KubeObject) -> Causes:
    yield from job_spec(spec, "spec")
    selector = spec.get("selector")
    if selector is None:
        yield required("spec.selector")
    else:
        yield from label_selector(selector, "spec.selector")
    labels = _labels(spec)
    if selector is None or (is_sound(selector) and not selects(selector, labels or {})):
        yield invalid("spec.template.metadata.labels", labels, _MISMATCH)


def _generated_selector(obj: KubeObject, spec: KubeObject) -> Causes:
    """Unless it is made by hand, the selector finds what the job's own labels mark."""
    selector = spec.get("selector")
    if spec.get("manualSelector") or selector is None:
        return
    meta = obj.get("metadata") or {}
    uid, name = meta.get("uid") or "", meta.get("name") or ""
    wanted = {
        "controller-uid": uid,
        "job-name": name,
        "batch.kubernetes.io/controller-uid": uid,
        "batch.kubernetes.io/job-name": name,
    }
    held = _labels(spec) or {}
    for key, value in wanted.items():
        path = f"spec.template.metadata.labels[{key}]"
        if key not in held:
            yield required(path, f"must be '{value}'")
        elif held[key] != value:
            yield invalid(path, held, f"must be '{value}'")
    if is_sound(selector) and not selects(selector, wanted):
        yield invalid("spec.selector", selector, "`selector` not auto-generated")


def _host_names(obj: KubeObject, spec: KubeObject) -> Causes:
    """Pods of an indexed job are named after it, with their index."""
    name = (obj.get("metadata") or {}).get("name") or ""
    if _is_indexed(spec) and (spec.get("completions") or 0) > 0:
        host = f"{name}-{spec['completions'] - 1}"
        if dns_label(host):
            yield invalid("metadata.name", name, f"will not able to create pod with invalid DNS label: {host}")


def job_spec(spec: KubeObject, path: str) -> Causes:
    """A job or the template of one."""
    yield from counts(spec, path, _COUNTS)
    yield from counts(spec, path, ("backoffLimitPerIndex", "maxFailedIndexes"))
    if spec.get("maxFailedIndexes") is not None and spec.get("backoffLimitPerIndex") is None:
        yield required(f"{path}.backoffLimitPerIndex", "when maxFailedIndexes is specified")
    if spec.get("managedBy") is not None:
        yield from _manager(spec["managedBy"], f"{path}.managedBy")
    yield from _completion(spec, path)
    if spec.get("podFailurePolicy") is not None:
        yield from _failure_policy(spec, f"{path}.podFailurePolicy")
    if spec.get("successPolicy") is not None:
        yield from _success_policy(spec, f"{path}.successPolicy")
    yield from _replacement(spec, f"{path}.podReplacementPolicy")
    yield from template(spec.get("template"), f"{path}.template")
    yield from _restart(spec, f"{path}.template.spec.restartPolicy")


def _manager(manager: str, path: str) -> Causes:
    yield from domain_prefixed(manager, path)
    if len(manager) > _MANAGER_MAX:
        yield too_long(path, _MANAGER_MAX)


def _completion(spec: KubeObject, path: str) -> Causes:
    mode = spec.get("completionMode")
    if mode is not None and mode not in _MODES:
        yield unsupported(f"{path}.completionMode", mode, _MODES)
    if mode == "Indexed":
        yield from _indexed(spec, path)
    if mode in (None, "NonIndexed"):
        for name in ("backoffLimitPerIndex", "maxFailedIndexes"):
            if spec.get(name) is not None:
                yield invalid(f"{path}.{name}", spec[name], "requires indexed completion mode")


def _indexed(spec: KubeObject, path: str) -> Causes:
    completions, parallelism = spec.get("completions"), spec.get("parallelism") or 0
    failed = spec.get("maxFailedIndexes")
    if completions is None:
        yield required(f"{path}.completions", "when completion mode is Indexed")
    if parallelism > _INDEXED_MAX:
        detail = f"must be less than or equal to {_INDEXED_MAX} when completion mode is Indexed"
        yield invalid(f"{path}.parallelism", parallelism, detail)
    if completions is not None and failed is not None and failed > completions:
        yield invalid(f"{path}.maxFailedIndexes", failed, "must be less than or equal to completions")
    if failed is not None and failed > _INDEXED_MAX:
        yield invalid(f"{path}.maxFailedIndexes", failed, f"must be less than or equal to {_INDEXED_MAX}")
    if (completions or 0) > _INDEXED_MAX and spec.get("backoffLimitPerIndex") is not None:
        yield from _very_many(parallelism, failed, path)


def _very_many(parallelism: int, failed: int | None, path: str) -> Causes:
    detail = (
        f"must be less than or equal to {_HIGH_MAX} when completions are above {_INDEXED_MAX} "
        "and used with backoff limit per index"
    )
    if failed is None:
        yield required(f"{path}.maxFailedIndexes", f"must be specified when completions is above {_INDEXED_MAX}")
    if parallelism > _HIGH_MAX:
        yield invalid(f"{path}.parallelism", parallelism, detail)
    if failed is not None and failed > _HIGH_MAX:
        yield invalid(f"{path}.maxFailedIndexes", failed, detail)


def _valid_values(values: Sequence[str]) -> str:
    return f"valid values: [{' '.join(quoted(each) for each in values)}]"


def _failure_policy(spec: KubeObject, path: str) -> Causes:
    rules = spec["podFailurePolicy"].get("rules") or []
    if len(rules) > _RULES_MAX:
        yield too_many(f"{path}.rules", len(rules), _RULES_MAX)
    pods = (spec.get("template") or {}).get("spec") or {}
    names = [each.get("name") for kind in ("containers", "initContainers") for each in pods.get(kind) or ()]
    per_index = spec.get("backoffLimitPerIndex") is not None
    yield from in_all(rules, f"{path}.rules", lambda rule, here: _failure_rule(rule, here, names, per_index))


def _failure_rule(rule: KubeObject, path: str, names: Sequence[str], per_index: bool) -> Causes:
    action = rule.get("action") or ""
    if not action:
        yield required(f"{path}.action", _valid_values(_ACTIONS))
    elif action == "FailIndex" and not per_index:
        yield invalid(f"{path}.action", action, "requires the backoffLimitPerIndex to be set")
    elif action not in _ACTIONS:
        yield unsupported(f"{path}.action", action, _ACTIONS)
    codes, conditions = rule.get("onExitCodes"), rule.get("onPodConditions") or []
    if codes is not None:
        yield from _exit_codes(codes, f"{path}.onExitCodes", names)
    if len(conditions) > _RULES_MAX:
        yield too_many(f"{path}.onPodConditions", len(conditions), _RULES_MAX)
    yield from in_all(conditions, f"{path}.onPodConditions", _on_condition)
    if codes is not None and conditions:
        yield invalid(path, None, "specifying both OnExitCodes and OnPodConditions is not supported", shown=False)
    if codes is None and not conditions:
        yield invalid(path, None, "specifying one of OnExitCodes and OnPodConditions is required", shown=False)


def _on_condition(pattern: KubeObject, path: str) -> Causes:
    kind, status = pattern.get("type") or "", pattern.get("status") or ""
    yield from all_invalid(f"{path}.type", kind, qualified_name(kind))
    if not status:
        yield required(f"{path}.status", _valid_values(_CONDITION_STATUS))
    elif status not in _CONDITION_STATUS:
        yield unsupported(f"{path}.status", status, _CONDITION_STATUS)


def _exit_codes(codes: KubeObject, path: str, names: Sequence[str]) -> Causes:
    operator, container = codes.get("operator") or "", codes.get("containerName")
    if not operator:
        yield required(f"{path}.operator", _valid_values(_OPERATORS))
    elif operator not in _OPERATORS:
        yield unsupported(f"{path}.operator", operator, _OPERATORS)
    if container is not None and container not in names:
        detail = "must be one of the container or initContainer names in the pod template"
        yield invalid(f"{path}.containerName", container, detail)
    yield from _exit_values(codes.get("values") or [], f"{path}.values", operator)


def _exit_values(values: list[int], path: str, operator: str) -> Causes:
    if not values:
        yield invalid(path, values or None, "at least one value is required")
    elif len(values) > _EXIT_CODES_MAX:
        yield too_many(path, len(values), _EXIT_CODES_MAX)
    for index, value in enumerate(values):
        if operator == "In" and value == 0:
            yield invalid(f"{path}[{index}]", value, "must not be 0 for the In operator")
        if value in values[:index]:
            yield duplicate(f"{path}[{index}]", value)
    if values != sorted(values):
        yield invalid(path, values, "must be ordered")


def _success_policy(spec: KubeObject, path: str) -> Causes:
    policy = spec["successPolicy"]
    if not _is_indexed(spec):
        yield invalid(path, {"Rules": policy.get("rules") or []}, "requires indexed completion mode")
        return
    rules = policy.get("rules") or []
    if not rules:
        yield required(f"{path}.rules", "at least one rules must be specified when the successPolicy is specified")
    if len(rules) > _RULES_MAX:
        yield too_many(f"{path}.rules", len(rules), _RULES_MAX)
    completions = spec.get("completions") or 0
    yield from in_all(rules, f"{path}.rules", lambda rule, here: _success_rule(rule, here, completions))


def _success_rule(rule: KubeObject, path: str, completions: int) -> Causes:
    count, indexes, total = rule.get("succeededCount"), rule.get("succeededIndexes"), 0
    if count is None and indexes is None:
        yield required(path, "at least one of succeededCount or succeededIndexes must be specified")
    if indexes is not None:
        if len(indexes) > _INDEXES_MAX:
            yield too_long(f"{path}.succeededIndexes", _INDEXES_MAX)
        try:
            total = index_count(indexes, completions)
        except IndexesError as error:
            yield invalid(f"{path}.succeededIndexes", indexes, f"error parsing succeededIndexes: {error}")
    if count is not None:
        here, bound = f"{path}.succeededCount", "must be less than or equal to"
        yield from not_negative(count, here)
        if count > completions:
            yield invalid(here, count, f"{bound} {completions} (the number of specified completions)")
        if indexes is not None and count > total:
            detail = f"{bound} {total} (the number of indexes in the specified succeededIndexes field)"
            yield invalid(here, count, detail)


def _replacement(spec: KubeObject, path: str) -> Causes:
    policy = spec.get("podReplacementPolicy")
    allowed = _REPLACEMENT if spec.get("podFailurePolicy") is None else _REPLACEMENT[:1]
    if policy is not None and policy not in allowed:
        yield unsupported(path, policy, allowed)


def _restart(spec: KubeObject, path: str) -> Causes:
    policy = ((spec.get("template") or {}).get("spec") or {}).get("restartPolicy") or ""
    if policy in ("Always", ""):
        yield required(path, 'valid values: "OnFailure", "Never"')
    elif policy not in ("OnFailure", "Never"):
        yield unsupported(path, policy, ("OnFailure", "Never"))
    elif spec.get("podFailurePolicy") is not None and policy != "Never":
        yield invalid(path, policy, 'only "Never" is supported when podFailurePolicy is specified')


def _updated_job(obj: KubeObject, held: KubeObject) -> Causes:
    new, old = obj.get("spec") or {}, held.get("spec") or {}
    yield from _selected_job(new)
    yield from _updated_completions(new, old)
    yield from immutable(new.get("selector"), old.get("selector"), "spec.selector")
    yield from _updated_template(new, old)
    yield from immutable(new.get("completionMode"), old.get("completionMode"), "spec.completionMode")
    yield from _same_policy(new, old, "podFailurePolicy")
    for name in ("backoffLimitPerIndex", "managedBy"):
        yield from immutable(new.get(name), old.get(name), f"spec.{name}")
    yield from _same_policy(new, old, "successPolicy")
    yield from _host_names(obj, new)


def _same_policy(new: KubeObject, old: KubeObject, name: str) -> Causes:
    if new.get(name) != old.get(name):
        policy = new.get(name)
        yield invalid(f"spec.{name}", policy if policy is None else {"Rules": policy.get("rules") or []}, IMMUTABLE)


def _updated_completions(new: KubeObject, old: KubeObject) -> Causes:
    """Only an indexed job may grow or shrink, together with its parallelism."""
    completions = new.get("completions")
    if not _is_indexed(new):
        yield from immutable(completions, old.get("completions"), "spec.completions")
    elif completions not in (None, old.get("completions"), new.get("parallelism")):
        yield invalid("spec.completions", completions, "can only be modified in tandem with spec.parallelism")


_SCHEDULING = ("nodeSelector", "tolerations", "schedulingGates")


def _updated_template(new: KubeObject, old: KubeObject) -> Causes:
    """The pods of a suspended job may be scheduled otherwise, and want other resources."""
    wanted, held = new.get("template") or {}, old.get("template") or {}
    if old.get("suspend"):
        wanted, held = _without_scheduling(wanted), _without_scheduling(held)
        if wanted != held:
            yield invalid("spec.template.spec", internal((new.get("template") or {}).get("spec"), "PodSpec"), IMMUTABLE)
    elif wanted != held:
        yield invalid("spec.template", internal(wanted, "PodTemplateSpec"), IMMUTABLE)


def _without_scheduling(template: KubeObject) -> KubeObject:
    """A template but for where its pods go and what they take."""
    spec = {name: value for name, value in (template.get("spec") or {}).items() if name not in _SCHEDULING}
    affinity = {name: value for name, value in (spec.get("affinity") or {}).items() if name != "nodeAffinity"}
    spec["affinity"] = affinity or None
    for name in ("containers", "initContainers"):
        spec[name] = [{**each, "resources": None} for each in spec.get(name) or ()]
    return {"spec": spec}


def _cron_job(obj: KubeObject) -> Causes:
    yield from _cron_spec(obj.get("spec") or {}, None)
    name = (obj.get("metadata") or {}).get("name") or ""
    if len(name) > _CRON_NAME_MAX:
        yield invalid("metadata.name", name, f"must be no more than {_CRON_NAME_MAX} characters")


def _updated_cron_job(obj: KubeObject, held: KubeObject) -> Causes:
    yield from _cron_spec(obj.get("spec") or {}, held.get("spec") or {})


def _cron_spec(spec: KubeObject, held: KubeObject | None) -> Causes:
    text, zone = spec.get("schedule") or "", spec.get("timeZone")
    if text:
        zone_inside = held is not None and "TZ" in (held.get("schedule") or "")
        yield from schedule(text, "spec.schedule", zone=zone, zone_inside=zone_inside)
    yield from not_negative(spec.get("startingDeadlineSeconds") or 0, "spec.startingDeadlineSeconds")
    if held is None or held.get("timeZone") != zone:
        yield from time_zone(zone, "spec.timeZone")
    policy = spec.get("concurrencyPolicy") or ""
    if not policy:
        yield required("spec.concurrencyPolicy")
    elif policy not in _CONCURRENCY:
        yield unsupported("spec.concurrencyPolicy", policy, _CONCURRENCY)
    yield from _job_template((spec.get("jobTemplate") or {}).get("spec") or {}, "spec.jobTemplate.spec")
    yield from counts(spec, "spec", ("successfulJobsHistoryLimit", "failedJobsHistoryLimit"))
    if not text:
        yield required("spec.schedule")


def _job_template(spec: KubeObject, path: str) -> Causes:
    yield from job_spec(spec, path)
    if spec.get("selector") is not None:
        yield invalid(f"{path}.selector", spec["selector"], "`selector` will be auto-generated")
    if spec.get("manualSelector"):
        yield unsupported(f"{path}.manualSelector", True, ("nil", "false"))


BATCH: Mapping[str, Kind] = {
    "batch/v1/jobs": Kind(create=_job, update=_updated_job, status=job_status, update_repeats_create=False),
    "batch/v1/cronjobs": Kind(create=_cron_job, update=_updated_cron_job, update_repeats_create=False),
}
