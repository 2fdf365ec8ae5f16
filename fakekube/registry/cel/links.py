"""URLs: the function `url` and what it returns.

Source: k8s.io/apiserver/pkg/cel/library/urls.go of 1.37, package net/url of Go 1.26.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import quote, unquote_plus, unquote_to_bytes

from fakekube.meta.gofmt import go_quoted
from fakekube.registry.cel.addresses import address_fault
from fakekube.registry.cel.values import CelError, MapValue

_SCHEME = re.compile(r"([a-zA-Z][a-zA-Z0-9+.-]*):")
_BAD_ESCAPE = re.compile(r"%(?![0-9a-fA-F]{2}).{0,2}", re.DOTALL)
_HOST_CHARS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.~!$&'()*+,;=:[]<>\"%")
_USER = re.compile(r"[a-zA-Z0-9\-._:~!$&'()*+,;=%@]*")
_PATH_SAFE = "-_.~$&+,/:;=@"
# Kept in an escaped path although a default escape would not leave them.
_PATH_KEPT = "!'()*[]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Url:
    scheme: str = ""
    opaque: str = ""
    host: str = ""
    path: str = ""
    """As written."""
    query: str = ""

    @property
    def type_name(self) -> str:
        return "kubernetes.URL"


class _BadUrl(ValueError):
    pass


def _parsed(text: str, *, request: bool) -> Url:
    """What net/url reads; `request`: absolute, and with no fragment of its own. _BadUrl with Go's words."""
    if any(ord(char) < 0x20 or ord(char) == 0x7F for char in text):
        raise _BadUrl("net/url: invalid control character in URL")
    if not text and request:
        raise _BadUrl("empty url")
    if text == "*":
        return Url(path="*")
    if text.startswith(":"):
        raise _BadUrl("missing protocol scheme")
    found = _SCHEME.match(text)
    scheme, rest = (found[1].lower(), text[found.end() :]) if found else ("", text)
    rest, _, query = rest.partition("?")
    if not rest.startswith("/"):
        return _rootless(scheme, rest, query, request=request)
    host = ""
    has_authority = bool(scheme) or (not request and not rest.startswith("///"))
    if has_authority and rest.startswith("//"):
        authority, slash, path = rest[2:].partition("/")
        host, rest = _host_of(scheme, authority), slash + path
    return Url(scheme=scheme, host=host, path=_checked(rest), query=query)


def _rootless(scheme: str, rest: str, query: str, *, request: bool) -> Url:
    if scheme:
        return Url(scheme=scheme, opaque=rest, query=query)
    if request:
        raise _BadUrl("invalid URI for request")
    if ":" in rest.partition("/")[0]:
        raise _BadUrl("first path segment in URL cannot contain colon")
    return Url(path=_checked(rest), query=query)


def _checked(text: str) -> str:
    bad = _BAD_ESCAPE.search(text)
    if bad:
        raise _BadUrl(f"invalid URL escape {go_quoted(bad[0])}")
    return text


def _host_of(scheme: str, authority: str) -> str:
    user, at, host = authority.rpartition("@")
    checked = _host(scheme, host)
    if at and not _USER.fullmatch(user):
        raise _BadUrl("net/url: invalid userinfo")
    _checked(user)
    return checked


def _host(scheme: str, host: str) -> str:
    bracket = host.rfind("[")
    if bracket > 0:
        raise _BadUrl("invalid IP-literal")
    if bracket == 0:
        inside, closed, port = host[1:].rpartition("]")
        if not closed:
            raise _BadUrl("missing ']' in host")
        _check_port(port)
        return f"[{_literal(_unescaped_host(inside))}]{port}"
    first, last = host.find(":"), host.rfind(":")
    if first >= 0:
        _check_port(host[first if scheme in ("http", "https") else last :])
    return _unescaped_host(host)


def _literal(text: str) -> str:
    fault = address_fault(text)
    if fault:
        raise _BadUrl(fault)
    return text


def _check_port(text: str) -> None:
    if text and not re.fullmatch(r":[0-9]*", text, re.ASCII):
        raise _BadUrl(f"invalid port {go_quoted(text)} after host")


def _unescaped_host(text: str) -> str:
    _checked(text)
    for escape in re.findall(r"%[0-7][0-9a-fA-F]", text):
        if escape != "%25":
            raise _BadUrl(f"invalid URL escape {go_quoted(escape)}")
    for char in text:
        if ord(char) < 0x80 and char not in _HOST_CHARS:
            raise _BadUrl(f"invalid character {go_quoted(char)} in host name")
    return unquote_to_bytes(text).decode(errors="replace")


def parse_url(text: str) -> Url:
    """CelError for what is neither an absolute URL nor an absolute path."""
    try:
        _parsed(text, request=True)
        return _without_fragment(text)
    except _BadUrl as error:
        told = f"parse {go_quoted(text)}: {error}"
        raise CelError(f"URL parse error during conversion from string: {told}") from None


def _without_fragment(text: str) -> Url:
    return _parsed(text.partition("#")[0], request=False)


def fault(text: str) -> str | None:
    """Why `text` is no URI of a request, in Go's words."""
    try:
        _parsed(text, request=True)
    except _BadUrl as error:
        return f"parse {go_quoted(text)}: {error}"
    return None


# --- functions ----------------------------------------------------------------------------------------------------------


def _hostname(url: Url) -> str:
    host = url.host
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.rpartition(":")[0] if ":" in host else host


def _port(url: Url) -> str:
    behind = url.host.rpartition("]")[2]
    return behind.rpartition(":")[2] if ":" in behind else ""


def _escaped_path(url: Url) -> str:
    """The path as written where it is a valid escape, escaped anew otherwise."""
    written = quote(url.path, safe=_PATH_SAFE + _PATH_KEPT + "%")
    return written if written == url.path else quote(unquote_to_bytes(url.path), safe=_PATH_SAFE)


def _query(url: Url) -> MapValue:
    values: dict[str, list[object]] = {}
    for pair in url.query.split("&"):
        key, _, value = pair.partition("=")
        if not pair or ";" in pair or _BAD_ESCAPE.search(pair):
            continue
        values.setdefault(unquote_plus(key), []).append(unquote_plus(value))
    return MapValue({key: (key, value) for key, value in values.items()})


LINKS: Mapping[str, Callable[..., object]] = {
    "string_to_url": parse_url,
    "url_get_scheme": lambda url: url.scheme,
    "url_get_host": lambda url: url.host,
    "url_get_hostname": _hostname,
    "url_get_port": _port,
    "url_get_escaped_path": _escaped_path,
    "url_get_query": _query,
    "is_url_string": lambda text: fault(text) is None,
}
