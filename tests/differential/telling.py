"""A story told to one server: its answers, normalised so that two servers' answers can be compared."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from fakekube.apiserver import protobuf
from tests.recordings.answer import Answer
from tests.recordings.conversation import Conversation
from tests.recordings.http_target import HttpTarget
from tests.recordings.normalise import normalised
from tests.recordings.play import Player


def told(story: Conversation, target: HttpTarget, run: str) -> list[Any]:
    """The answers to the steps, in order. `run` is five letters that no other story of this server has had."""
    player = Player(target, story, run)
    return normalised(story, player.names, target.host, [*map(_as_json, player.play())])


def _as_json(answer: Answer) -> Answer:
    """A protobuf answer as the JSON that it stands for, so that every value of it is compared.

    The reader is ours; it is held to account by recorded vectors in a test of its own.
    """
    body = answer.body()
    if answer.events is not None or not body.startswith(protobuf.MAGIC):
        return answer
    envelope = protobuf.read_envelope(body)
    assert envelope.kind is not None
    value = {**_without_zeros(protobuf.read_object(envelope.raw, envelope.kind)), "kind": envelope.kind.kind}
    if envelope.kind.kind.endswith("List"):
        value.setdefault("items", [])  # an empty list is not on the wire
    headers = {name: values for name, values in answer.headers.items() if not name.startswith("content-")}
    return replace(answer, headers={**headers, "x-form": ["protobuf"]}, raw=json.dumps(value).encode())


def _without_zeros(value: Any) -> Any:
    """Some zeros are on the wire and some are not; a reader cannot tell."""
    if isinstance(value, dict):
        inner = {key: _without_zeros(each) for key, each in value.items()}
        return {key: each for key, each in inner.items() if each or each == {}}
    return [*map(_without_zeros, value)] if isinstance(value, list) else value
