"""The options of create, update, patch and delete: from the query, or for a DELETE with a body, from the body alone.

Source: k8s.io/apimachinery/pkg/apis/meta/v1/validation, and answers recorded from kube-apiserver 1.37.2.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import cast

from fakekube.apiserver.list_options import options_invalid
from fakekube.apiserver.query import bool_of, int_of
from fakekube.apiserver.request_info import Query
from fakekube.meta.errors import Cause
from fakekube.meta.gofmt import go_quoted
from fakekube.meta.objects import KubeObject
from fakekube.registry.options import DeleteOptions, Propagation, WriteOptions
from fakekube.registry.users import SYSTEM_ADMIN, UserInfo

MANAGER_MAX_BYTES = 128
_VALIDATIONS = ("", "Ignore", "Strict", "Warn")
_POLICIES = ("Foreground", "Background", "Orphan")


@dataclass(frozen=True, slots=True, kw_only=True)
class BodyOptions:
    """How a write is meant, and what becomes of unknown fields in its body."""

    write: WriteOptions
    field_validation: str


def body_options(
    kind: str, query: Query, user_agent: str, warnings: list[str], user: UserInfo = SYSTEM_ADMIN
) -> BodyOptions:
    """The options `kind` (CreateOptions, UpdateOptions, PatchOptions) in the query. 422 for values nobody knows.

    `warnings` takes what the write warns of, `user` is who writes.
    """
    if query:
        _require_known(kind, query)
    manager = query.get("fieldManager") or default_manager(user_agent)
    return BodyOptions(
        write=WriteOptions(
            dry_run=bool(query.get("dryRun")), manager=manager, warnings=warnings, user=user, reviewed=True
        ),
        field_validation=query.get("fieldValidation") or "Warn",
    )


def _require_known(kind: str, query: Query) -> None:
    causes = [*_dry_run_causes(query.all("dryRun")), *_manager_causes(query), *_validation_causes(query)]
    if causes:
        raise options_invalid(kind, causes)


def default_manager(user_agent: str) -> str:
    """The User-Agent up to the first slash; `unknown` when there is none."""
    return user_agent.partition("/")[0][:MANAGER_MAX_BYTES] or "unknown"


def _dry_run_causes(values: list[str]) -> Iterator[Cause]:
    if any(value != "All" for value in values):
        listed = ",".join(f'"{value}"' for value in values)
        yield Cause(
            reason="FieldValueNotSupported",
            message=f'Unsupported value: [{listed}]: supported values: "All"',
            field="dryRun",
        )


def _manager_causes(query: Query) -> Iterator[Cause]:
    manager = query.get("fieldManager", "")
    if len(manager.encode()) > MANAGER_MAX_BYTES:
        message = f"Too long: may not be more than {MANAGER_MAX_BYTES} bytes"
        yield Cause(reason="FieldValueTooLong", message=message, field="fieldManager")
    bad = next((index for index, letter in enumerate(manager) if not letter.isprintable()), None)
    if bad is not None:
        shown = go_quoted(manager)
        message = f"Invalid value: {shown}: invalid character U+{ord(manager[bad]):04X} (at position {bad})"
        yield Cause(reason="FieldValueInvalid", message=message, field="fieldManager")


def _validation_causes(query: Query) -> Iterator[Cause]:
    value = query.get("fieldValidation", "")
    if value not in _VALIDATIONS:
        supported = ", ".join(f'"{each}"' for each in _VALIDATIONS)
        yield Cause(
            reason="FieldValueNotSupported",
            message=f'Unsupported value: "{value}": supported values: {supported}',
            field="fieldValidation",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteRequest:
    """`cascades` is orphanDependents=false said outright: what is not gone at once is then answered with 202."""

    options: DeleteOptions
    cascades: bool = False


def delete_request_from_query(query: Query) -> DeleteRequest:
    """Preconditions cannot be asked for in a query."""
    orphan = bool_of(query, "orphanDependents")
    grace = int_of(query, "gracePeriodSeconds") if query.get("gracePeriodSeconds") else None
    return _delete_request(query.all("dryRun"), grace, orphan, query.get("propagationPolicy", ""), {})


def delete_request_from_body(body: KubeObject) -> DeleteRequest:
    """A decoded DeleteOptions; unknown members were dropped."""
    grace = body.get("gracePeriodSeconds")
    return _delete_request(
        list(body.get("dryRun") or []),
        grace if isinstance(grace, int) else None,
        body.get("orphanDependents"),
        body.get("propagationPolicy") or "",
        body.get("preconditions") or {},
    )


def _delete_request(
    dry_run: list[str], grace: int | None, orphan: bool | None, policy: str, preconditions: Mapping[str, str]
) -> DeleteRequest:
    causes = list(_delete_causes(dry_run, orphan, policy))
    if causes:
        raise options_invalid("DeleteOptions", causes)
    propagation = policy or {True: "Orphan", False: "Background", None: ""}[orphan]
    options = DeleteOptions(
        reviewed=True,
        dry_run=bool(dry_run),
        grace_period_s=grace,
        uid=preconditions.get("uid") or "",
        resource_version=preconditions.get("resourceVersion") or "",
        propagation=cast(Propagation, propagation),
    )
    return DeleteRequest(options=options, cascades=orphan is False)


def _delete_causes(dry_run: list[str], orphan: bool | None, policy: str) -> Iterator[Cause]:
    if orphan is not None and policy:
        yield Cause(
            reason="FieldValueInvalid",
            message=f'Invalid value: "{policy}": orphanDependents and deletionPropagation cannot be both set',
            field="propagationPolicy",
        )
    elif policy and policy not in _POLICIES:
        supported = ", ".join(f'"{each}"' for each in (*_POLICIES, "nil"))
        yield Cause(
            reason="FieldValueNotSupported",
            message=f'Unsupported value: "{policy}": supported values: {supported}',
            field="propagationPolicy",
        )
    yield from _dry_run_causes(dry_run)
