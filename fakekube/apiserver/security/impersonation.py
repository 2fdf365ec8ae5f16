"""The filter that lets a user act as another one, by the Impersonate-* headers, as far as rules allow it.

Constrained impersonation comes first: it needs two permissions, one for whom, one for what. The older kind, the verb
`impersonate`, is asked last. Source: k8s.io/apiserver/pkg/endpoints/filters/impersonation of Kubernetes 1.37.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from urllib.parse import unquote

from fakekube.apiserver.call import Answer
from fakekube.apiserver.chain import Filter, Serve
from fakekube.apiserver.request import Request
from fakekube.apiserver.security.attributes import attributes_of
from fakekube.apiserver.security.forbidden import NO_SNIFFING, forbidden
from fakekube.meta.errors import StatusError
from fakekube.meta.gofmt import go_quoted
from fakekube.registry.authorizer import Attributes, Authorizer
from fakekube.registry.users import (
    ANONYMOUS,
    AUTHENTICATED,
    MASTERS,
    NODES,
    UNAUTHENTICATED,
    UserInfo,
    account_groups,
    account_of,
    extra_of,
    node_of,
)

_PREFIX = "impersonate-"
_USER, _UID, _GROUP, _EXTRA = (f"{_PREFIX}{kind}" for kind in ("user", "uid", "group", "extra-"))
_NEW_GROUP = "authentication.k8s.io"
_NODE_NAME = "authentication.kubernetes.io/node-name"
# From this many groups or extra values on, a permission for all of them is asked first.
_MANY = 4
_REMEMBERED_MAX = 1024


def with_impersonation(authorizer: Authorizer) -> Filter:
    """400 for headers that name no user, 403 for what may not be."""
    modes = ImpersonationModes(authorizer)

    def around(serve: Serve) -> Serve:
        def filtered(request: Request) -> Answer:
            wanted = wanted_user(request.headers)
            if wanted is None:
                return serve(request)
            return serve(replace(request, user=modes.impersonated(wanted, attributes_of(request))))

        return filtered

    return around


def wanted_user(headers: Mapping[str, str]) -> UserInfo | None:
    """Who the headers ask to be, as they say it; None when they ask for nobody. 400 without a user's name."""
    names = list(dict.fromkeys(name.lower() for name in headers if name[:12].lower() == _PREFIX))
    if not names:
        return None
    name, uid = (next(iter(_values(headers, each)), "") for each in (_USER, _UID))
    groups = tuple(_values(headers, _GROUP))
    extra = {_extra_key(each): _values(headers, each) for each in names if each.startswith(_EXTRA)}
    wanted = UserInfo(name=name, uid=uid, groups=groups, extra=extra_of(extra))
    if not name and (uid or groups or extra):
        why = f"requested {_shown(wanted)} without impersonating a user name"
        raise StatusError(code=400, reason="BadRequest", message=why, headers=NO_SNIFFING)
    return wanted if name else None


def _values(headers: Mapping[str, str], name: str) -> Sequence[str]:
    """All values of a header that may come more than once."""
    return [_readable(value) for each, value in headers.items() if each.lower() == name]


def _readable(text: str) -> str:
    """Bytes that are no UTF-8 become U+FFFD, as in everything that Go writes as JSON."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _extra_key(header: str) -> str:
    return unquote(_readable(header.removeprefix(_EXTRA)))


def _shown(user: UserInfo) -> str:
    """The user as Go's %#v prints it."""
    groups = f"[]string{_listed(user.groups)}" if user.groups else "[]string(nil)"
    pairs = ", ".join(f"{go_quoted(key)}:[]string{_listed(values)}" for key, values in user.extra)
    extra = f"map[string][]string{{{pairs}}}" if user.extra else "map[string][]string(nil)"
    return (
        f"&user.DefaultInfo{{Name:{go_quoted(user.name)}, UID:{go_quoted(user.uid)}, Groups:{groups}, Extra:{extra}}}"
    )


def _listed(values: Sequence[str]) -> str:
    return f"{{{', '.join(go_quoted(value) for value in values)}}}"


@dataclass(frozen=True, slots=True)
class Mode:
    """One way to impersonate: for whom it is, wanted and asking. The older one has no name."""

    name: str
    applies: Callable[[UserInfo, UserInfo], bool]

    @property
    def verb(self) -> str:
        return f"impersonate:{self.name}" if self.name else "impersonate"


def _only_named(wanted: UserInfo) -> bool:
    return not (wanted.uid or wanted.groups or wanted.extra)


def _own_node(wanted: UserInfo, requestor: UserInfo) -> bool:
    """A ServiceAccount whose token tells the node it runs on may be that node."""
    node = node_of(wanted.name)
    on_node = account_of(requestor.name) is not None and requestor.extra_value(_NODE_NAME) == node
    return bool(node) and _only_named(wanted) and on_node


_MODES = (
    Mode("associated-node", _own_node),
    Mode("arbitrary-node", lambda wanted, _: _only_named(wanted) and bool(node_of(wanted.name))),
    Mode("serviceaccount", lambda wanted, _: _only_named(wanted) and account_of(wanted.name) is not None),
    Mode("user-info", lambda wanted, _: not node_of(wanted.name) and account_of(wanted.name) is None),
    Mode("", lambda wanted, _: True),
)


class ImpersonationModes:
    """`impersonated` tries one mode after the other, the one that worked last for this requestor first."""

    def __init__(self, authorizer: Authorizer) -> None:
        self._authorizer = authorizer
        self._worked: dict[UserInfo, Mode] = {}

    def impersonated(self, wanted: UserInfo, attributes: Attributes) -> UserInfo:
        """Who the request goes on as. Raises StatusError (403), the refusal of the first mode that applied."""
        requestor = attributes.user
        last = self._worked.get(requestor)
        order = [*([last] if last else []), *(mode for mode in _MODES if mode is not last)]
        refusals: list[StatusError] = []
        for mode in order:
            if not mode.applies(wanted, requestor):
                continue
            try:
                user = self._as(wanted, mode, attributes)
            except StatusError as refusal:
                refusals.append(refusal)
                continue
            if len(self._worked) >= _REMEMBERED_MAX:
                self._worked.clear()
            self._worked[requestor] = mode
            return user
        raise refusals[0]

    def _as(self, wanted: UserInfo, mode: Mode, attributes: Attributes) -> UserInfo:
        if mode.name:
            self._require(replace(attributes, verb=f"impersonate-on:{mode.name}:{attributes.verb}"))
        for needed in _needed(wanted, mode, attributes.user, self._may):
            self._require(needed)
        return _completed(wanted, mode)

    def _may(self, attributes: Attributes) -> bool:
        return self._authorizer.authorize(attributes).allowed

    def _require(self, attributes: Attributes) -> None:
        decision = self._authorizer.authorize(attributes)
        if not decision.allowed:
            raise forbidden(attributes, decision.reason)


def _needed(
    wanted: UserInfo, mode: Mode, requestor: UserInfo, may: Callable[[Attributes], bool]
) -> Iterator[Attributes]:
    """What the requestor must be allowed, one thing after the other. Raises StatusError for what nobody may."""
    verb, group = mode.verb, _NEW_GROUP if mode.name else ""
    yield _username(wanted.name, mode, requestor)
    if wanted.uid:
        yield Attributes(user=requestor, verb=verb, group=_NEW_GROUP, resource="uids", name=wanted.uid)
    if wanted.groups:
        groups = Attributes(user=requestor, verb=verb, group=group, resource="groups")
        if mode.name:
            _require_sound_groups(wanted.groups, groups)
        all_groups = bool(mode.name) and len(wanted.groups) >= _MANY and may(replace(groups, name="*"))
        if not all_groups:
            yield from (replace(groups, name=each) for each in wanted.groups)
    if wanted.extra:
        extra = Attributes(user=requestor, verb=verb, group=_NEW_GROUP, resource="userextras")
        yield from _extra_needed(wanted, mode, extra, may)


def _username(username: str, mode: Mode, requestor: UserInfo) -> Attributes:
    found = Attributes(
        user=requestor, verb=mode.verb, group=_NEW_GROUP if mode.name else "", resource="users", name=username
    )
    account, node = account_of(username), node_of(username)
    if account is not None:
        return replace(found, resource="serviceaccounts", namespace=account[0], name=account[1])
    if node and mode.name:
        return replace(found, resource="nodes", name="*" if mode.name == "associated-node" else node)
    return found


def _require_sound_groups(groups: Sequence[str], attributes: Attributes) -> None:
    if "" in groups:
        raise forbidden(attributes, "impersonating the empty string group is not allowed")
    if MASTERS in groups:
        raise forbidden(replace(attributes, name=MASTERS), "impersonating the system:masters group is not allowed")


def _extra_needed(
    wanted: UserInfo, mode: Mode, attributes: Attributes, may: Callable[[Attributes], bool]
) -> Iterator[Attributes]:
    if mode.name:
        fault = next(_extra_faults(wanted), None)
        if fault is not None:
            raise forbidden(attributes, fault)
    count = sum(len(values) for _, values in wanted.extra)
    every = replace(attributes, subresource="*", name="*")
    if mode.name and max(count, len(wanted.extra)) >= _MANY and may(every):
        return
    for key, values in wanted.extra:
        yield from (replace(attributes, subresource=key, name=value) for value in values)


def _extra_faults(wanted: UserInfo) -> Iterator[str]:
    for key, values in wanted.extra:
        domain, _, path = key.partition("/")
        if not key:
            yield "impersonating the empty string key in extra is not allowed"
        elif not domain or not path:
            why = f'extra.key: Invalid value: {go_quoted(key)}: must be a domain-prefixed path (such as "acme.io/foo")'
            yield f"impersonating an invalid key in extra is not allowed: {why}"
        elif "" in values:
            yield "impersonating the empty string value in extra is not allowed"


def _completed(wanted: UserInfo, mode: Mode) -> UserInfo:
    """With the groups that go without saying."""
    groups, account = wanted.groups, account_of(wanted.name)
    if account is not None and not groups:
        groups = account_groups(account[0])
    elif mode.name and node_of(wanted.name):
        groups = (NODES,)
    if wanted.name == ANONYMOUS.name:
        added = UNAUTHENTICATED
    elif UNAUTHENTICATED not in groups:
        added = AUTHENTICATED
    else:
        return replace(wanted, groups=groups)
    return replace(wanted, groups=groups if added in groups else (*groups, added))
