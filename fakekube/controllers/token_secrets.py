"""Secrets of the type that asks for a ServiceAccount's token get one, and go with their account.

Source: pkg/controller/serviceaccount/tokens_controller.go of Kubernetes 1.37.
"""

from __future__ import annotations

import base64

from fakekube.controllers.controller import Controller
from fakekube.meta.objects import KubeObject, metadata, name_of, namespace_of, uid_of
from fakekube.registry.metadata import with_metadata
from fakekube.registry.users import account_username
from fakekube.storage.items import Event

SECRETS, ACCOUNTS = "secrets", "serviceaccounts"
_TYPE = "kubernetes.io/service-account-token"
_NAME, _UID = "kubernetes.io/service-account.name", "kubernetes.io/service-account.uid"


class TokenSecrets(Controller):
    """Hears of Secrets of that type, and of accounts that come and go."""

    resource = SECRETS

    def hear(self, event: Event) -> None:
        if event.item.obj.get("type") == _TYPE and event.type != "DELETED":
            super().hear(event)

    def listen(self) -> None:
        self.cluster.listen(ACCOUNTS, self._hear_account)

    def _hear_account(self, event: Event) -> None:
        if event.type == "MODIFIED" or SECRETS not in self.cluster.site.store.used_resources():
            return
        for secret in self.cluster.list(SECRETS, event.item.namespace):
            if _account_of(secret) == event.item.name:
                self.enqueue(secret)

    def sync(self, namespace: str, name: str) -> None:
        secret = self.cluster.get(SECRETS, namespace, name)
        if secret is None or secret.get("type") != _TYPE or not _account_of(secret):
            return
        account = self.cluster.get(ACCOUNTS, namespace, _account_of(secret))
        known = (metadata(secret).get("annotations") or {}).get(_UID)
        if account is None or known not in (None, uid_of(account)):
            self.cluster.delete(SECRETS, secret)
        elif "token" not in (secret.get("data") or {}):
            self.cluster.update(SECRETS, secret, lambda live: self._filled(live, account))

    def _filled(self, secret: KubeObject, account: KubeObject) -> KubeObject:
        values = {
            "ca.crt": self.cluster.site.root_ca,
            "namespace": namespace_of(secret),
            "token": self._token(secret, account),
        }
        encoded = {key: base64.b64encode(text.encode()).decode() for key, text in values.items()}
        notes = {**(metadata(secret).get("annotations") or {}), _UID: uid_of(account)}
        return with_metadata({**secret, "data": {**(secret.get("data") or {}), **encoded}}, annotations=notes)

    def _token(self, secret: KubeObject, account: KubeObject) -> str:
        """A token without an end, as these Secrets hold."""
        space = namespace_of(secret)
        prefix = "kubernetes.io/serviceaccount"
        return self.cluster.site.signing_key.sign(
            {
                "iss": prefix,
                f"{prefix}/namespace": space,
                f"{prefix}/secret.name": name_of(secret),
                f"{prefix}/service-account.name": name_of(account),
                f"{prefix}/service-account.uid": uid_of(account),
                "sub": account_username(space, name_of(account)),
            }
        )


def _account_of(secret: KubeObject) -> str:
    if secret.get("type") != _TYPE:
        return ""
    return str((metadata(secret).get("annotations") or {}).get(_NAME, ""))
