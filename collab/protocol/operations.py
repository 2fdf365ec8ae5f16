"""Operations: what a user asks of the collaboration layer, and what is answered. Plain values and their JSON shapes.

An operation is accepted once per site (its id is the idempotence key), survives a crash, and may be answered `pending`
long before it is done.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, cast, get_args

from collab.protocol.names import GroupKind, KubeObject, SiteName, check_resource, check_site

Verb = Literal["create", "extend", "retract", "reattach", "destroy"]
Role = Literal["rw", "ro"]
ExitPolicy = Literal["keep", "delete"]
Collision = Literal["refuse", "adopt-if-identical", "adopt"]
Mode = Literal["ap", "strict"]
Missing = Literal["recreate", "absent"]
OperationState = Literal["done", "pending", "refused"]

DEFAULT_TIMEOUT_S = 5.0
MAX_TIMEOUT_S = 600.0
MAX_MEMBERS = 1000
SHAREABLE_KINDS: frozenset[str] = frozenset({"configmaps"})
"""Content kinds that `with` may name; the namespace itself is always shared."""


class BadOperationError(ValueError):
    """An operation that cannot be understood: `field` says where, the text says what and the way out."""

    def __init__(self, where: str, text: str) -> None:
        super().__init__(f"{where}: {text}")
        self.field = where


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One request for the collaboration layer, as asked at any site.

    `resource` is `namespaces/NAME`; `to` is the target of extend and reattach; `source` (JSON: `from`) is the site that
    retract takes out; `kinds` (JSON: `with`) are the content kinds shared beside the namespace; `gid` and `members`
    belong to create: members in the order of the scope, gid only on an operation that an ingress passed on.
    `mode` says how ownership passes on in a record that this operation makes; `break_glass` (JSON: `breakGlass`) seizes
    one in mode strict. `missing` says what becomes of a content object that is deleted at one site: made again there, or
    left out there. `manifest` (JSON: `object`) is the body to create. `timeout_s` bounds the answer, not the operation. `withdraw` takes
    the operation of that id back where nobody has begun it: an agent's word to those it had passed it on to.
    """

    id: str
    verb: Verb
    resource: str
    to: SiteName | None = None
    source: SiteName | None = None
    kinds: tuple[GroupKind, ...] = ()
    role: Role = "rw"
    exit: ExitPolicy = "keep"
    force: bool = False
    break_glass: bool = False
    mode: Mode = "ap"
    missing: Missing = "recreate"
    collision: Collision = "refuse"
    timeout_s: float = DEFAULT_TIMEOUT_S
    scope: str = ""
    manifest: KubeObject | None = None
    gid: str = ""
    members: tuple[SiteName, ...] = ()
    dry_run: bool = False
    withdraw: bool = False

    def to_json(self) -> dict[str, object]:
        """The body of `POST /collab/v1/operations`, defaults left out; `parse_operation` reads it back."""
        body: dict[str, object] = {"id": self.id, "verb": self.verb, "resource": self.resource}
        optional: dict[str, tuple[object, object]] = {
            "to": (self.to, None),
            "from": (self.source, None),
            "with": (list(self.kinds), []),
            "role": (self.role, "rw"),
            "exit": (self.exit, "keep"),
            "force": (self.force, False),
            "breakGlass": (self.break_glass, False),
            "mode": (self.mode, "ap"),
            "missing": (self.missing, "recreate"),
            "collision": (self.collision, "refuse"),
            "timeoutSeconds": (self.timeout_s, DEFAULT_TIMEOUT_S),
            "scope": (self.scope, ""),
            "object": (self.manifest, None),
            "gid": (self.gid, ""),
            "members": (list(self.members), []),
            "dryRun": (self.dry_run, False),
            "withdraw": (self.withdraw, False),
        }
        body.update({name: value for name, (value, default) in optional.items() if value != default})
        return body


@dataclass(frozen=True, slots=True, kw_only=True)
class OperationResult:
    """The answer to an operation. `outcomes` maps a site to `applied`, `pending` or `rejected:CODE`.

    `code` is the HTTP status to answer with: 200 done, 202 pending, the refusal's own code otherwise.
    """

    id: str
    verb: Verb
    resource: str
    state: OperationState
    code: int
    message: str
    gid: str = ""
    outcomes: Mapping[SiteName, str] = field(default_factory=dict)
    manifest: KubeObject | None = None

    def to_json(self) -> dict[str, object]:
        """The body of the answer, as in the agent's HTTP API."""
        body: dict[str, object] = {
            "id": self.id,
            "verb": self.verb,
            "resource": self.resource,
            "gid": self.gid,
            "state": self.state,
            "code": self.code,
            "message": self.message,
            "outcomes": dict(sorted(self.outcomes.items())),
        }
        if self.manifest is not None:
            body["object"] = dict(self.manifest)
        return body


def draw_operation_id(rng: random.Random) -> str:
    """A fresh operation id from the injected chance."""
    return f"op-{rng.getrandbits(64):016x}"


def parse_operation(body: object, rng: random.Random) -> Operation:
    """Read a request body; draws an id when none is given. Raises BadOperationError naming the member that is wrong."""
    if not isinstance(body, dict):
        raise BadOperationError("body", "must be a JSON object with at least verb and resource")
    unknown = sorted(set(body) - _MEMBERS)
    if unknown:
        raise BadOperationError(unknown[0], f"unknown member; known are {', '.join(sorted(_MEMBERS))}")
    verb = cast(Verb, _choice(body, "verb", get_args(Verb), None))
    operation = Operation(
        id=_text(body, "id") or draw_operation_id(rng),
        verb=verb,
        resource=_resource(body),
        to=_site(body, "to"),
        source=_site(body, "from"),
        kinds=_kinds(body),
        role=cast(Role, _choice(body, "role", get_args(Role), "rw")),
        exit=cast(ExitPolicy, _choice(body, "exit", get_args(ExitPolicy), "keep")),
        force=_flag(body, "force"),
        break_glass=_flag(body, "breakGlass"),
        mode=cast(Mode, _choice(body, "mode", get_args(Mode), "ap")),
        missing=cast(Missing, _choice(body, "missing", get_args(Missing), "recreate")),
        collision=cast(Collision, _choice(body, "collision", get_args(Collision), "refuse")),
        timeout_s=_timeout(body),
        scope=_text(body, "scope"),
        manifest=_object(body),
        gid=_text(body, "gid"),
        members=_members(body),
        dry_run=_flag(body, "dryRun"),
        withdraw=_flag(body, "withdraw"),
    )
    _check_targets(operation)
    return operation


_MEMBERS = frozenset(
    [
        "id",
        "verb",
        "resource",
        "to",
        "from",
        "with",
        "role",
        "exit",
        "force",
        "breakGlass",
        "mode",
        "missing",
        "collision",
        "timeoutSeconds",
        "scope",
        "object",
        "gid",
        "members",
        "dryRun",
        "withdraw",
    ]
)


def _text(body: Mapping[str, object], name: str) -> str:
    value = body.get(name, "")
    if not isinstance(value, str) or len(value) > 1024:
        raise BadOperationError(name, "must be a string of at most 1024 characters")
    return value


def _flag(body: Mapping[str, object], name: str) -> bool:
    value = body.get(name, False)
    if not isinstance(value, bool):
        raise BadOperationError(name, "must be true or false")
    return value


def _choice(body: Mapping[str, object], name: str, allowed: tuple[str, ...], default: str | None) -> str:
    value = body.get(name, default)
    if value not in allowed or not isinstance(value, str):
        raise BadOperationError(name, f"must be one of {', '.join(allowed)}, is {value!r}")
    return value


def _site(body: Mapping[str, object], name: str) -> SiteName | None:
    value = body.get(name)
    if value is None:
        return None
    if not isinstance(value, str) or not check_site(value):
        raise BadOperationError(name, f"{value!r} is not a site name (a DNS label of at most 63 characters)")
    return SiteName(value)


def _resource(body: Mapping[str, object]) -> str:
    value = body.get("resource")
    if not isinstance(value, str):
        raise BadOperationError("resource", "must be namespaces/NAME")
    problem = check_resource(value)
    if problem:
        raise BadOperationError("resource", problem)
    return value


def _kinds(body: Mapping[str, object]) -> tuple[GroupKind, ...]:
    value = body.get("with", [])
    if not isinstance(value, list):
        raise BadOperationError("with", "must be a list of kinds")
    for kind in value:
        if kind not in SHAREABLE_KINDS:
            raise BadOperationError(
                "with", f"{kind!r} cannot be shared; known are {', '.join(sorted(SHAREABLE_KINDS))}"
            )
    return tuple(sorted(set(value)))


def _timeout(body: Mapping[str, object]) -> float:
    value = body.get("timeoutSeconds", DEFAULT_TIMEOUT_S)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= MAX_TIMEOUT_S:
        raise BadOperationError("timeoutSeconds", f"must be a number of seconds from 0 to {MAX_TIMEOUT_S:g}")
    return float(value)


def _object(body: Mapping[str, object]) -> KubeObject | None:
    value = body.get("object")
    if value is not None and not isinstance(value, dict):
        raise BadOperationError("object", "must be a Kubernetes object")
    return value


def _members(body: Mapping[str, object]) -> tuple[SiteName, ...]:
    value = body.get("members", [])
    if not isinstance(value, list) or len(value) > MAX_MEMBERS:
        raise BadOperationError("members", f"must be a list of at most {MAX_MEMBERS} site names")
    for site in value:
        if not isinstance(site, str) or not check_site(site):
            raise BadOperationError("members", f"{site!r} is not a site name (a DNS label of at most 63 characters)")
    return tuple(dict.fromkeys(SiteName(site) for site in value))


def _check_targets(operation: Operation) -> None:
    """Each verb's own demands: extend and reattach need `to`, retract `from`, create `members`."""
    needed = {"extend": ("to", operation.to), "reattach": ("to", operation.to), "retract": ("from", operation.source)}
    name, value = needed.get(operation.verb, ("", "given"))
    if value is None:
        raise BadOperationError(name, f"{operation.verb} needs a site here")
    if operation.verb == "create" and not operation.members:
        raise BadOperationError("members", "create needs the sites that shall hold the object")


def parse_stored(body: object) -> Operation:
    """An operation from the journal: it was valid when it was accepted and brings its id along."""
    return parse_operation(body, random.Random(0))
