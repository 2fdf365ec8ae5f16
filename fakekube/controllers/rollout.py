"""A Deployment and its ReplicaSets as one value: which is the new one, and how large each should be next. Pure.

Source: pkg/controller/deployment/{rolling,sync}.go and util/deployment_util.go of Kubernetes 1.37.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Self

from fakekube.controllers.fractions import resolved
from fakekube.meta.objects import KubeObject, metadata, name_of
from fakekube.registry.metadata import with_metadata

HASH_LABEL = "pod-template-hash"
_PREFIX = "deployment.kubernetes.io/"
REVISION = f"{_PREFIX}revision"
_HISTORY = f"{_PREFIX}revision-history"
_DESIRED = f"{_PREFIX}desired-replicas"
_MAX = f"{_PREFIX}max-replicas"
# The Deployment's own: its ReplicaSets have others of these names, or none.
_NOT_COPIED = frozenset(
    [
        "kubectl.kubernetes.io/last-applied-configuration",
        REVISION,
        _HISTORY,
        _DESIRED,
        _MAX,
        "deprecated.deployment.rollback.to",
    ]
)
_HISTORY_MAX = 2000

Size = tuple[KubeObject, int]


@dataclass(frozen=True, slots=True)
class Limits:
    """How many pods more, and how many fewer, there may be while a Deployment rolls."""

    surge: int
    unavailable: int


def limits_of(deployment: KubeObject) -> Limits:
    """Of a Deployment that recreates, none. One of both is 1 at least, or nothing would ever move."""
    spec = deployment["spec"]
    size, strategy = spec["replicas"], spec["strategy"]
    if strategy["type"] != "RollingUpdate":
        return Limits(0, 0)
    rolling = strategy.get("rollingUpdate") or {}
    surge = resolved(rolling.get("maxSurge", 0), size, up=True)
    unavailable = resolved(rolling.get("maxUnavailable", 0), size, up=False)
    if surge == 0 and unavailable == 0:
        unavailable = 1
    return Limits(surge, min(unavailable, size))


def replicas(replica_set: KubeObject) -> int:
    return int(replica_set["spec"].get("replicas", 0))


def available(replica_set: KubeObject) -> int:
    return int((replica_set.get("status") or {}).get("availableReplicas", 0))


def revision_of(obj: KubeObject) -> int:
    """The revision in its annotation; 0 when it has none, or something that is no number."""
    text = (metadata(obj).get("annotations") or {}).get(REVISION, "")
    return int(text) if text.isascii() and text.isdigit() else 0


def desired_annotation(replica_set: KubeObject) -> int | None:
    """The Deployment's size that the ReplicaSet was last made for."""
    return _noted(replica_set, _DESIRED)


def _noted(replica_set: KubeObject, annotation: str) -> int | None:
    text = (metadata(replica_set).get("annotations") or {}).get(annotation, "")
    return int(text) if text.isascii() and text.isdigit() else None


def same_template(replica_set: KubeObject, deployment: KubeObject) -> bool:
    """Whether the ReplicaSet is the one of the Deployment's template; only the hash label may be more."""
    return _plain(replica_set["spec"].get("template") or {}) == _plain(deployment["spec"]["template"])


def _plain(template: KubeObject) -> KubeObject:
    labels = {key: value for key, value in (metadata(template).get("labels") or {}).items() if key != HASH_LABEL}
    return with_metadata(template, labels=labels)


def _age(obj: KubeObject) -> tuple[str, str]:
    return str(metadata(obj).get("creationTimestamp", "")), name_of(obj)


@dataclass(frozen=True, slots=True)
class Rollout:
    """`replica_sets` are sorted by age; `newest_name` is the one of the template, empty when it is still to be made."""

    deployment: KubeObject
    replica_sets: tuple[KubeObject, ...]
    newest_name: str

    @classmethod
    def of(cls, deployment: KubeObject, owned: Iterable[KubeObject]) -> Self:
        by_age = tuple(sorted(owned, key=_age))
        newest = next((name_of(each) for each in by_age if same_template(each, deployment)), "")
        return cls(deployment, by_age, newest)

    @property
    def size(self) -> int:
        return int(self.deployment["spec"]["replicas"])

    @property
    def newest(self) -> KubeObject | None:
        return next((each for each in self.replica_sets if name_of(each) == self.newest_name), None)

    @property
    def old(self) -> list[KubeObject]:
        return [each for each in self.replica_sets if name_of(each) != self.newest_name]

    @property
    def active(self) -> list[KubeObject]:
        return [each for each in self.replica_sets if replicas(each) > 0]

    @property
    def next_revision(self) -> int:
        return max(map(revision_of, self.old), default=0) + 1

    def about(self, deployment: KubeObject) -> Self:
        return replace(self, deployment=deployment)

    def replacing(self, replica_set: KubeObject) -> Self:
        """The same after `replica_set` was written."""
        name = name_of(replica_set)
        return replace(
            self, replica_sets=tuple(replica_set if name_of(each) == name else each for each in self.replica_sets)
        )

    def with_newest(self, replica_set: KubeObject) -> Self:
        return replace(self, replica_sets=(*self.replica_sets, replica_set), newest_name=name_of(replica_set))

    # --- how large each should be -------------------------------------------------------------------------------------

    def first_size(self) -> int:
        """Of a ReplicaSet that is about to be made."""
        return self._grown(0)

    def grown(self) -> list[Size]:
        """The new ReplicaSet towards the Deployment's size, as far as the surge allows."""
        newest = self.newest
        if newest is None or replicas(newest) == self.size:
            return []
        size = self.size if replicas(newest) > self.size else self._grown(replicas(newest))
        return [(newest, size)] if size != replicas(newest) else []

    def _grown(self, before: int) -> int:
        if self.deployment["spec"]["strategy"]["type"] != "RollingUpdate":
            return self.size
        room = self.size + limits_of(self.deployment).surge - sum(map(replicas, self.replica_sets))
        return before + min(room, self.size - before) if room > 0 else before

    def without_unready(self) -> list[Size]:
        """Old ReplicaSets without pods that serve nobody: they may go before anything new is ready."""
        newest = self.newest
        waiting = replicas(newest) - available(newest) if newest is not None else 0
        may_go = sum(map(replicas, self.replica_sets)) - self._least - waiting
        shrunk = ((each, replicas(each) - available(each)) for each in self.old if replicas(each))
        return _shrunk(shrunk, may_go)

    def without_surplus(self) -> list[Size]:
        """Old ReplicaSets without what is available beyond the least that must be."""
        newest = self.newest
        waiting = replicas(newest) - available(newest) if newest is not None else 0
        if sum(map(replicas, self.replica_sets)) - self._least - waiting <= 0:
            return []
        surplus = sum(map(available, self.replica_sets)) - self._least
        return _shrunk(((each, replicas(each)) for each in self.old if replicas(each)), surplus)

    @property
    def _least(self) -> int:
        return self.size - limits_of(self.deployment).unavailable

    def proportional(self) -> list[Size]:
        """Every ReplicaSet for another size of the Deployment, without a rollout: each active one takes its share."""
        one = self._active_or_latest()
        if one is not None:
            return [(one, self.size)] if replicas(one) != self.size else []
        if self._is_saturated():
            return [(each, 0) for each in self.old if replicas(each)]
        if self.deployment["spec"]["strategy"]["type"] != "RollingUpdate":
            return []
        return self._shares()

    def _active_or_latest(self) -> KubeObject | None:
        """The only active one; when none is, the new one or the youngest. None when several are active."""
        active = self.active
        if active:
            return active[0] if len(active) == 1 else None
        return self.newest or (self.old[-1] if self.old else None)

    def _is_saturated(self) -> bool:
        newest = self.newest
        sizes = (replicas(newest), desired_annotation(newest), available(newest)) if newest is not None else ()
        return bool(sizes) and all(size == self.size for size in sizes)

    def _shares(self) -> list[Size]:
        """In proportion to what each has; the largest takes what rounding leaves."""
        surge = limits_of(self.deployment).surge
        allowed = self.size + surge if self.size > 0 else 0
        to_add = allowed - sum(map(replicas, self.active))
        by_size = self._by_size(growing=to_add > 0)
        added = 0
        sizes: list[Size] = []
        for each in by_size:
            share = self._share(each, to_add, added)
            added += share
            sizes.append((each, replicas(each) + share))
        if sizes and to_add:
            first, size = sizes[0]
            sizes[0] = (first, max(0, size + to_add - added))
        return sizes

    def _by_size(self, *, growing: bool) -> list[KubeObject]:
        """The largest first; of two alike the younger when growing, else the older."""
        by_age = sorted(self.active, key=_age, reverse=growing)
        return sorted(by_age, key=replicas, reverse=True)

    def _share(self, replica_set: KubeObject, to_add: int, added: int) -> int:
        if to_add in (0, added):
            return 0
        fraction = self._fraction(replica_set)
        return min(fraction, to_add - added) if to_add > 0 else max(fraction, to_add - added)

    def _fraction(self, replica_set: KubeObject) -> int:
        held = replicas(replica_set)
        if self.size == 0:
            return -held
        before = _noted(replica_set, _MAX) or (self.deployment.get("status") or {}).get("replicas", 0)
        if not before:
            return 0
        return _rounded(held * (self.size + limits_of(self.deployment).surge) / before) - held


def _rounded(number: float) -> int:
    """Half away from zero, as Go's integer.RoundToInt32 does."""
    return math.floor(number + 0.5) if number >= 0 else math.ceil(number - 0.5)


def _shrunk(spare: Iterable[Size], budget: int) -> list[Size]:
    """Each without its spare pods, the oldest first, while the budget lasts."""
    found: list[Size] = []
    for replica_set, count in spare:
        taken = min(count, budget)
        if taken > 0:
            budget -= taken
            found.append((replica_set, replicas(replica_set) - taken))
    return found


# --- annotations ------------------------------------------------------------------------------------------------------


def with_replicas_annotations(deployment: KubeObject, replica_set: KubeObject) -> KubeObject:
    """`replica_set` with the sizes it is made for."""
    size = deployment["spec"]["replicas"]
    notes = {_DESIRED: str(size), _MAX: str(size + limits_of(deployment).surge)}
    return _annotated(replica_set, notes)


def with_revision_annotations(deployment: KubeObject, replica_set: KubeObject, revision: int) -> KubeObject:
    """`replica_set` with the Deployment's annotations and its revision; the revision it had before goes into its history."""
    given = metadata(deployment).get("annotations") or {}
    notes = {key: value for key, value in given.items() if key not in _NOT_COPIED}
    held = metadata(replica_set).get("annotations") or {}
    before = held.get(REVISION, "")
    if before and not (before.isascii() and before.isdigit()):
        return _annotated(replica_set, notes)
    if int(before or 0) < revision:
        notes[REVISION] = str(revision)
        if REVISION in held:
            notes |= _history(held.get(_HISTORY, ""), before)
    return _annotated(replica_set, notes)


def _history(history: str, revision: str) -> Mapping[str, str]:
    """The oldest revisions give way to a new one."""
    kept: Sequence[str] = [*filter(None, history.split(",")), revision]
    while len(",".join(kept)) > _HISTORY_MAX and len(kept) > 1:
        kept = kept[1:]
    return {_HISTORY: ",".join(kept)}


def _annotated(obj: KubeObject, notes: Mapping[str, str]) -> KubeObject:
    held = metadata(obj).get("annotations") or {}
    if all(held.get(key) == value for key, value in notes.items()):
        return obj
    return with_metadata(obj, annotations={**held, **notes})
