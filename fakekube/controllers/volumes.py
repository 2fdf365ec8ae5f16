"""Claims get volumes, and are kept while pods use them, as classes of attributes are while claims and volumes do.

Source: pkg/controller/volume/{persistentvolume,pvcprotection,pvprotection,vacprotection} of Kubernetes 1.37. A claim that names no
class, or any class, gets a volume that nothing mounts; one with `storageClassName: ""` waits for a volume that fits.
"""

from __future__ import annotations

from collections.abc import Sequence

from fakekube.controllers.cluster import Cluster
from fakekube.controllers.controller import Controller
from fakekube.controllers.events import Recorder
from fakekube.controllers.pods import PODS, has_ended
from fakekube.meta.objects import KubeObject, metadata, name_of, namespace_of, uid_of
from fakekube.registry.amounts import amount
from fakekube.registry.metadata import finalizers_of, is_terminating, with_finalizers, with_metadata
from fakekube.registry.quota_scopes import attributes_classes
from fakekube.storage.items import Event

CLAIMS, VOLUMES = "persistentvolumeclaims", "persistentvolumes"
PROVISIONER = "nothing.fakekube.dev"
ATTRIBUTES = "volumeattributesclasses.storage.k8s.io"
_PROTECTED = {
    CLAIMS: "kubernetes.io/pvc-protection",
    VOLUMES: "kubernetes.io/pv-protection",
    ATTRIBUTES: "kubernetes.io/vac-protection",
}
_BOUND = {"pv.kubernetes.io/bind-completed": "yes", "pv.kubernetes.io/bound-by-controller": "yes"}


class Claims(Controller):
    """`provisions`: whether claims get volumes that did not exist before."""

    resource = CLAIMS

    def __init__(self, cluster: Cluster, recorder: Recorder, *, provisions: bool) -> None:
        super().__init__(cluster)
        self._recorder = recorder
        self._provisions = provisions

    def listen(self) -> None:
        self.cluster.listen(PODS, self._hear_pod)
        self.cluster.listen(VOLUMES, self._hear_volume)

    def _hear_pod(self, event: Event) -> None:
        """A pod that has ended, or is gone, uses nothing."""
        if event.type == "DELETED" or has_ended(event.item.obj):
            for name in _claims_in(event.item.obj):
                self.plan(event.item.namespace, name)

    def _hear_volume(self, event: Event) -> None:
        if event.type == "ADDED" and CLAIMS in self.cluster.site.store.used_resources():
            for claim in self.cluster.list(CLAIMS):
                if not claim["spec"].get("volumeName"):
                    self.enqueue(claim)

    def sync(self, namespace: str, name: str) -> None:
        claim = self.cluster.get(CLAIMS, namespace, name)
        if claim is None:
            return
        if is_terminating(claim):
            self._let_go(claim)
        elif (claim.get("status") or {}).get("phase") != "Bound":
            self._bind(claim)

    def _let_go(self, claim: KubeObject) -> None:
        pods = self.cluster.list(PODS, namespace_of(claim))
        if not any(name_of(claim) in _claims_in(pod) and not has_ended(pod) for pod in pods):
            unprotect(self.cluster, CLAIMS, claim)

    def _bind(self, claim: KubeObject) -> None:
        volume = self._fitting(claim)
        if volume is None and self._provisions and claim["spec"].get("storageClassName") != "":
            volume = self.cluster.create(VOLUMES, "", _volume_for(claim))
        if volume is None:
            if not claim["spec"].get("storageClassName"):
                why = "no persistent volumes available for this claim and no storage class is set"
                self._recorder.record(claim, "Normal", "FailedBinding", why)
            return
        reference = {
            "kind": "PersistentVolumeClaim",
            "namespace": namespace_of(claim),
            "name": name_of(claim),
            "uid": uid_of(claim),
            "apiVersion": "v1",
        }
        volume = self.cluster.update(
            VOLUMES, volume, lambda live: {**live, "spec": {**live["spec"], "claimRef": reference}}
        )
        self.cluster.update_status(VOLUMES, volume, {**(volume.get("status") or {}), "phase": "Bound"})
        self._note_bound(claim, volume)

    def _note_bound(self, claim: KubeObject, volume: KubeObject) -> None:
        def bound(live: KubeObject) -> KubeObject:
            notes = {**(metadata(live).get("annotations") or {}), **_BOUND}
            return with_metadata({**live, "spec": {**live["spec"], "volumeName": name_of(volume)}}, annotations=notes)

        written = self.cluster.update(CLAIMS, claim, bound)
        spec = volume["spec"]
        status = {
            "phase": "Bound",
            "accessModes": spec["accessModes"],
            "capacity": {"storage": spec["capacity"]["storage"]},
        }
        if spec.get("volumeAttributesClassName"):
            status["currentVolumeAttributesClassName"] = spec["volumeAttributesClassName"]
        self.cluster.update_status(CLAIMS, written, {**(written.get("status") or {}), **status})

    def _fitting(self, claim: KubeObject) -> KubeObject | None:
        """The smallest volume that is free, or meant for this claim, and large enough."""
        fitting = [each for each in self.cluster.list(VOLUMES) if _fits(each, claim)]
        return min(fitting, key=lambda each: (amount(each["spec"]["capacity"]["storage"]), name_of(each)), default=None)


class Volumes(Controller):
    """A volume is free, bound, or released when its claim is gone; what was provisioned goes with its claim."""

    resource = VOLUMES

    def listen(self) -> None:
        self.cluster.listen(CLAIMS, self._hear_claim)

    def _hear_claim(self, event: Event) -> None:
        name = event.item.obj["spec"].get("volumeName")
        if event.type == "DELETED" and name:
            self.plan("", name)

    def sync(self, namespace: str, name: str) -> None:
        volume = self.cluster.get(VOLUMES, "", name)
        if volume is None:
            return
        reference = volume["spec"].get("claimRef")
        claim = self.cluster.get(CLAIMS, reference["namespace"], reference["name"]) if reference else None
        held = claim is not None and uid_of(claim) == reference.get("uid", uid_of(claim)) if reference else False
        if is_terminating(volume):
            if not held:
                unprotect(self.cluster, VOLUMES, volume)
            return
        phase = "Available" if not reference else "Released"
        if held or (reference and "uid" not in reference):
            return  # bound, or kept for a claim that is still to come
        if phase == "Released" and volume["spec"].get("persistentVolumeReclaimPolicy") == "Delete":
            self.cluster.delete(VOLUMES, volume)
        else:
            self.cluster.update_status(VOLUMES, volume, {**(volume.get("status") or {}), "phase": phase})


class AttributesClasses(Controller):
    """A class goes when no claim and no volume has it, wants it, or is on the way to it."""

    resource = ATTRIBUTES

    def listen(self) -> None:
        for resource in (CLAIMS, VOLUMES):
            self.cluster.listen(resource, self._hear_user)

    def _hear_user(self, event: Event) -> None:
        previous = event.previous.obj if event.previous is not None else event.item.obj
        left = set(attributes_classes(previous))
        if event.type != "DELETED":
            left -= set(attributes_classes(event.item.obj))
        for name in sorted(left):
            self.plan("", name)

    def sync(self, namespace: str, name: str) -> None:
        found = self.cluster.get(ATTRIBUTES, "", name)
        if found is None or not is_terminating(found):
            return
        users = (*self.cluster.list(CLAIMS), *self.cluster.list(VOLUMES))
        if not any(name in attributes_classes(each) for each in users):
            unprotect(self.cluster, ATTRIBUTES, found)


def unprotect(cluster: Cluster, resource: str, obj: KubeObject) -> None:
    """Nobody uses it: its deletion may end."""
    protection = _PROTECTED[resource]
    if protection in finalizers_of(obj):
        kept = [each for each in finalizers_of(obj) if each != protection]
        cluster.update(resource, obj, lambda live: with_finalizers(live, kept))


def _claims_in(pod: KubeObject) -> Sequence[str]:
    volumes = (pod.get("spec") or {}).get("volumes") or ()
    return [each["persistentVolumeClaim"]["claimName"] for each in volumes if "persistentVolumeClaim" in each]


def _asked(claim: KubeObject) -> str:
    return str(((claim["spec"].get("resources") or {}).get("requests") or {}).get("storage", "0"))


def _fits(volume: KubeObject, claim: KubeObject) -> bool:
    spec, reference = volume["spec"], volume["spec"].get("claimRef")
    if reference is not None:
        meant = (reference.get("namespace"), reference.get("name")) == (namespace_of(claim), name_of(claim))
        return meant and reference.get("uid", uid_of(claim)) == uid_of(claim)
    return (
        not is_terminating(volume)
        and all((spec.get(name) or "") == (claim["spec"].get(name) or "") for name in _CLASSES)
        and set(claim["spec"].get("accessModes") or ()) <= set(spec.get("accessModes") or ())
        and amount(spec["capacity"]["storage"]) >= amount(_asked(claim))
    )


# A claim and its volume are of the same ones.
_CLASSES = ("storageClassName", "volumeAttributesClassName")


def _volume_for(claim: KubeObject) -> KubeObject:
    attributes = claim["spec"].get("volumeAttributesClassName")
    name = f"pvc-{uid_of(claim)}"
    return {
        "metadata": {"name": name, "annotations": {"pv.kubernetes.io/provisioned-by": PROVISIONER}},
        "spec": {
            "capacity": {"storage": _asked(claim)},
            "csi": {"driver": PROVISIONER, "volumeHandle": name},
            "accessModes": claim["spec"]["accessModes"],
            "persistentVolumeReclaimPolicy": "Delete",
            "storageClassName": claim["spec"].get("storageClassName") or "",
            "volumeMode": claim["spec"].get("volumeMode", "Filesystem"),
            **({"volumeAttributesClassName": attributes} if attributes else {}),
        },
    }
