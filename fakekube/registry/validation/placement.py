"""Where pods go: affinity, tolerations, spreading. Source: pkg/apis/core/validation of Kubernetes 1.37."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from fakekube.meta.objects import KubeObject
from fakekube.registry.validation.causes import (
    Causes,
    all_invalid,
    duplicate,
    forbidden,
    invalid,
    required,
    unsupported,
)
from fakekube.registry.validation.names import dns_label, label_value, qualified_name
from fakekube.registry.validation.selectors import label_selector

_REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
_PREFERRED = "preferredDuringSchedulingIgnoredDuringExecution"
EFFECTS = ("NoSchedule", "PreferNoSchedule", "NoExecute")
_COMPARISONS = ("Gt", "Lt")


def affinity(value: KubeObject | None, path: str) -> Causes:
    if value is None:
        return
    if value.get("nodeAffinity") is not None:
        yield from _node_affinity(value["nodeAffinity"], f"{path}.nodeAffinity")
    for name in ("podAffinity", "podAntiAffinity"):
        if value.get(name) is not None:
            yield from _pod_affinity(value[name], f"{path}.{name}")


def _node_affinity(value: KubeObject, path: str) -> Causes:
    if value.get(_REQUIRED) is not None:
        yield from node_selector(value[_REQUIRED], f"{path}.{_REQUIRED}")
    for index, preferred in enumerate(value.get(_PREFERRED) or ()):
        here = f"{path}.{_PREFERRED}[{index}]"
        yield from _weight(preferred.get("weight", 0), f"{here}.weight")
        yield from _node_term(preferred.get("preference") or {}, f"{here}.preference")


def _weight(weight: int, path: str) -> Causes:
    if not 1 <= weight <= 100:
        yield invalid(path, weight, "must be in the range 1-100")


def node_selector(value: KubeObject, path: str) -> Causes:
    terms = value.get("nodeSelectorTerms") or []
    if not terms:
        yield required(f"{path}.nodeSelectorTerms", "must have at least one node selector term")
    for index, term in enumerate(terms):
        yield from _node_term(term, f"{path}.nodeSelectorTerms[{index}]")


def _node_term(term: KubeObject, path: str) -> Causes:
    for index, requirement in enumerate(term.get("matchExpressions") or ()):
        yield from _node_requirement(requirement, f"{path}.matchExpressions[{index}]")
    for index, requirement in enumerate(term.get("matchFields") or ()):
        yield from _field_requirement(requirement, f"{path}.matchFields[{index}]")


def _node_requirement(requirement: KubeObject, path: str) -> Causes:
    operator, values = requirement.get("operator", ""), requirement.get("values") or []
    if operator in ("In", "NotIn"):
        if not values:
            yield required(f"{path}.values", "must be specified when `operator` is 'In' or 'NotIn'")
    elif operator in ("Exists", "DoesNotExist"):
        if values:
            yield forbidden(f"{path}.values", "may not be specified when `operator` is 'Exists' or 'DoesNotExist'")
    elif operator in _COMPARISONS:
        if len(values) != 1:
            yield required(f"{path}.values", "must be specified single value when `operator` is 'Lt' or 'Gt'")
    else:
        yield invalid(f"{path}.operator", operator, "not a valid selector operator")
    key = requirement.get("key", "")
    yield from all_invalid(f"{path}.key", key, qualified_name(key))
    for index, value in enumerate(values):
        yield from all_invalid(f"{path}.values[{index}]", value, label_value(value))


def _field_requirement(requirement: KubeObject, path: str) -> Causes:
    operator, values, key = requirement.get("operator", ""), requirement.get("values") or [], requirement.get("key", "")
    if operator not in ("In", "NotIn"):
        yield invalid(f"{path}.operator", operator, "not a valid selector operator")
    elif len(values) != 1:
        detail = "must be only one value when `operator` is 'In' or 'NotIn' for node field selector"
        yield required(f"{path}.values", detail)
    if key != "metadata.name":
        yield invalid(f"{path}.key", key, "not a valid field selector key")


def _pod_affinity(value: KubeObject, path: str) -> Causes:
    for index, term in enumerate(value.get(_REQUIRED) or ()):
        yield from _pod_term(term, f"{path}.{_REQUIRED}[{index}]")
    for index, preferred in enumerate(value.get(_PREFERRED) or ()):
        here = f"{path}.{_PREFERRED}[{index}]"
        yield from _weight(preferred.get("weight", 0), f"{here}.weight")
        yield from _pod_term(preferred.get("podAffinityTerm") or {}, f"{here}.podAffinityTerm")


def _pod_term(term: KubeObject, path: str) -> Causes:
    yield from label_selector(term.get("labelSelector"), f"{path}.labelSelector")
    yield from label_selector(term.get("namespaceSelector"), f"{path}.namespaceSelector")
    for name in term.get("namespaces") or ():
        yield from all_invalid(f"{path}.namespace", name, dns_label(name))
    key = term.get("topologyKey", "")
    if not key:
        yield required(f"{path}.topologyKey", "can not be empty")
    yield from all_invalid(f"{path}.topologyKey", key, qualified_name(key))


def tolerations(values: Sequence[KubeObject], path: str) -> Causes:
    for index, toleration in enumerate(values):
        yield from _toleration(toleration, f"{path}[{index}]")


def _toleration(toleration: KubeObject, path: str) -> Causes:
    key, operator, effect = (toleration.get(name, "") for name in ("key", "operator", "effect"))
    if key:
        yield from all_invalid(f"{path}.key", key, qualified_name(key))
    elif operator != "Exists":
        detail = 'operator must be Exists when `key` is empty, which means "match all values and all keys"'
        yield invalid(f"{path}.operator", operator, detail)
    if toleration.get("tolerationSeconds") is not None and effect != "NoExecute":
        yield invalid(f"{path}.effect", effect, "effect must be 'NoExecute' when `tolerationSeconds` is set")
    value = toleration.get("value", "")
    if operator in ("Equal", ""):
        yield from all_invalid(f"{path}.operator", value, label_value(value))
    elif operator == "Exists":
        if value:
            yield invalid(f"{path}.operator", value, "value must be empty when `operator` is 'Exists'")
    else:
        yield unsupported(f"{path}.operator", operator, ("Equal", "Exists"))
    if effect and effect not in EFFECTS:
        yield unsupported(f"{path}.effect", effect, EFFECTS)


_UNSATISFIABLE = ("DoNotSchedule", "ScheduleAnyway")


def spreading(values: Sequence[KubeObject], path: str) -> Causes:
    pairs = [(each.get("topologyKey", ""), each.get("whenUnsatisfiable", "")) for each in values]
    for index, constraint in enumerate(values):
        here, pair = f"{path}[{index}]", pairs[index]
        yield from _constraint(constraint, here)
        if pair in pairs[index + 1 :]:
            yield duplicate(f"{here}.{{topologyKey, whenUnsatisfiable}}", f"{{{pair[0]}, {pair[1]}}}")


def _constraint(constraint: KubeObject, path: str) -> Causes:
    skew, least, when = (constraint.get(name) for name in ("maxSkew", "minDomains", "whenUnsatisfiable"))
    if (skew or 0) <= 0:
        yield invalid(f"{path}.maxSkew", skew or 0, "must be greater than zero")
    if not constraint.get("topologyKey"):
        yield required(f"{path}.topologyKey", "can not be empty")
    if when not in _UNSATISFIABLE:
        yield unsupported(f"{path}.whenUnsatisfiable", when or "", _UNSATISFIABLE)
    if least is not None and least <= 0:
        yield invalid(f"{path}.minDomains", least, "must be greater than zero")
    elif least is not None and when != "DoNotSchedule":
        detail = f"can only use minDomains if whenUnsatisfiable=DoNotSchedule, not {when or ''}"
        yield invalid(f"{path}.minDomains", least, detail)
    for policy in ("nodeAffinityPolicy", "nodeTaintsPolicy"):
        if constraint.get(policy) not in (None, "Honor", "Ignore"):
            yield unsupported(f"{path}.{policy}", constraint[policy], ("Honor", "Ignore"))
    yield from _match_label_keys(constraint, path)
    yield from label_selector(constraint.get("labelSelector"), f"{path}.labelSelector")


def _match_label_keys(constraint: Mapping[str, object], path: str) -> Causes:
    if constraint.get("matchLabelKeys") and constraint.get("labelSelector") is None:
        yield forbidden(f"{path}.matchLabelKeys", "must not be specified when labelSelector is not set")


def taints(values: Sequence[KubeObject], path: str) -> Causes:
    pairs: set[tuple[str, str]] = set()
    for index, taint in enumerate(values):
        here = f"{path}[{index}]"
        key, value, effect = (taint.get(name, "") for name in ("key", "value", "effect"))
        yield from all_invalid(f"{here}.key", key, qualified_name(key))
        faults = label_value(value)
        if faults:
            yield invalid(f"{here}.value", value, ";".join(faults))
        if not effect:
            yield required(f"{here}.effect")
        elif effect not in EFFECTS:
            yield unsupported(f"{here}.effect", effect, EFFECTS)
        if (key, effect) in pairs:
            shown = {"Key": key, "Value": value, "Effect": effect, "TimeAdded": taint.get("timeAdded")}
            yield duplicate(here, shown, "taints must be unique by key and effect pair")
        pairs.add((key, effect))
