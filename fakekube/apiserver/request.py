"""What reaches the core: one HTTP request as a value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from fakekube.registry.dynamic_admission.calls import WebhookReply
from fakekube.registry.users import SYSTEM_ADMIN, UserInfo


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request, its body read to the end.

    `path` is percent-encoded, as on the request line and without the query; `query` is the raw text after `?`;
    header names are asked for in lower case. `certified` is whom the client's verified certificate names, `distrusted`
    says that it has shown one that does not count; `user` is who asks: an administrator, unless the chain asks who it is.
    """

    method: str
    path: str
    query: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    certified: UserInfo | None = None
    distrusted: bool = False
    user: UserInfo = SYSTEM_ADMIN
    # Of the webhooks that this request was broken off for before: see Apiserver.attempt.
    replies: Sequence[WebhookReply] = ()
