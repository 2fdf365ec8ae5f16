"""Conversations as data: questions to an apiserver, with the answers a real one gave.

One conversation is `{name, area, needs, ns, setup, steps, teardown}`, one line of conversations.json. `ns` holds RUN,
replaced by five fresh letters, so that names never clash on a shared server. What a step may hold is said at `Step`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TypedDict

FILE = Path(__file__).parent / "conversations.json"


class Step(TypedDict, total=False):
    """One question. `do` is request (default), watch, open or read.

    `body` is JSON, `raw` text, `b64` bytes; `query` a mapping or raw text; a header of None is left out; `as` is admin,
    user, none or a token. `capture` names values of the answer for later steps. `until` repeats the question.
    `ends` is the type of the event after which a watch is left; without it, `events` of them or `wait` seconds.
    `ignore`, `pick`, `unordered`, `anyOrder` and `see` say what of the answer is compared. `expect` is that answer.
    """

    do: str
    method: str
    path: str
    query: Any
    headers: dict[str, str | None]
    body: Any
    raw: str
    b64: str
    capture: dict[str, str]
    sleep: float
    until: dict[str, Any]
    events: int
    ends: str
    wait: float
    id: str
    skipBookmarks: bool
    anyOrder: bool
    pick: list[str]
    ignore: list[str]
    unordered: list[str]
    see: list[str]
    expect: dict[str, Any]


class Conversation(TypedDict):
    name: str
    area: str
    needs: list[str]
    ns: str
    setup: list[Step]
    steps: list[Step]
    teardown: list[Step]


def load(path: Path = FILE) -> list[Conversation]:
    conversations: list[Conversation] = json.loads(path.read_text())["conversations"]
    return conversations


def save(path: Path, about: Mapping[str, object], conversations: list[Conversation]) -> None:
    """One conversation a line, so that a review of a new recording shows what changed. Keys keep their order."""
    lines = [json.dumps(each, separators=(",", ":"), ensure_ascii=False) for each in conversations]
    path.write_text('{"about":' + json.dumps(about) + ',"conversations":[\n' + ",\n".join(lines) + "\n]}\n")


def expand(value: Any, names: Mapping[str, object]) -> Any:
    """`value` with `${name}` replaced everywhere; `${repeat|text|n}` is text n times."""
    if isinstance(value, str):
        repeated = re.sub(r"\$\{repeat\|([^|]*)\|(\d+)\}", lambda m: m[1] * int(m[2]), value)
        return re.sub(r"\$\{(\w+)\}", lambda m: str(names.get(m[1], m[0])), repeated)
    if isinstance(value, list):
        return [expand(item, names) for item in value]
    if isinstance(value, dict):
        return {expand(key, names): expand(item, names) for key, item in value.items()}
    return value


def numbered(conversation: Conversation) -> Iterator[tuple[str, Step]]:
    """Setup steps as p0, p1, ... and steps as 0, 1, ...: the labels that recorded answers use."""
    yield from ((f"p{number}", step) for number, step in enumerate(conversation["setup"]))
    yield from ((str(number), step) for number, step in enumerate(conversation["steps"]))
