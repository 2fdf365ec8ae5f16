"""Answers of the agent itself: JSON and Kubernetes `Status`, with the agent's clock in their Date."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from email.utils import formatdate

from aiohttp import web
from multidict import CIMultiDict

from fakekube.meta.errors import StatusError

OUTCOME_HEADER = "X-Collab-Outcome"
UNREACHABLE_HEADER = "X-Collab-Unreachable"
"""On an answer of an agent that could not reach what was asked for: `not-sent` or `unknown`."""

_REASONS = {202: "Pending", 400: "BadRequest", 403: "Forbidden", 404: "NotFound", 409: "Conflict"}
_GATEWAY_REASONS = {501: "NotImplemented", 502: "BadGateway", 503: "ServiceUnavailable", 504: "Timeout"}


def json_answer(status: int, body: object, now: float, headers: Iterable[tuple[str, str]] = ()) -> web.Response:
    """`body` as JSON."""
    return web.Response(status=status, body=json_bytes(body), headers=_headers("application/json", now, headers))


def json_bytes(body: object) -> bytes:
    """Compact JSON with a newline, as the apiserver writes it."""
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def text_answer(status: int, text: str, now: float) -> web.Response:
    return web.Response(status=status, body=text.encode(), headers=_headers("text/plain; charset=utf-8", now, ()))


def status_answer(
    code: int,
    message: str,
    now: float,
    headers: Iterable[tuple[str, str]] = (),
    details: Mapping[str, str] | None = None,
) -> web.Response:
    """A Status that is not a success: also 202, since what was asked for has not been done."""
    reason = (_REASONS | _GATEWAY_REASONS).get(code, "")
    body = StatusError(code=code, reason=reason, message=message).status()
    if details:
        body["details"] = dict(details)
    return json_answer(code, body, now, headers)


def warning(text: str) -> tuple[str, str]:
    """A Warning header, which kubectl prints (RFC 7234, 5.5: quotes and backslashes escaped, one line)."""
    plain = " ".join(text.split()).replace("\\", "\\\\").replace('"', '\\"')
    return "Warning", f'299 - "{plain}"'


def _headers(content_type: str, now: float, more: Iterable[tuple[str, str]]) -> CIMultiDict[str]:
    date = formatdate(now, usegmt=True)
    return CIMultiDict([("Content-Type", content_type), ("Date", date), *more])
