"""All light controllers of one site, put together: what kube-controller-manager, a scheduler and kubelets would do."""

from __future__ import annotations

from collections.abc import Sequence

from fakekube.apiserver.server import Apiserver, BackgroundWork
from fakekube.controllers.autoscalers import Autoscalers
from fakekube.controllers.budgets import Budgets
from fakekube.controllers.cluster import Cluster
from fakekube.controllers.cronjobs import CronJobs
from fakekube.controllers.daemonsets import DaemonSets
from fakekube.controllers.deployments import Deployments
from fakekube.controllers.endpoints import Endpoints
from fakekube.controllers.events import Recorder
from fakekube.controllers.heartbeats import Heartbeats
from fakekube.controllers.jobs import Jobs
from fakekube.controllers.kubelet import Kubelet
from fakekube.controllers.mirrored_slices import MirroredSlices
from fakekube.controllers.node_lifecycle import NodeLifecycle, TaintEviction
from fakekube.controllers.nodes import KUBELET, make_nodes
from fakekube.controllers.ownership import OwnedIndex
from fakekube.controllers.quotas import Quotas
from fakekube.controllers.replicasets import ReplicaSets, ReplicationControllers
from fakekube.controllers.scheduler import SCHEDULER
from fakekube.controllers.stages import STAGES, Stages
from fakekube.controllers.statefulsets import StatefulSets
from fakekube.controllers.token_secrets import TokenSecrets
from fakekube.controllers.volumes import AttributesClasses, Claims, Volumes


class Workloads:
    """`apiserver.attach(Workloads(apiserver))`: Deployments, Jobs and so on move, and pods go through their `stages`.

    `nodes` are made where the site has none; with none at all pods wait for the first node that somebody creates.
    Work is planned by writes, in the site's schedule: a site at rest has none, unless its nodes send `heartbeats`.
    """

    def __init__(
        self, apiserver: Apiserver, *, nodes: int = 1, stages: Stages = STAGES, heartbeats: bool = False
    ) -> None:
        self._cluster = cluster = Cluster(apiserver.site)
        self._nodes = nodes
        pods, replica_sets = OwnedIndex(cluster, "pods"), OwnedIndex(cluster, "replicasets.apps")
        jobs = OwnedIndex(cluster, "jobs.batch")
        revisions = OwnedIndex(cluster, "controllerrevisions.apps")
        self._recorders = {name: Recorder(cluster, name) for name in _COMPONENTS}
        say = self._recorders.__getitem__
        self._parts: Sequence[BackgroundWork] = (
            pods,
            replica_sets,
            revisions,
            ReplicaSets(cluster, pods, say("replicaset-controller")),
            ReplicationControllers(cluster, pods, say("replication-controller")),
            # behind ReplicaSets: they follow one of its orders before it gives the next
            Deployments(cluster, replica_sets, pods, say("deployment-controller")),
            StatefulSets(cluster, pods, revisions, say("statefulset-controller")),
            DaemonSets(cluster, pods, revisions, say("daemonset-controller")),
            Jobs(cluster, pods, say("job-controller")),
            jobs,
            CronJobs(cluster, jobs, say("cronjob-controller")),
            Endpoints(cluster),
            MirroredSlices(cluster, say("endpoint-slice-mirroring-controller")),
            Autoscalers(cluster, say("horizontal-pod-autoscaler")),
            Budgets(cluster, say("controllermanager")),
            Quotas(cluster),
            Claims(cluster, say("persistentvolume-controller"), provisions=bool(stages.stages)),
            Volumes(cluster),
            AttributesClasses(cluster),
            TokenSecrets(cluster),
            NodeLifecycle(cluster, becomes_ready=bool(stages.stages)),
            TaintEviction(cluster, say("taint-eviction-controller")),
            Kubelet(cluster, stages, say(KUBELET), say(SCHEDULER)),
            *([Heartbeats(cluster)] if heartbeats else []),
        )

    def start(self) -> None:
        """Hear of every write from now on, and look at what is there."""
        for each in self._parts:
            each.start()
        make_nodes(self._cluster, self._nodes)

    def resync(self) -> None:
        """The store has been replaced: forget all that was known, and look at everything."""
        for recorder in self._recorders.values():
            recorder.resync()
        for each in self._parts:
            each.resync()


_COMPONENTS = (
    "deployment-controller",
    "replicaset-controller",
    "replication-controller",
    "statefulset-controller",
    "daemonset-controller",
    "job-controller",
    "cronjob-controller",
    "endpoint-slice-mirroring-controller",
    "horizontal-pod-autoscaler",
    "controllermanager",
    "taint-eviction-controller",
    "persistentvolume-controller",
    KUBELET,
    SCHEDULER,
)
