"""How one write is meant: dry or real, under which manager's name, on which conditions.

Source: k8s.io/apimachinery/pkg/apis/meta/v1 (CreateOptions, UpdateOptions, PatchOptions, DeleteOptions).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from fakekube.registry.canonical import Path
from fakekube.registry.users import SYSTEM_ADMIN, UserInfo

Propagation = Literal["", "Background", "Foreground", "Orphan"]


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteOptions:
    """Of create, update and patch. `manager` owns the fields that are written; `warnings` collects what is odd."""

    dry_run: bool = False
    manager: str = "unknown"
    warnings: list[str] = field(default_factory=list)
    # Lists and maps that were sent empty and are not kept: validation shows them, and of lists that are printed as null
    # their writer owns them.
    emptied: list[Path] = field(default_factory=list)
    user: UserInfo = SYSTEM_ADMIN
    # Whether policies and webhooks are asked: about what clients write, not about what the site does by itself.
    reviewed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteOptions:
    """Of delete and deletecollection. An empty propagation is the resource's default, an empty precondition none."""

    dry_run: bool = False
    grace_period_s: int | None = None
    uid: str = ""
    resource_version: str = ""
    propagation: Propagation = ""
    user: UserInfo = SYSTEM_ADMIN
    warnings: list[str] = field(default_factory=list)
    reviewed: bool = False
