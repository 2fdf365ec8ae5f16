"""The filter that asks whether the user may, before anything is known of what is served.

Source: k8s.io/apiserver/pkg/endpoints/filters/authorization.go.
"""

from __future__ import annotations

from fakekube.apiserver.call import Answer
from fakekube.apiserver.chain import Filter, Serve
from fakekube.apiserver.request import Request
from fakekube.apiserver.security.attributes import attributes_of
from fakekube.apiserver.security.forbidden import forbidden
from fakekube.registry.authorizer import Authorizer


def with_authorization(authorizer: Authorizer) -> Filter:
    """403 for what the user may not do."""

    def around(serve: Serve) -> Serve:
        def filtered(request: Request) -> Answer:
            attributes = attributes_of(request)
            decision = authorizer.authorize(attributes)
            if not decision.allowed:
                raise forbidden(attributes, decision.reason)
            return serve(request)

        return filtered

    return around
