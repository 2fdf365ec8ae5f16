"""Secrets of type kubernetes.io/service-account-token: long-lived tokens, written into whatever Secret asks for one.

Source: pkg/controller/serviceaccount/tokens_controller.go of Kubernetes 1.37.
"""

from __future__ import annotations

import base64

from fakekube.meta.errors import StatusError
from fakekube.meta.objects import KubeObject, metadata, uid_of
from fakekube.registry.authenticator import LEGACY_ISSUER
from fakekube.registry.delete import delete
from fakekube.registry.metadata import timestamp, with_metadata
from fakekube.registry.options import DeleteOptions, WriteOptions
from fakekube.registry.site import Site
from fakekube.registry.update import update
from fakekube.registry.users import account_username
from fakekube.storage.items import Event, Item

TYPE = "kubernetes.io/service-account-token"
NAME = "kubernetes.io/service-account.name"
UID = "kubernetes.io/service-account.uid"
_CLAIM = "kubernetes.io/serviceaccount"
_LAST_USED = "kubernetes.io/legacy-token-last-used"
_CONTROLLER = WriteOptions(manager="kube-controller-manager")
_APISERVER = WriteOptions(manager="kube-apiserver")


class TokenSecrets:
    """Hears of Secrets and ServiceAccounts: fills what asks for a token, and takes away what has lost its account."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def start(self) -> None:
        self._site.store.subscribe("secrets", self)
        self._site.store.subscribe("serviceaccounts", self)

    def resync(self) -> None:
        """Look at all Secrets, after the store has been replaced."""
        if "secrets" in self._site.store.used_resources():
            for item in self._site.store.keyspace("secrets").listed():
                self._look(item)

    def offer(self, event: Event) -> None:
        """A Secret or a ServiceAccount was written."""
        if event.item.obj.get("kind") == "ServiceAccount":
            if event.type == "DELETED":
                self._look_at(event.item.namespace)
        elif event.type != "DELETED":
            self._look(event.item)

    def _look_at(self, namespace: str) -> None:
        for item in self._site.store.keyspace("secrets").listed(namespace):
            self._look(item)

    def _look(self, item: Item) -> None:
        if item.obj.get("type") == TYPE:
            key = f"token of {item.namespace}/{item.name}"
            self._site.schedule.at(self._site.now(), key, lambda: self._settle(item.namespace, item.name))

    def _settle(self, namespace: str, name: str) -> None:
        held = self._site.store.get("secrets", namespace, name)
        if held is None or held.obj.get("type") != TYPE:
            return
        account = self._account(held)
        try:
            if account is None:
                secrets = self._site.stored()["secrets"]
                delete(self._site, secrets, namespace, name, DeleteOptions(uid=uid_of(held.obj)))
            else:
                self._fill(held, account)
        except StatusError:
            # the namespace is on its way out, or somebody was faster: the next event is looked at again
            return

    def _account(self, secret: Item) -> Item | None:
        """The account that the Secret names, as long as it is the same one."""
        said = metadata(secret.obj).get("annotations") or {}
        found = self._site.store.get("serviceaccounts", secret.namespace, said.get(NAME, ""))
        if found is None or said.get(UID, uid_of(found.obj)) != uid_of(found.obj):
            return None
        return found

    def _fill(self, secret: Item, account: Item) -> None:
        """The CA as it is now; token and namespace where there are none."""
        held: KubeObject = secret.obj.get("data") or {}
        data = {**held, "ca.crt": _encoded(self._site.root_ca)}
        if not held.get("namespace"):
            data["namespace"] = _encoded(secret.namespace)
        if not held.get("token"):
            data["token"] = _encoded(self._site.signing_key.sign(_claims(secret, account)))
        if data == held:
            return

        def filled(live: KubeObject) -> KubeObject:
            said = {**(metadata(live).get("annotations") or {}), NAME: account.name, UID: uid_of(account.obj)}
            return {**with_metadata(live, annotations=said), "data": {key: data[key] for key in sorted(data)}}

        served = self._site.stored()["secrets"]
        update(self._site, served, secret.namespace, secret.name, filled, _CONTROLLER)


def _encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def _claims(secret: Item, account: Item) -> KubeObject:
    """In the order of their names."""
    return {
        "iss": LEGACY_ISSUER,
        f"{_CLAIM}/namespace": secret.namespace,
        f"{_CLAIM}/secret.name": secret.name,
        f"{_CLAIM}/service-account.name": account.name,
        f"{_CLAIM}/service-account.uid": uid_of(account.obj),
        "sub": account_username(account.namespace, account.name),
    }


def require_kept(site: Site, token: str, claims: KubeObject) -> tuple[str, str, str]:
    """Namespace, name and uid of the account whose token this is. Raises ValueError for one that is no longer kept."""
    namespace, secret, name, uid = (
        str(claims.get(f"{_CLAIM}/{member}") or "")
        for member in ("namespace", "secret.name", "service-account.name", "service-account.uid")
    )
    held = site.store.get("secrets", namespace, secret)
    if held is None or metadata(held.obj).get("deletionTimestamp"):
        raise ValueError("Token has been invalidated")
    if (held.obj.get("data") or {}).get("token") != _encoded(token):
        raise ValueError("Token does not match server's copy")
    account = site.store.get("serviceaccounts", namespace, name)
    if account is None:
        raise ValueError(f'serviceaccounts "{name}" not found')
    if uid_of(account.obj) != uid:
        raise ValueError(f"ServiceAccount UID ({uid_of(account.obj)}) does not match claim ({uid})")
    _mark_used(site, held)
    return namespace, name, uid


def _mark_used(site: Site, secret: Item) -> None:
    """The Secret tells the day on which its token was used last."""
    today = timestamp(site.now())[:10]
    if (metadata(secret.obj).get("labels") or {}).get(_LAST_USED) == today:
        return

    def marked(live: KubeObject) -> KubeObject:
        return with_metadata(live, labels={**(metadata(live).get("labels") or {}), _LAST_USED: today})

    update(site, site.stored()["secrets"], secret.namespace, secret.name, marked, _APISERVER)
