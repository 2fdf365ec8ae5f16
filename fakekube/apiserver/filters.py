"""Filters of the chain: errors become answers, bodies stay small, every answer carries the usual headers."""

from __future__ import annotations

import logging
from collections.abc import Callable

from fakekube.apiserver.call import NO_CACHE, Answer
from fakekube.apiserver.chain import Serve
from fakekube.apiserver.codec import JSON, PROTOBUF, YAML, encode
from fakekube.apiserver.request import Request
from fakekube.apiserver.response import Headers, Response
from fakekube.meta.errors import Details, StatusError

log = logging.getLogger(__name__)

BODY_MAX_BYTES = 3 * 1024 * 1024


def status_response(error: StatusError, accept: str = "") -> Response:
    """The error as a Status, in the media type that the client takes first."""
    media = error_media(accept)
    headers = (("Content-Type", media), NO_CACHE, *error.headers.items())
    return Response(status=error.code, headers=headers, body=encode(error.status(), media))


def error_media(accept: str) -> str:
    """YAML or protobuf for those who ask for it, and not for a Table of it, before anything else; JSON for all others."""
    first, _, parameters = accept.partition(",")[0].partition(";")
    return first.strip() if first.strip() in (YAML, PROTOBUF) and "as=" not in parameters else JSON


def with_status_errors(serve: Serve) -> Serve:
    """A refusal becomes its Status; a failure of our own a 500 and a log record. Nothing is raised past here."""

    def filtered(request: Request) -> Answer:
        try:
            return serve(request)
        except StatusError as error:
            return status_response(error, request.headers.get("accept", ""))
        except Exception as error:
            log.exception("%s %s failed", request.method, request.path)
            return status_response(internal_error(error))

    return filtered


def internal_error(error: Exception) -> StatusError:
    """What a client sees of a bug of ours."""
    return StatusError(
        code=500,
        reason="InternalError",
        message=f"Internal error occurred: {type(error).__name__}: {error}",
        details=Details(),
    )


def with_body_limit(serve: Serve) -> Serve:
    """413 for a body past 3 MB, whatever it holds."""

    def filtered(request: Request) -> Answer:
        if len(request.body) > BODY_MAX_BYTES:
            raise StatusError(
                code=413,
                reason="RequestEntityTooLarge",
                message=f"Request entity too large: limit is {BODY_MAX_BYTES}",
            )
        return serve(request)

    return filtered


def with_standard_headers(fixed: Headers, next_id: Callable[[], str]) -> Callable[[Serve], Serve]:
    """Every answer is marked: with the Audit-ID that the client sent, else with one of ours, and with `fixed`."""

    def around(serve: Serve) -> Serve:
        def filtered(request: Request) -> Answer:
            found = serve(request)
            marks = (("Audit-Id", request.headers.get("audit-id") or next_id()), *fixed)
            if isinstance(found, Response):
                return Response(status=found.status, headers=(*found.headers, *marks), body=found.body)
            found.headers = (*found.headers, *marks)
            return found

        return filtered

    return around
