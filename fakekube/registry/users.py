"""Who asks: a user as authentication found it. Source: k8s.io/apiserver/pkg/authentication/{user,serviceaccount}."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from fakekube.meta.names import is_dns1123_label, is_dns1123_subdomain
from fakekube.meta.objects import KubeObject

MASTERS = "system:masters"
AUTHENTICATED = "system:authenticated"
UNAUTHENTICATED = "system:unauthenticated"
SERVICE_ACCOUNTS = "system:serviceaccounts"
NODES = "system:nodes"

# Each key with its values, sorted by key.
Extra = tuple[tuple[str, tuple[str, ...]], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class UserInfo:
    """A name, an identity that outlives the name, groups in the order they were found, and what else is known."""

    name: str
    uid: str = ""
    groups: tuple[str, ...] = ()
    extra: Extra = ()

    def as_json(self) -> KubeObject:
        """As in the status of a review: what is empty is left out."""
        members: dict[str, object] = {
            "username": self.name,
            "uid": self.uid,
            "groups": list(self.groups),
            "extra": {key: list(values) for key, values in self.extra},
        }
        return {member: value for member, value in members.items() if value}

    def extra_value(self, key: str) -> str:
        """The value under `key` when there is exactly one."""
        values = dict(self.extra).get(key, ())
        return values[0] if len(values) == 1 else ""


# Who everybody is where nobody is asked who they are, and who the server's own controllers are.
SYSTEM_ADMIN = UserInfo(name="system:admin", groups=(MASTERS, AUTHENTICATED))
ANONYMOUS = UserInfo(name="system:anonymous", groups=(UNAUTHENTICATED,))

_ACCOUNT_PREFIX = "system:serviceaccount:"
_NODE_PREFIX = "system:node:"


def extra_of(values: Mapping[str, Sequence[str]]) -> Extra:
    return tuple((key, tuple(values[key])) for key in sorted(values))


def account_username(namespace: str, name: str) -> str:
    return f"{_ACCOUNT_PREFIX}{namespace}:{name}"


def account_groups(namespace: str) -> tuple[str, ...]:
    """The groups that every ServiceAccount of the namespace is in."""
    return SERVICE_ACCOUNTS, f"{SERVICE_ACCOUNTS}:{namespace}"


def account_of(username: str) -> tuple[str, str] | None:
    """Namespace and name of the ServiceAccount that is called `username`; None for every other user."""
    if not username.startswith(_ACCOUNT_PREFIX):
        return None
    parts = username.removeprefix(_ACCOUNT_PREFIX).split(":")
    if len(parts) != 2 or not is_dns1123_label(parts[0]) or not is_dns1123_subdomain(parts[1]):
        return None
    return parts[0], parts[1]


def node_of(username: str) -> str:
    """The node that is called `username`; empty for every other user."""
    name = username.removeprefix(_NODE_PREFIX)
    return name if name != username and is_dns1123_subdomain(name) else ""


def authenticated(user: UserInfo) -> UserInfo:
    """`user` in the group of all that were authenticated, as its last one."""
    if user.name == ANONYMOUS.name or not {AUTHENTICATED, UNAUTHENTICATED}.isdisjoint(user.groups):
        return user
    return replace(user, groups=(*user.groups, AUTHENTICATED))
