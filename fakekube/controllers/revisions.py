"""ControllerRevisions: the templates that a StatefulSet or a DaemonSet has had, numbered.

Source: pkg/controller/history of Kubernetes 1.37.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable
from typing import Any

from fakekube.controllers.cluster import Cluster
from fakekube.controllers.hashes import fnv1, safe
from fakekube.controllers.ownership import Claim, OwnedIndex, controller_reference
from fakekube.meta.errors import StatusError
from fakekube.meta.objects import KubeObject, metadata, name_of, namespace_of

REVISIONS = "controllerrevisions.apps"
# As Go's encoding/json escapes what browsers might read.
_ESCAPES = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"}


def template_patch(owner: KubeObject) -> KubeObject:
    """What a revision keeps: a strategic merge patch that brings the template back, in the order in which Go encodes it.

    Clients compare the bytes.
    """
    return {"spec": {"template": _in_go_order({**owner["spec"]["template"], "$patch": "replace"})}}


def _in_go_order(value: Any) -> Any:
    if isinstance(value, list):
        return [_in_go_order(each) for each in value]
    return {name: _in_go_order(value[name]) for name in sorted(value)} if isinstance(value, dict) else value


def revision_hash(patch: KubeObject, collisions: int) -> str:
    """As StatefulSets name their revisions: over the patch as Go encodes it, keys sorted."""
    text = json.dumps(patch, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    for letter, escape in _ESCAPES.items():
        text = text.replace(letter, escape)
    return safe(fnv1(text.encode() + str(collisions).encode()))


def number_of(revision: KubeObject) -> int:
    return int(revision.get("revision", 0))


def in_order(revisions: Iterable[KubeObject]) -> list[KubeObject]:
    return sorted(revisions, key=lambda each: (number_of(each), metadata(each)["creationTimestamp"], name_of(each)))


class History:
    """The revisions of one kind of owner."""

    def __init__(self, cluster: Cluster, index: OwnedIndex) -> None:
        self._cluster = cluster
        self._index = index

    def of(self, owner: KubeObject) -> list[KubeObject]:
        """All revisions of `owner` in order, orphans that fit adopted."""
        return in_order(Claim(self._index, owner, owner["spec"]["selector"]).objects())

    def make(self, owner: KubeObject, digest: str, number: int, labels: KubeObject) -> KubeObject:
        """A new revision of the owner's template; raises StatusError, AlreadyExists too."""
        found: KubeObject = {
            "name": f"{name_of(owner)[:223]}-{digest}",
            "labels": labels,
            "annotations": metadata(owner).get("annotations") or {},
            "ownerReferences": [controller_reference(owner)],
        }
        revision = {"metadata": found, "data": template_patch(owner), "revision": number}
        return self._cluster.create(REVISIONS, namespace_of(owner), revision)

    def held(self, owner: KubeObject, digest: str) -> KubeObject | None:
        """The revision of that hash, when it is of the owner's template."""
        found = self._cluster.get(REVISIONS, namespace_of(owner), f"{name_of(owner)[:223]}-{digest}")
        return found if found is not None and found["data"] == template_patch(owner) else None

    def renumbered(self, revision: KubeObject, number: int) -> KubeObject:
        return self._cluster.update(REVISIONS, revision, lambda live: {**live, "revision": number})

    def drop(self, revision: KubeObject) -> None:
        try:
            self._cluster.delete(REVISIONS, revision)
        except StatusError as refused:
            if refused.code != 404:
                raise

    def cut(self, revisions: Iterable[KubeObject], live: Collection[str], limit: int) -> None:
        """Drop the oldest of those that nobody uses (by name), beyond the limit."""
        unused = [each for each in in_order(revisions) if name_of(each) not in live]
        for revision in unused[: max(0, len(unused) - limit)]:
            self.drop(revision)
