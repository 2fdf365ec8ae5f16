"""Who owns the claims of a StatefulSet, by its retention policy: what owns a claim takes it along when it goes. Pure.

Source: pkg/controller/statefulset/stateful_set_utils.go of Kubernetes 1.37.
"""

from __future__ import annotations

from collections.abc import Mapping

from fakekube.controllers.ownership import controller_reference
from fakekube.controllers.statefulset_pods import ordinal_of, start_of
from fakekube.meta.objects import KubeObject, metadata, name_of, uid_of

_DELETE = "Delete"


def owners_of(claim: KubeObject) -> list[KubeObject]:
    found: list[KubeObject] = metadata(claim).get("ownerReferences") or []
    return found


def deletes(owner: KubeObject, when: str) -> bool:
    """Whether claims go: `when` is whenDeleted or whenScaled."""
    policy: Mapping[str, str] = owner["spec"].get("persistentVolumeClaimRetentionPolicy") or {}
    return policy.get(when) == _DELETE


def is_stale(claim: KubeObject, name: str) -> bool:
    """Whether the claim still belongs to an earlier pod of that name, and is about to go with it."""
    return any((each["kind"], each["name"]) == ("Pod", name) for each in owners_of(claim))


def has_stranger(claim: KubeObject, owner: KubeObject, pod: KubeObject) -> bool:
    """Whether something else controls the claim, a StatefulSet or a pod of the same name from before among them."""
    if not deletes(owner, "whenDeleted") and not deletes(owner, "whenScaled"):
        return False
    ours = {uid_of(owner), uid_of(pod)}
    return any(
        each["uid"] not in ours and (each.get("controller") or _is_named(each, owner, pod)) for each in owners_of(claim)
    )


def _is_named(reference: KubeObject, owner: KubeObject, pod: KubeObject) -> bool:
    names = (("StatefulSet", name_of(owner)), ("Pod", name_of(pod)))
    return (reference["kind"], reference["name"]) in names


def wanted_owners(claim: KubeObject, owner: KubeObject, pod: KubeObject) -> list[KubeObject] | None:
    """The owners that the claim should have; None when it is to be left as it is."""
    held = owners_of(claim)
    ours = {uid_of(owner), uid_of(pod)}
    if any(_is_named(each, owner, pod) and each["uid"] not in ours for each in held):
        return None
    others = [each for each in held if each["uid"] not in ours]
    wanted = others if has_stranger(claim, owner, pod) else [*others, *_by_policy(owner, pod)]
    return None if _same(wanted, held) else wanted


def _by_policy(owner: KubeObject, pod: KubeObject) -> list[KubeObject]:
    if deletes(owner, "whenScaled") and _is_scaled_down(owner, pod):
        return [controller_reference(pod)]
    return [controller_reference(owner)] if deletes(owner, "whenDeleted") else []


def _is_scaled_down(owner: KubeObject, pod: KubeObject) -> bool:
    start = start_of(owner)
    return not start <= ordinal_of(owner, pod) < start + int(owner["spec"]["replicas"])


def _same(wanted: list[KubeObject], held: list[KubeObject]) -> bool:
    def key(reference: KubeObject) -> tuple[str, bool]:
        return reference["uid"], bool(reference.get("controller"))

    return sorted(map(key, wanted)) == sorted(map(key, held))
