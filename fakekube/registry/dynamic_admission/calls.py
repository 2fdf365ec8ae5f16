"""Calls to webhooks, without a network: a request that needs one is broken off, and asked again with the reply.

What a request writes is written at its end, so that nothing has happened when it is broken off; one that deletes many
objects goes on with those that are left.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Sequence
from contextvars import ContextVar
from dataclasses import dataclass

from fakekube.meta.objects import KubeObject
from fakekube.registry.metadata import new_uid


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookCall:
    """A review to be posted: `review` is its JSON object, `ca_bundle` PEM certificates, empty for those of the machine.

    `about` names webhook and write. `seed` is that of the request's chance: asked again, it draws the same names.
    """

    about: str
    uid: str
    url: str
    ca_bundle: bytes
    timeout_s: int
    review: KubeObject
    seed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookReply:
    """What came of a call: the body of an answer 200, or `error`, in Go's words."""

    call: WebhookCall
    body: bytes = b""
    error: str = ""
    timed_out: bool = False


class WebhookPending(BaseException):
    """Breaks a request off until `call` has been made; no error, and so nothing that is caught as one."""

    def __init__(self, call: WebhookCall) -> None:
        super().__init__(call.about)
        self.call = call


class Replies:
    """The replies of one request, in the order of its calls."""

    def __init__(self, replies: Sequence[WebhookReply], seed: int) -> None:
        self._replies = deque(replies)
        self._by_name = {reply.call.about: reply for reply in replies}
        self._seed = seed
        self._calls = 0

    def call(self, about: str, *, url: str, ca_bundle: bytes, timeout_s: int, review: KubeObject) -> WebhookReply:
        """The reply to the next call. Raises WebhookPending when it is still to be made.

        What was answered about something else does not count: the configuration has changed in between.
        """
        self._calls += 1
        while self._replies:
            reply = self._replies.popleft()
            if reply.call.about == about:
                return reply
        raise self._pending(about, url, ca_bundle, timeout_s, review)

    def convert(self, about: str, *, url: str, ca_bundle: bytes, timeout_s: int, review: KubeObject) -> WebhookReply:
        """The same for a conversion, which depends on nothing but the object that `about` names: it is asked for once."""
        self._calls += 1
        found = self._by_name.get(about)
        if found is None:
            raise self._pending(about, url, ca_bundle, timeout_s, review)
        return found

    def _pending(self, about: str, url: str, ca_bundle: bytes, timeout_s: int, review: KubeObject) -> WebhookPending:
        uid = new_uid(random.Random(f"{self._seed}/{self._calls}"))
        asked = {**review, "request": {"uid": uid, **review["request"]}}
        return WebhookPending(
            WebhookCall(
                about=about,
                uid=uid,
                url=url,
                ca_bundle=ca_bundle,
                timeout_s=timeout_s,
                review=asked,
                seed=self._seed,
            )
        )


# The replies of the request that is being answered: conversions happen wherever an object is looked at.
answering: ContextVar[Replies | None] = ContextVar("answering", default=None)
