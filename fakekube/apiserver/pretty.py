"""JSON for people: indented when it is asked for, and for browsers and curl, which do not ask.

Source: isPrettyPrint in k8s.io/apiserver/pkg/endpoints/handlers/negotiation/negotiate.go of Kubernetes 1.37.
"""

from __future__ import annotations

import msgspec

from fakekube.apiserver.call import Answer
from fakekube.apiserver.chain import Serve
from fakekube.apiserver.codec import JSON
from fakekube.apiserver.request import Request
from fakekube.apiserver.request_info import parse_query
from fakekube.apiserver.response import Response

_PEOPLE = ("curl", "Wget", "Mozilla/5.0")
_TRUE = frozenset(["1", "t", "T", "TRUE", "true", "True"])
# Documents of OpenAPI are for programs, whoever asks.
_NEVER = "/openapi/"


def with_pretty(serve: Serve) -> Serve:
    """Whole answers in JSON are indented for people; watches never are."""

    def filtered(request: Request) -> Answer:
        found = serve(request)
        if isinstance(found, Response) and found.body and _for_people(request) and _is_json(found):
            return Response(status=found.status, headers=found.headers, body=msgspec.json.format(found.body))
        return found

    return filtered


def _for_people(request: Request) -> bool:
    if request.path.startswith(_NEVER):
        return False
    asked = parse_query(request.query).get("pretty") if "pretty=" in request.query else None
    if asked:
        return asked in _TRUE
    return request.headers.get("user-agent", "").startswith(_PEOPLE) or "pretty=1" in request.headers.get("accept", "")


def _is_json(response: Response) -> bool:
    return ("Content-Type", JSON) in response.headers
