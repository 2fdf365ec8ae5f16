"""Pods that wait behind scheduling gates: who lifts the gates may narrow down where they go, and nothing else.

Source: ValidatePodUpdate of pkg/apis/core/validation of Kubernetes 1.37.
"""

from __future__ import annotations

from fakekube.meta.objects import KubeObject
from fakekube.registry.validation.causes import Causes, invalid
from fakekube.registry.validation.internal import internal

_REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
_TERMS = f"spec.affinity.nodeAffinity.{_REQUIRED}.nodeSelectorTerms"
_POD_AFFINITIES = ("podAffinity", "podAntiAffinity")


def only_narrowed(spec: KubeObject, before: KubeObject) -> Causes:
    """What in `spec`, of a pod that was gated, lets it go where it could not before."""
    wanted, was = spec.get("nodeSelector") or {}, before.get("nodeSelector") or {}
    if any(wanted.get(label) != value for label, value in was.items()):
        detail = "only additions to spec.nodeSelector are allowed (no mutations or deletions)"
        yield invalid("spec.nodeSelector", dict(sorted(wanted.items())) or None, detail)
    yield from _terms(_required_terms(spec), _required_terms(before))


def _required_terms(spec: KubeObject) -> list[KubeObject]:
    required = ((spec.get("affinity") or {}).get("nodeAffinity") or {}).get(_REQUIRED) or {}
    terms: list[KubeObject] = required.get("nodeSelectorTerms") or []
    return terms


def _terms(wanted: list[KubeObject], was: list[KubeObject]) -> Causes:
    """Terms are alternatives: each of them may become stricter, there must not be more or fewer."""
    if was and len(wanted) != len(was):
        shown = [internal(term, "NodeSelectorTerm") for term in wanted] or None
        yield invalid(_TERMS, shown, "no additions/deletions to non-empty NodeSelectorTerms list are allowed")
        return
    for index, (term, held) in enumerate(zip(wanted, was, strict=False)):
        if not _only_adds(term, held):
            detail = "only additions are allowed (no mutations or deletions)"
            yield invalid(f"{_TERMS}[{index}]", internal(term, "NodeSelectorTerm"), detail)


def _only_adds(term: KubeObject, held: KubeObject) -> bool:
    """An empty term selects nothing and stays so."""
    members = ("matchExpressions", "matchFields")
    if not any(held.get(member) for member in members):
        return not any(term.get(member) for member in members)
    return all((term.get(m) or [])[: len(held.get(m) or [])] == (held.get(m) or []) for m in members)


def as_it_was(spec: KubeObject, before: KubeObject) -> KubeObject:
    """`spec` but for what `only_narrowed` has judged, which is as it was `before`."""
    return {**spec, "nodeSelector": before.get("nodeSelector"), "affinity": _affinity(spec, before)}


def _affinity(spec: KubeObject, before: KubeObject) -> KubeObject | None:
    wanted, was = spec.get("affinity"), before.get("affinity")
    held = (was or {}).get("nodeAffinity")
    if wanted is None:
        return None if held is None else {"nodeAffinity": held}
    if was is None and "nodeAffinity" in wanted and not any(name in wanted for name in _POD_AFFINITIES):
        return None
    return {**{name: value for name, value in wanted.items() if name != "nodeAffinity"}, "nodeAffinity": held}
