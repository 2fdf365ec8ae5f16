"""The filter chain: small functions around a handler, outermost first.

`build_chain(handler, [with_audit_id, with_status_errors, with_body_limit])` reads as the way a request takes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from fakekube.apiserver.call import Answer
from fakekube.apiserver.request import Request

Serve = Callable[[Request], Answer]
Filter = Callable[[Serve], Serve]


def build_chain(handler: Serve, filters: Sequence[Filter]) -> Serve:
    """`handler` inside all `filters`; the first one sees the request first."""
    for each in reversed(filters):
        handler = each(handler)
    return handler
