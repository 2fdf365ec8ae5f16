"""The hashes in the names of ReplicaSets, of DaemonSets' and of StatefulSets' revisions, as kube-controller-manager makes them.

Source: pkg/util/hash, pkg/controller (ComputeHash) and pkg/controller/history of Kubernetes 1.37.
"""

from __future__ import annotations

from fakekube.controllers.go_printing import printed
from fakekube.meta.objects import KubeObject

_LETTERS = "bcdfghjklmnpqrstvwxz2456789"


def template_hash(template: KubeObject, collisions: int | None = None) -> str:
    """`pod-template-hash` of a template; `collisions`: how often a name with this hash was taken."""
    counted = b"" if collisions is None else collisions.to_bytes(8, "little")
    return safe(fnv1a(printed(template).encode() + counted))


def safe(number: int) -> str:
    """A number in letters that spell no word."""
    return "".join(_LETTERS[ord(digit) % len(_LETTERS)] for digit in str(number))


def fnv1a(data: bytes) -> int:
    """32 bits of FNV-1a."""
    found = 0x811C9DC5
    for byte in data:
        found = (found ^ byte) * 0x01000193 & 0xFFFFFFFF
    return found


def fnv1(data: bytes) -> int:
    """32 bits of FNV-1."""
    found = 0x811C9DC5
    for byte in data:
        found = found * 0x01000193 & 0xFFFFFFFF ^ byte
    return found
