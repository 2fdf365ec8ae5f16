"""How one kind is validated: what its names look like, and the rules for new and changed objects."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from fakekube.meta.objects import KubeObject
from fakekube.registry.validation.causes import Causes
from fakekube.registry.validation.names import NameCheck, dns_subdomain


def nothing(obj: KubeObject) -> Causes:
    """A kind whose metadata alone is checked."""
    yield from ()


def nothing_new(obj: KubeObject, held: KubeObject) -> Causes:
    yield from ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """`create` sees the whole new object; `update` the wanted and the stored one, through the main resource;
    `status` the same through /status. `first` is told of a new object before its metadata. `own` kinds are Kubernetes' proper ones, whose finalizers must be standard or qualified.

    `named` is there where the rest of the object says what it may be named. `update_repeats_create`: an update is
    checked by the rules for new objects too, behind its own. `update_repeats_metadata`: the real server checks the
    metadata of an update twice, their form a third time, and tells all that it found.
    """

    name: NameCheck = dns_subdomain
    named: Callable[[KubeObject], NameCheck] | None = None
    own: bool = True
    first: Callable[[KubeObject], Causes] = nothing
    create: Callable[[KubeObject], Causes] = nothing
    update: Callable[[KubeObject, KubeObject], Causes] = nothing_new
    status: Callable[[KubeObject, KubeObject], Causes] = nothing_new
    update_repeats_create: bool = True
    update_repeats_metadata: bool = False


def in_all(values: object, path: str, check: Callable[[KubeObject, str], Causes]) -> Causes:
    """`check` on every element of a list of objects, with its path."""
    for index, value in enumerate(values if isinstance(values, list) else ()):
        yield from check(value, f"{path}[{index}]")
