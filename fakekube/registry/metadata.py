"""The members of `metadata` that the server itself writes: uid, name, times, generation, finalizers.

Source: k8s.io/apiserver/pkg/registry/rest (meta.go, create.go, update.go), apimachinery's name generator.
"""

from __future__ import annotations

import random
from collections.abc import Iterable
from datetime import UTC, datetime
from functools import lru_cache

from fakekube.meta.objects import KubeObject

# Vowels, 0, 1 and 3 are left out, so that no suffix spells a word.
_SUFFIX_LETTERS = "bcdfghjklmnpqrstvwxz2456789"
_SUFFIX_LENGTH = 5
_GENERATED_MAX = 63

# The order of Go's ObjectMeta: what the server prints.
_ORDER = (
    "name",
    "generateName",
    "namespace",
    "selfLink",
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "labels",
    "annotations",
    "ownerReferences",
    "finalizers",
    "managedFields",
)


@lru_cache(maxsize=64)
def _timestamp(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def timestamp(now: float) -> str:
    """Epoch seconds as RFC 3339 in whole seconds, the form of metav1.Time."""
    return _timestamp(int(now))


def micro_timestamp(now: float) -> str:
    """Epoch seconds as RFC 3339 with six digits, the form of metav1.MicroTime."""
    return datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def epoch(text: str) -> float:
    """RFC 3339 text as epoch seconds."""
    return datetime.fromisoformat(text).timestamp()


# The version (4) and the variant of a random UUID; all other bits are drawn.
_UUID_FIXED = (0x4 << 76) | (0b10 << 62)
_UUID_DRAWN = ~((0xF << 76) | (0b11 << 62))


def new_uid(rng: random.Random) -> str:
    """A version 4 UUID (RFC 9562) drawn from `rng`."""
    bits = rng.getrandbits(128) & _UUID_DRAWN | _UUID_FIXED
    text = f"{bits:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def generated_name(prefix: str, rng: random.Random) -> str:
    """`prefix` with a random suffix; a long prefix is cut so that the name fits a DNS label."""
    suffix = "".join(rng.choice(_SUFFIX_LETTERS) for _ in range(_SUFFIX_LENGTH))
    return prefix[: _GENERATED_MAX - _SUFFIX_LENGTH] + suffix


def ordered(metadata: KubeObject) -> KubeObject:
    """`metadata` in the server's order, without members that are None or empty."""
    return {key: value for key in _ORDER if key in metadata and ((value := metadata[key]) or value == 0)}


def with_metadata(obj: KubeObject, **members: object) -> KubeObject:
    """`obj` with these members of its metadata set; None removes one."""
    return {**obj, "metadata": ordered({**(obj.get("metadata") or {}), **members})}


def finalizers_of(obj: KubeObject) -> list[str]:
    found: list[str] = (obj.get("metadata") or {}).get("finalizers") or []
    return found


def with_finalizers(obj: KubeObject, finalizers: Iterable[str]) -> KubeObject:
    return with_metadata(obj, finalizers=list(finalizers))


def is_terminating(obj: KubeObject) -> bool:
    return bool((obj.get("metadata") or {}).get("deletionTimestamp"))
