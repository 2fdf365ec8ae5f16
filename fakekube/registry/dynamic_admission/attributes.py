"""One write as policies and webhooks see it. Source: k8s.io/apiserver/pkg/admission/attributes.go of 1.37."""

from __future__ import annotations

from dataclasses import dataclass

from fakekube.meta.objects import GroupVersionKind, KubeObject
from fakekube.registry.plugins import Operation
from fakekube.registry.strategies import Served
from fakekube.registry.users import UserInfo

_OPTIONS = {"CREATE": "CreateOptions", "UPDATE": "UpdateOptions", "DELETE": "DeleteOptions"}


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteAttributes:
    """`obj` is None for a delete, `old` for a create. `version` is the one whose rules are asked: that of `served`,
    or an equivalent one, whose form `obj` and `old` then have."""

    operation: Operation
    served: Served
    subresource: str
    namespace: str
    """Of a Namespace its own name."""
    name: str
    obj: KubeObject | None
    old: KubeObject | None
    user: UserInfo
    dry_run: bool
    warnings: list[str]
    version: str

    @property
    def resource(self) -> str:
        return self.served.type.plural

    @property
    def is_namespace(self) -> bool:
        return self.served.type.qualified == "namespaces"

    def as_request(self) -> KubeObject:
        """The members of an admission.k8s.io/v1 request that do not hold objects; what is empty is left out."""
        served = self.served.type
        kind = GroupVersionKind(served.group, self.version, served.kind)
        request: KubeObject = {
            "kind": _kind(kind),
            "resource": {"group": kind.group, "version": kind.version, "resource": served.plural},
            "subResource": self.subresource,
            "requestKind": _kind(served.gvk),
            "requestResource": {"group": served.group, "version": served.version, "resource": served.plural},
            "requestSubResource": self.subresource,
            "name": self.name,
            "namespace": self.namespace,
        }
        head = {member: value for member, value in request.items() if value}
        return {**head, "operation": self.operation, "userInfo": self.user.as_json(), "dryRun": self.dry_run}

    def options(self) -> KubeObject:
        options: KubeObject = {"kind": _OPTIONS[self.operation], "apiVersion": "meta.k8s.io/v1"}
        return {**options, "dryRun": ["All"]} if self.dry_run else options


def _kind(kind: GroupVersionKind) -> KubeObject:
    return {"group": kind.group, "version": kind.version, "kind": kind.kind}
