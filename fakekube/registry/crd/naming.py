"""Which of the names that a definition asks for it gets, and the conditions that tell.

Source: apiextensions-apiserver/pkg/controller/{status,establish,apiapproval} of 1.37.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from fakekube.meta.objects import KubeObject, metadata

_APPROVAL = "api-approved.kubernetes.io"
_LISTED = ("plural", "singular", "shortNames", "kind", "listKind", "categories")
_PRINTED = ("plural", "kind")  # also when they are not given


@dataclass(frozen=True, slots=True)
class Taken:
    """The names that other definitions of the group have: of resources and of kinds."""

    resources: Collection[str]
    kinds: Collection[str]


def taken_by(others: Iterable[KubeObject]) -> Taken:
    """What the other definitions of a group have been given."""
    resources: set[str] = set()
    kinds: set[str] = set()
    for other in others:
        names: KubeObject = (other.get("status") or {}).get("acceptedNames") or {}
        resources |= {names.get("plural", ""), names.get("singular", ""), *(names.get("shortNames") or ())}
        kinds |= {names.get("kind", ""), names.get("listKind", "")}
    return Taken(resources - {""}, kinds - {""})


def judged(definition: KubeObject, taken: Taken, now: str) -> KubeObject:
    """The status of `definition` with its accepted names and conditions brought up to date; `now` is RFC 3339."""
    status: KubeObject = definition.get("status") or {}
    names, conflict = _accepted(definition["spec"]["names"], status.get("acceptedNames") or {}, taken)
    accepted = conflict or {"status": "True", "reason": "NoConflicts", "message": "no conflicts found"}
    conditions = with_condition(status.get("conditions") or [], "NamesAccepted", accepted, now)
    conditions = with_condition(conditions, "Established", _established(conditions, accepted), now)
    approval = _approval(definition)
    if approval is not None:
        conditions = with_condition(conditions, "KubernetesAPIApprovalPolicyConformant", approval, now)
    return {**status, "acceptedNames": names, "conditions": conditions}


def _accepted(wanted: KubeObject, had: KubeObject, taken: Taken) -> tuple[KubeObject, Mapping[str, str] | None]:
    """The names it has from now on, and the last conflict met."""
    names, conflict = dict(had), None
    for member, reason, used in (
        ("plural", "PluralConflict", taken.resources),
        ("singular", "SingularConflict", taken.resources),
        ("shortNames", "ShortNamesConflict", taken.resources),
        ("kind", "KindConflict", taken.kinds),
        ("listKind", "ListKindConflict", taken.kinds),
    ):
        refused = _in_use(wanted.get(member), had.get(member), used)
        if refused:
            conflict = {"status": "False", "reason": reason, "message": refused}
        else:
            names[member] = wanted.get(member)
    names["categories"] = wanted.get("categories")
    given = {member: names.get(member) for member in _LISTED if names.get(member) or member in _PRINTED}
    return {member: value or "" for member, value in given.items()}, conflict


def _in_use(wanted: Any, had: Any, used: Collection[str]) -> str:
    own = had if isinstance(had, list) else [had]
    asked = wanted if isinstance(wanted, list) else [wanted]
    refused = [f'"{name}" is already in use' for name in asked if name and name not in own and name in used]
    return refused[0] if len(refused) < 2 and refused else f"[{', '.join(refused)}]" if refused else ""


def _established(conditions: list[KubeObject], accepted: Mapping[str, str]) -> Mapping[str, str]:
    """Once established, a definition stays so."""
    if is_true(conditions, "Established") or accepted["status"] == "True":
        message = "the initial names have been accepted"
        return {"status": "True", "reason": "InitialNamesAccepted", "message": message}
    return {"status": "False", "reason": "NotAccepted", "message": "not all names are accepted"}


def _approval(definition: KubeObject) -> Mapping[str, str] | None:
    """Groups of Kubernetes' own are approved of by a link in an annotation; others need no approval."""
    if not definition["spec"]["group"].endswith((".k8s.io", ".kubernetes.io")):
        return None
    said = (metadata(definition).get("annotations") or {}).get(_APPROVAL, "")
    link = urlsplit(said)
    if link.scheme and link.netloc:
        return {"status": "True", "reason": "ApprovedAnnotation", "message": f"approved in {said}"}
    return {"status": "False", "reason": "UnapprovedAnnotation", "message": f'not approved: "{said}"'}


def is_true(conditions: Iterable[KubeObject], kind: str) -> bool:
    return any(each["type"] == kind and each["status"] == "True" for each in conditions)


def with_condition(conditions: list[KubeObject], kind: str, said: Mapping[str, str], now: str) -> list[KubeObject]:
    """`conditions` with one of them as `said`; its time moves with its status alone."""
    held = next((each for each in conditions if each["type"] == kind), None)
    since = held["lastTransitionTime"] if held is not None and held["status"] == said["status"] else now
    new = {"type": kind, "status": said["status"], "lastTransitionTime": since}
    new |= {"reason": said["reason"], "message": said["message"]}
    if held is None:
        return [*conditions, new]
    return [new if each["type"] == kind else each for each in conditions]
