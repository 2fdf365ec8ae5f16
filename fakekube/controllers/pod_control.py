"""Creating and deleting the pods of an owner, and telling of it in events."""

from __future__ import annotations

from fakekube.controllers.cluster import Cluster
from fakekube.controllers.events import Recorder
from fakekube.controllers.pods import PODS, pod_from
from fakekube.meta.errors import StatusError
from fakekube.meta.objects import KubeObject, name_of, namespace_of


def says_terminating(refused: StatusError) -> bool:
    """Whether it was refused because its namespace is going away: nobody minds."""
    causes = refused.details.causes if refused.details is not None else ()
    return any(each.reason == "NamespaceTerminating" for each in causes)


class PodControl:
    """Every method raises StatusError when it is refused, after an event has told so."""

    def __init__(self, cluster: Cluster, recorder: Recorder) -> None:
        self._cluster = cluster
        self._recorder = recorder

    def create_many(self, owner: KubeObject, template: KubeObject, count: int) -> None:
        """`count` pods of `template`; the first refusal ends it. None at all in a namespace that terminates."""
        pod = pod_from(template, owner)
        for _ in range(count):
            try:
                self.create(owner, pod)
            except StatusError as refused:
                if says_terminating(refused):
                    return
                raise

    def create(self, owner: KubeObject, pod: KubeObject) -> KubeObject:
        try:
            made = self._cluster.create(PODS, namespace_of(owner), pod)
        except StatusError as refused:
            if not says_terminating(refused):
                self._recorder.record(owner, "Warning", "FailedCreate", f"Error creating: {refused.message}")
            raise
        self._recorder.record(owner, "Normal", "SuccessfulCreate", f"Created pod: {name_of(made)}")
        return made

    def delete(self, owner: KubeObject, pod: KubeObject) -> None:
        """A pod that is gone already is as good as deleted."""
        try:
            self._cluster.delete(PODS, pod)
        except StatusError as refused:
            if refused.code in (404, 409):
                return
            self._recorder.record(owner, "Warning", "FailedDelete", f"Error deleting: {refused.message}")
            raise
        self._recorder.record(owner, "Normal", "SuccessfulDelete", f"Deleted pod: {name_of(pod)}")
