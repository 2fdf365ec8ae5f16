"""A site whose webhooks are really called, between two attempts of one request."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

from fakekube.apiserver.response import Response
from fakekube.http.webhooks import call_webhook
from fakekube.registry.dynamic_admission.calls import WebhookCall
from tests.unit.fakekube.sites import Answer, Site


class AskingSite(Site):
    """A site whose webhooks are really called."""

    def ask(self, method: str, path: str, body: object = None, **more: Any) -> Answer:
        kind = more.get("content_type", "application/json")
        request = self.request(method, path, body, more.get("query", ""), kind, "", "test")
        found = self.server.attempt(request)
        while isinstance(found, WebhookCall):
            request = replace(request, replies=(*request.replies, asyncio.run(call_webhook(found))))
            found = self.server.attempt(request)
        assert isinstance(found, Response)
        return Answer(found.status, dict(found.headers), found.body.decode())
