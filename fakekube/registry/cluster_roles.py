"""Aggregated ClusterRoles: the rules of all roles that their selectors find, as `view`, `edit` and `admin` have them.

Source: pkg/controller/clusterroleaggregation of Kubernetes 1.37.
"""

from __future__ import annotations

from fakekube.meta.objects import KubeObject, metadata, name_of
from fakekube.registry.canonical import canonicalize
from fakekube.registry.label_selector import selects
from fakekube.registry.managedfields import after_apply
from fakekube.registry.options import WriteOptions
from fakekube.registry.rbac import CLUSTER_ROLES
from fakekube.registry.rules import write_of
from fakekube.registry.schema import schema_for
from fakekube.registry.site import Site
from fakekube.registry.update import update
from fakekube.storage.items import Event

_MANAGER = WriteOptions(manager="clusterrole-aggregation-controller")
_WORK = "clusterrole aggregation"


class ClusterRoleAggregator:
    """Hears of ClusterRoles alone, and looks at all aggregated ones `delay_s` after one has changed."""

    def __init__(self, site: Site, *, delay_s: float) -> None:
        self._site = site
        self._delay_s = delay_s

    def start(self) -> None:
        self._site.store.subscribe(CLUSTER_ROLES, self)

    def resync(self) -> None:
        """What the store held back when it was replaced is found by the next look."""
        if CLUSTER_ROLES in self._site.store.used_resources():
            self._plan()

    def offer(self, event: Event) -> None:
        """A ClusterRole was written."""
        self._plan()

    def _plan(self) -> None:
        self._site.schedule.at(self._site.now() + self._delay_s, _WORK, self._aggregate)

    def _aggregate(self) -> None:
        """Roles may gather from aggregated ones: what changes here is heard, and looked at again."""
        roles = [item.obj for item in self._site.store.keyspace(CLUSTER_ROLES).listed()]
        for role in roles:
            if role.get("aggregationRule") is not None:
                rules = _gathered(role, roles)
                if rules != (role.get("rules") or []):
                    self._write(name_of(role), rules)

    def _write(self, name: str, rules: list[KubeObject]) -> None:
        served = self._site.stored()[CLUSTER_ROLES]
        schema = schema_for(served.type.gvk)
        assert schema is not None  # a built-in kind
        gvk = served.type.gvk
        config = {"kind": gvk.kind, "apiVersion": gvk.api_version, "metadata": {"name": name}, "rules": rules}

        def applied(live: KubeObject) -> KubeObject:
            write = write_of(self._site, served, _MANAGER.manager, "")
            return canonicalize(after_apply(live, config, write, schema, force=True), gvk).object

        update(self._site, served, "", name, applied, _MANAGER, tracks=False)


def _gathered(role: KubeObject, roles: list[KubeObject]) -> list[KubeObject]:
    """The rules of the others, by name, each once."""
    found: list[KubeObject] = []
    for selector in role["aggregationRule"].get("clusterRoleSelectors") or ():
        for other in roles:
            if name_of(other) != name_of(role) and selects(selector, metadata(other).get("labels") or {}):
                found += [rule for rule in other.get("rules") or () if rule not in found]
    return found
