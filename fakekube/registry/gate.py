"""What stands before a write on a site that has RBAC or plugins of its own: a site without either has no gate.

Source of the rules about signers: plugin/pkg/admission/certificates of Kubernetes 1.37.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from fakekube.meta.errors import StatusError, forbidden
from fakekube.meta.gofmt import go_quoted
from fakekube.meta.objects import KubeObject, name_of
from fakekube.registry.authorizer import Attributes, Authorizer
from fakekube.registry.certificate_requests import CLIENT_SIGNER, REQUESTS, organizations
from fakekube.registry.options import DeleteOptions, WriteOptions
from fakekube.registry.plugins import AdmissionRequest, Operation, Plugins
from fakekube.registry.rbac_escalation import GrantCheck
from fakekube.registry.strategies import Served
from fakekube.registry.users import MASTERS, UserInfo
from fakekube.storage.items import Item

# By subresource: what one must be allowed to do with the signer.
_SIGNER_VERBS: Mapping[str, str] = {"approval": "approve", "status": "sign"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """Who may grant what (None: anybody anything), and the plugins. Every method raises StatusError for a refusal."""

    authorizer: Authorizer
    grants: GrantCheck | None
    plugins: Plugins

    def create(self, served: Served, namespace: str, obj: KubeObject, options: WriteOptions) -> KubeObject:
        """The object as admitted."""
        if self.plugins:
            obj = self._asked("CREATE", served, namespace, obj, None, options, "")
        if self.grants is not None:
            self.grants.require(served, namespace, obj, None, options.user)
        return obj

    def update(
        self,
        served: Served,
        namespace: str,
        obj: KubeObject,
        held: KubeObject,
        options: WriteOptions,
        subresource: str,
    ) -> KubeObject:
        """The object as admitted."""
        if self.plugins:
            obj = self._asked("UPDATE", served, namespace, obj, held, options, subresource)
        if self.grants is not None:
            self.grants.require(served, namespace, obj, held, options.user)
        return obj

    def confirm(
        self, served: Served, obj: KubeObject, held: KubeObject | None, options: WriteOptions, subresource: str = ""
    ) -> None:
        """What is only asked about objects that are known to be valid."""
        if served.key != REQUESTS:
            return
        if held is None:
            _require_modest(obj)
        else:
            self._require_signer(obj, held, options.user, subresource)

    def delete(self, served: Served, held: Item, options: DeleteOptions) -> None:
        """Plugins only say yes or no."""
        if not self.plugins:
            return
        asked = AdmissionRequest(
            operation="DELETE",
            kind=served.type.gvk,
            resource=served.type.plural,
            subresource="",
            namespace=held.namespace,
            name=held.name,
            object=None,
            old_object=held.obj,
            user=options.user,
            dry_run=options.dry_run,
            warnings=options.warnings,
        )
        self.plugins.admit(served, asked)

    def _asked(
        self,
        operation: Operation,
        served: Served,
        namespace: str,
        obj: KubeObject,
        held: KubeObject | None,
        options: WriteOptions,
        subresource: str,
    ) -> KubeObject:
        asked = AdmissionRequest(
            operation=operation,
            kind=served.type.gvk,
            resource=served.type.plural,
            subresource=subresource,
            namespace=namespace,
            name=name_of(obj),
            object=obj,
            old_object=held,
            user=options.user,
            dry_run=options.dry_run,
            warnings=options.warnings,
        )
        admitted = self.plugins.admit(served, asked)
        return obj if admitted is None else admitted

    def _require_signer(self, obj: KubeObject, held: KubeObject, user: UserInfo, subresource: str) -> None:
        verb = _SIGNER_VERBS.get(subresource)
        new, old = obj.get("status") or {}, held.get("status") or {}
        signs = any(new.get(member) != old.get(member) for member in ("certificate", "conditions"))
        if verb is None or (verb == "sign" and not signs):
            return
        signer = str((held.get("spec") or {}).get("signerName") or "")
        names = (signer, f"{signer.partition('/')[0]}/*")
        if not any(self._may(user, verb, name) for name in names):
            why = f"user not permitted to {verb} requests with signerName {go_quoted(signer)}"
            raise _forbidden(held, why)

    def _may(self, user: UserInfo, verb: str, signer: str) -> bool:
        asked = Attributes(user=user, verb=verb, group="certificates.k8s.io", resource="signers", name=signer)
        return self.authorizer.authorize(asked).allowed


def _require_modest(request: KubeObject) -> None:
    """Nobody becomes the administrator by a certificate."""
    spec: KubeObject = request.get("spec") or {}
    if spec.get("signerName") == CLIENT_SIGNER and MASTERS in organizations(str(spec.get("request") or "")):
        raise _forbidden(request, f"use of {CLIENT_SIGNER} signer with {MASTERS} group is not allowed")


def _forbidden(request: KubeObject, why: str) -> StatusError:
    return forbidden("certificatesigningrequests", "certificates.k8s.io", name_of(request), why)
