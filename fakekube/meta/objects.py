"""The shape of Kubernetes objects as plain dicts, and the few accessors everyone needs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

# One object in JSON form. Values are immutable by convention: whoever changes one copies the path first.
KubeObject = dict[str, Any]


class GroupVersionKind(NamedTuple):
    """`apps/v1 Deployment`; the core group is the empty string."""

    group: str
    version: str
    kind: str

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version


def metadata(obj: Mapping[str, Any]) -> Mapping[str, Any]:
    """The object's metadata, empty when it has none, or something that is no metadata."""
    found = obj.get("metadata")
    return found if isinstance(found, dict) else {}


def name_of(obj: Mapping[str, Any]) -> str:
    return str(metadata(obj).get("name") or "")


def namespace_of(obj: Mapping[str, Any]) -> str:
    return str(metadata(obj).get("namespace") or "")


def uid_of(obj: Mapping[str, Any]) -> str:
    return str(metadata(obj).get("uid") or "")


def revision_of(obj: Mapping[str, Any]) -> str:
    """The resourceVersion, as the opaque text the server gave."""
    return str(metadata(obj).get("resourceVersion") or "")


def group_of(api_version: str) -> tuple[str, str]:
    """Group and version of an apiVersion: `apps/v1` -> ("apps", "v1"), `v1` -> ("", "v1")."""
    group, _, version = api_version.rpartition("/")
    return group, version
