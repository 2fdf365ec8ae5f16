"""Plays a conversation on any target: the core without sockets, or a server over HTTP."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol
from urllib.parse import urlencode

from tests.recordings.answer import Answer
from tests.recordings.conversation import Conversation, Step, expand
from tests.recordings.paths import dig

PATIENCE_S = 15.0
POLL_S = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One request, everything expanded. `target` is path and query."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes | None


class Watch(Protocol):
    """An open watch: the next line, or why there is none (`server`, `client`)."""

    def next_line(self, patience_s: float) -> bytes | str: ...

    def close(self) -> None: ...


class Target(Protocol):
    """Where a conversation is played. `sleep` lets the target's own time pass."""

    def ask(self, question: Question) -> Answer: ...

    def watch(self, question: Question) -> tuple[Answer, Watch | None]: ...

    def sleep(self, seconds: float) -> None: ...

    def now(self) -> float: ...

    def token(self, who: str) -> str | None: ...


@dataclass(slots=True)
class Player:
    """One run of one conversation; `names` collects what steps capture."""

    target: Target
    conversation: Conversation
    run: str
    names: dict[str, object] = field(default_factory=dict)
    _watches: dict[str, Watch] = field(default_factory=dict)

    def play(self) -> list[Answer]:
        """The answers to setup and steps, in the order of `numbered`. Teardown is played and forgotten."""
        self.names["ns"] = self.conversation["ns"].replace("RUN", self.run)
        try:
            answers = [self._step(step) for step in [*self.conversation["setup"], *self.conversation["steps"]]]
            for step in self.conversation["teardown"]:
                self._step(step)
            return answers
        finally:
            for watch in self._watches.values():
                watch.close()

    def _step(self, step: Step) -> Answer:
        self.target.sleep(step.get("sleep", 0))
        answer = _ACTS[step.get("do", "request")](self, step)
        document = {"events": answer.events} if answer.events is not None else answer.document()
        for name, path in step.get("capture", {}).items():
            found = dig(document, path)
            self.names[name] = f"missing-{name}" if found is None else found
        return answer

    def _request(self, step: Step) -> Answer:
        """The answer; with `until`, the first that fits, or the last before patience is over."""
        wait = step.get("until")
        end = self.target.now() + (wait or {}).get("seconds", PATIENCE_S)
        while True:
            answer = self.target.ask(self._question(step))
            if wait is None or self.target.now() > end or _fits(answer, expand(wait, self.names)):
                return answer
            self.target.sleep(POLL_S)

    def _watch(self, step: Step) -> Answer:
        answer, watch = self.target.watch(self._question(step))
        if watch is None:
            return answer
        try:
            return self._events(watch, step, answer)
        finally:
            watch.close()

    def _open(self, step: Step) -> Answer:
        answer, watch = self.target.watch(self._question(step))
        if watch is not None:
            self._watches[step["id"]] = watch
        return answer

    def _read(self, step: Step) -> Answer:
        watch = self._watches.get(step["id"])
        if watch is None:
            return Answer(code=0, raw=b"watch is not open")
        return self._events(watch, step, Answer(code=200))

    def _events(self, watch: Watch, step: Step, answer: Answer) -> Answer:
        events: list[Any] = []
        ended, end = "count", self.target.now() + step.get("wait", 10)
        while len(events) < step.get("events", 0):
            line = watch.next_line(end - self.target.now())
            if isinstance(line, str):
                ended = line
                break
            event = _event(line)
            if event is not None and not (step.get("skipBookmarks") and _plain_bookmark(event)):
                events.append(event)
                if "ends" in step and event.get("type") == step["ends"]:
                    break
        return Answer(code=answer.code, headers=answer.headers, events=events, ended=ended)

    def _question(self, step: Step) -> Question:
        return Question(
            method=step.get("method", "GET"),
            target=self._target(step),
            headers=self._headers(step),
            body=self._body(step),
        )

    def _target(self, step: Step) -> str:
        path: str = expand(step["path"], self.names)
        query = step.get("query")
        if isinstance(query, dict):
            query = urlencode([(key, expand(str(value), self.names)) for key, value in query.items()])
        return f"{path}?{expand(query, self.names)}" if query else path

    def _headers(self, step: Step) -> dict[str, str]:
        headers: dict[str, str | None] = {"user-agent": "diff/1.0", "accept": "application/json"}
        who = step.get("as", "admin")
        token = self.target.token(str(expand(who, self.names)))
        headers["authorization"] = f"Bearer {token}" if token else None
        headers["content-type"] = "application/json" if {"body", "raw", "b64"} & set(step) else None
        for name, value in step.get("headers", {}).items():
            headers[name.lower()] = expand(value, self.names)
        return {name: value for name, value in headers.items() if value is not None}

    def _body(self, step: Step) -> bytes | None:
        if "body" in step:
            return json.dumps(expand(step["body"], self.names), ensure_ascii=False).encode()
        if "raw" in step:
            return str(expand(step["raw"], self.names)).encode()
        return base64.b64decode(step["b64"]) if "b64" in step else None


_ACTS = {"request": Player._request, "watch": Player._watch, "open": Player._open, "read": Player._read}


def _event(line: bytes) -> Any:
    if not line.strip():
        return None
    try:
        return json.loads(line)
    except ValueError:
        return {"unparsable": line.decode("utf-8", "replace")}


def _plain_bookmark(event: Any) -> bool:
    return bool(dig(event, "type") == "BOOKMARK" and not dig(event, "object.metadata.annotations"))


def _fits(answer: Answer, wait: Mapping[str, Any]) -> bool:
    document, text = answer.document(), answer.body().decode("utf-8", "replace")
    conditions = {c["type"]: c["status"] for c in dig(document, "status.conditions") or []}
    return all(
        [
            answer.code == wait.get("code", answer.code),
            all(dig(document, path) == value for path, value in wait.get("has", {}).items()),
            all(dig(document, path) is not None for path in wait.get("present", [])),
            all(conditions.get(kind) == status for kind, status in wait.get("condition", {}).items()),
            "items" not in wait or len(dig(document, "items") or []) == wait["items"],
            wait.get("text", "") in text,
            "notext" not in wait or wait["notext"] not in text,
        ]
    )
