"""The pods and claims of a StatefulSet: who is who, by name and number. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from fakekube.controllers.pods import pod_from
from fakekube.meta.objects import KubeObject, metadata, name_of
from fakekube.registry.metadata import with_metadata

REVISION_LABEL = "controller-revision-hash"
_NAME_LABEL, _INDEX_LABEL = "statefulset.kubernetes.io/pod-name", "apps.kubernetes.io/pod-index"


def start_of(owner: KubeObject) -> int:
    """The number of the first pod."""
    return int((owner["spec"].get("ordinals") or {}).get("start", 0))


def ordinal_of(owner: KubeObject, pod: KubeObject) -> int:
    """The pod's number; -1 for a name that is not one of the StatefulSet's."""
    parent, _, number = name_of(pod).rpartition("-")
    return int(number) if parent == name_of(owner) and number.isascii() and number.isdigit() else -1


def revision_name(pod: KubeObject) -> str:
    return str((metadata(pod).get("labels") or {}).get(REVISION_LABEL, ""))


def pod_of(owner: KubeObject, template: KubeObject, revision: str, ordinal: int) -> KubeObject:
    """The pod of that number, with its identity and its claims."""
    pod = pod_from(template, owner)
    name = f"{name_of(owner)}-{ordinal}"
    labels = {
        **(metadata(pod).get("labels") or {}),
        REVISION_LABEL: revision,
        _NAME_LABEL: name,
        _INDEX_LABEL: str(ordinal),
    }
    spec = {**pod["spec"], "hostname": name, "volumes": _volumes(owner, pod, ordinal)}
    if owner["spec"].get("serviceName"):
        spec["subdomain"] = owner["spec"]["serviceName"]
    found = {**pod["metadata"], "name": name, "labels": labels}
    return {**pod, "metadata": found, "spec": spec}


def _volumes(owner: KubeObject, pod: KubeObject, ordinal: int) -> list[KubeObject]:
    """A claim's volume stands before the pod's own, and for one of the same name."""
    claimed = [
        {"name": volume, "persistentVolumeClaim": {"claimName": name_of(claim)}}
        for volume, claim in _named_claims(owner, ordinal)
    ]
    taken = {each["name"] for each in claimed}
    return [*claimed, *(each for each in pod["spec"].get("volumes") or () if each["name"] not in taken)]


def claims_of(owner: KubeObject, ordinal: int) -> list[KubeObject]:
    return [claim for _, claim in _named_claims(owner, ordinal)]


def _named_claims(owner: KubeObject, ordinal: int) -> Iterator[tuple[str, KubeObject]]:
    """Each template's name, sorted, and the claim that the pod of that number has by it."""
    labels = owner["spec"]["selector"].get("matchLabels") or {}
    for template in sorted(owner["spec"].get("volumeClaimTemplates") or (), key=name_of):
        claim = with_metadata(
            {"metadata": template["metadata"], "spec": template["spec"]},
            name=f"{name_of(template)}-{name_of(owner)}-{ordinal}",
            labels={**(metadata(template).get("labels") or {}), **labels},
        )
        yield name_of(template), claim
