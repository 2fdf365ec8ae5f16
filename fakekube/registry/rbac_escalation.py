"""Nobody grants what they do not hold: checks of roles and bindings before they are written.

Source: pkg/registry/rbac/{escalation_check,helpers}.go and the policybased storages of Kubernetes 1.37.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from fakekube.meta.errors import StatusError, forbidden, not_found
from fakekube.meta.gofmt import go_quoted
from fakekube.meta.objects import KubeObject, metadata, name_of
from fakekube.registry.authorizer import Attributes
from fakekube.registry.rbac import BINDINGS, CLUSTER_BINDINGS, CLUSTER_ROLES, GROUP, ROLES, Rbac, aggregate
from fakekube.registry.rbac_rules import EVERYTHING, Rule, compacted, go_list, rules_of, shown, uncovered
from fakekube.registry.strategies import Served
from fakekube.registry.users import MASTERS, UserInfo

# What the garbage collector changes of an object, and nobody is asked about.
_COLLECTED = ("ownerReferences", "finalizers", "selfLink", "managedFields")


class GrantCheck:
    """`require` refuses a role or binding that would give somebody more than the writer has. Other kinds pass."""

    def __init__(self, rbac: Rbac) -> None:
        self._rbac = rbac
        self._checks: Mapping[str, Callable[[Served, str, KubeObject, KubeObject | None, UserInfo], None]] = {
            ROLES: self._role,
            CLUSTER_ROLES: self._role,
            BINDINGS: self._binding,
            CLUSTER_BINDINGS: self._binding,
        }

    def require(self, served: Served, namespace: str, obj: KubeObject, held: KubeObject | None, user: UserInfo) -> None:
        """403 for an escalation, 404 for a binding to a role that is not there. `held` is what an update replaces."""
        check = self._checks.get(served.key)
        if check is None or MASTERS in user.groups:
            return
        if held is None or not _only_collected(obj, held):
            check(served, namespace, obj, held, user)

    def _role(self, served: Served, namespace: str, obj: KubeObject, held: KubeObject | None, user: UserInfo) -> None:
        plural, name = served.type.plural, name_of(obj)
        # a create is not authorized by the name of the new object
        asked = name if held is not None else ""
        if self._may(user, "escalate", plural, namespace, asked):
            return
        self._require_held(served, namespace, name, rules_of(obj), user)
        if _aggregates(obj) or _aggregates(held or {}):
            try:
                self._require_held(served, namespace, name, EVERYTHING, user)
            except StatusError:
                why = "must have cluster-admin privileges to use the aggregationRule"
                raise forbidden(plural, GROUP, name, why) from None

    def _binding(
        self, served: Served, namespace: str, obj: KubeObject, held: KubeObject | None, user: UserInfo
    ) -> None:
        reference: KubeObject = obj.get("roleRef") or {}
        kind, name = str(reference.get("kind") or ""), str(reference.get("name") or "")
        plural = {"ClusterRole": "clusterroles", "Role": "roles"}.get(kind)
        if plural is None:
            raise StatusError(code=500, reason="", message=f"unsupported role reference kind: {go_quoted(kind)}")
        if self._may(user, "bind", plural, namespace, name, str(reference.get("apiGroup") or "")):
            return
        try:
            granted = self._rbac.rules_of_role(reference, namespace)
        except StatusError:
            # the real server names the binding's resource
            raise not_found(served.type.plural, GROUP, name) from None
        self._require_held(served, namespace, name_of(obj), granted, user)

    def _may(self, user: UserInfo, verb: str, plural: str, namespace: str, name: str, group: str = GROUP) -> bool:
        attributes = Attributes(user=user, verb=verb, group=group, resource=plural, namespace=namespace, name=name)
        return self._rbac.authorize(attributes).allowed

    def _require_held(self, served: Served, namespace: str, name: str, granted: Sequence[Rule], user: UserInfo) -> None:
        owned, problems = self._rbac.rules_for(user, namespace)
        missing = uncovered(owned, granted)
        if not missing:
            return
        listed = "\n".join(sorted({shown(rule) for rule in compacted(missing)}))
        why = (
            f"user {go_quoted(user.name)} (groups={go_list(user.groups)}) is attempting to grant RBAC permissions "
            f"not currently held:\n{listed}"
        )
        if problems:
            # roles that are not there, under the name of what is written
            named = [f"{served.type.plural}.{problem.partition('.')[2]}" for problem in problems]
            why += f"; resolution errors: [{aggregate(named)}]"
        raise forbidden(served.type.plural, GROUP, name, why)


def _aggregates(role: KubeObject) -> bool:
    return bool((role.get("aggregationRule") or {}).get("clusterRoleSelectors"))


def _only_collected(obj: KubeObject, held: KubeObject) -> bool:
    return _uncollected(obj) == _uncollected(held)


def _uncollected(obj: KubeObject) -> KubeObject:
    return {**obj, "metadata": {key: value for key, value in metadata(obj).items() if key not in _COLLECTED}}
