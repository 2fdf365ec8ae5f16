"""File paths inside objects. Source: pkg/apis/core/validation of Kubernetes 1.37."""

from __future__ import annotations

from fakekube.registry.validation.causes import Causes, all_invalid, invalid, required
from fakekube.registry.validation.names import dns_subdomain, http_path


def local_path(text: str, path: str) -> Causes:
    """Relative, and never upwards."""
    if text.startswith("/"):
        yield invalid(path, text, "must be a relative path")
    yield from no_backsteps(text, path)


def no_backsteps(text: str, path: str) -> Causes:
    if ".." in text.replace("\\", "/").split("/"):
        yield invalid(path, text, "must not contain '..'")


def local_file(text: str, path: str) -> Causes:
    """A file name inside a volume: not hidden as `..data` is."""
    if not text:
        yield required(path)
        return
    yield from local_path(text, path)
    if text.startswith("..") and not text.startswith("../") and text != "..":
        yield invalid(path, text, "must not start with '..'")


def absolute(text: str, path: str) -> Causes:
    if not text.startswith("/"):
        yield invalid(path, text, "must be an absolute path")


def domain_prefixed(text: str, path: str) -> Causes:
    """A path with a domain, such as acme.io/foo."""
    domain, slash, rest = text.partition("/")
    if not text:
        yield required(path)
    elif not slash or not domain or not rest:
        yield invalid(path, text, 'must be a domain-prefixed path (such as "acme.io/foo")')
    else:
        yield from all_invalid(path, domain, dns_subdomain(domain))
        yield from all_invalid(path, rest, http_path(rest))
