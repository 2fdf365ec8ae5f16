"""Replaces what differs from run to run by labels that keep identity and order, so that answers can be compared.

uid: `<uid N.k>`, N the step that showed it first. resourceVersion: `<rv N>`, the version first seen in step N (`N.k`: the
k-th of several new ones, in numeric order; ` old` appended when below one seen before). A list's own version is
`<rv >= N>`, N the highest known version not above it. Times, addresses, generated names, tokens: a word in brackets.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from fakekube.meta.objects import KubeObject
from tests.recordings.answer import Answer
from tests.recordings.conversation import Conversation, Step, expand, numbered
from tests.recordings.envelope import type_meta
from tests.recordings.paths import dig, drop

KEPT_HEADERS = frozenset(
    ["content-type", "warning", "retry-after", "allow", "www-authenticate", "content-encoding", "location"]
)
VARYING_HEADERS = ("etag", "audit-id", "x-kubernetes-pf-flowschema-uid", "x-kubernetes-pf-prioritylevel-uid", "date")

_RANDOM = r"[bcdfghjklmnpqrstvwxz2456789]{5}"
_UUID = re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
_ADDRESS = re.compile(r"\b10\.\d{1,3}\.\d{1,3}\.\d{1,3}\b")
_NODE_PORT = re.compile(r":(3[0-2]\d{3})/")
_AGE = re.compile(r"\d+[smhd](\d+[smhd])?")
_REVISION_IN_TEXT = re.compile(
    r"(ResourceVersion in precondition: |ResourceVersion in object meta: |[Tt]oo old resource version: |current: "
    r"|in the precondition \(|in record \(|resourceVersion: \"?|\\*\"resourceVersion\\*\":\\*\")"
    r"(\d+)(\\*\"?)( \((\d+)\))?"
)
_SUBSTITUTIONS = (
    (re.compile(r"eyJ[\w-]{10,}\.[\w-]+\.[\w-]+"), "<jwt>"),
    (re.compile(r"(-----BEGIN [A-Z ]+-----.*?-----END [A-Z ]+-----\n?)+", re.DOTALL), "<pem>"),
    (re.compile(rf"kube-api-access-{_RANDOM}"), "kube-api-access-<rand>"),
    (re.compile(r"serverAddress: \S+"), "serverAddress: <address>"),
)


def normalised(conversation: Conversation, names: Mapping[str, object], host: str, answers: list[Answer]) -> list[Any]:
    """What each step's answer stands for, in the form of `Step.expect`; setup steps only give labels."""
    labels = _Labels(conversation, str(names["ns"]), host, names)
    results = [
        labels.expectation(at, step, answer) for (at, step), answer in zip(numbered(conversation), answers, strict=True)
    ]
    return results[len(conversation["setup"]) :]


class _Labels:
    """The labels given so far in one run of one conversation."""

    def __init__(self, conversation: Conversation, own: str, host: str, names: Mapping[str, object]) -> None:
        self._asked = json.dumps(conversation["setup"] + conversation["steps"], ensure_ascii=False)
        self._own, self._host = own, host
        self._revisions: dict[str, str] = {}
        self._highest = 0
        self._uids: dict[str, str] = {}
        self._generated: dict[str, str] = {}
        self._at, self._uids_here, self._in_bookmark, self._own_group = "", 0, False, False
        prefixes = {expand(p, names)[:58] for p in re.findall(r'"generateName": "([^"]{2,})"', self._asked)}
        self._random_names = [
            (re.compile(re.escape(prefix) + _RANDOM), prefix.replace(own, "${ns}") + "<rand>")
            for prefix in sorted(prefixes)
        ]

    def expectation(self, at: str, step: Step, answer: Answer) -> KubeObject:
        self._at, self._uids_here, self._in_bookmark = at, 0, False
        self._own_group = "/${ns}.example.com" in step.get("path", "")
        result: KubeObject = {"code": answer.code}
        if headers := self._headers(step, answer):
            result["headers"] = headers
        content = answer.document() if answer.events is None else answer.events
        self._learn(content)
        if answer.events is not None:
            result |= {"events": self._events(step, content), "ended": answer.ended}
        elif answer.raw:
            result |= self._body(step, answer, content)
        return result

    def _headers(self, step: Step, answer: Answer) -> KubeObject:
        wanted = KEPT_HEADERS | {name.lower() for name in step.get("see", [])}
        headers: KubeObject = {}
        for name in sorted(wanted & set(answer.headers)):
            values = [self._text(value) for value in answer.headers[name]]
            headers[name] = "<any>" if name in VARYING_HEADERS else values if len(values) > 1 else values[0]
        return headers

    def _events(self, step: Step, events: Any) -> Any:
        walked = self._walk(events)
        if step.get("anyOrder"):
            walked.sort(key=_sorted_text)
        for path in step.get("ignore", []):
            drop(walked, path)
        return walked

    def _body(self, step: Step, answer: Answer, document: Any) -> KubeObject:
        media_type = answer.header("content-type")
        if "protobuf" in media_type and answer.body().startswith(b"k8s\0"):
            return {"protobuf": type_meta(answer.body())}
        if document is None or "yaml" in media_type:
            return {"text": self._text(answer.body().decode("utf-8", "replace"))}
        if "pick" in step:
            document = {path: dig(document, expand(path, {"ns": self._own})) for path in step["pick"]}
        body = self._walk(document)
        if dig(document, "reason") == "Invalid" and str(dig(document, "details.group")).endswith(".example.com"):
            _sort_causes(body)
        for path in step.get("ignore", []):
            drop(body, path)
        for path in step.get("unordered", []):
            if isinstance(listed := dig(body, path), list):
                listed.sort(key=_sorted_text)
        return {"body": body}

    # What an answer shows for the first time.

    def _learn(self, content: Any) -> None:
        new: set[str] = set()
        self._scan(content, new)
        order = sorted(new, key=int)
        for number, revision in enumerate(order, 1):
            place = self._at if len(order) == 1 else f"{self._at}.{number}"
            self._revisions[revision] = f"<rv {place}{' old' if int(revision) < self._highest else ''}>"
        self._highest = max([self._highest, *map(int, order)])

    def _scan(self, value: Any, new: set[str]) -> None:
        if isinstance(value, list):
            for item in value:
                self._scan(item, new)
        elif isinstance(value, dict):
            if isinstance(value.get("metadata"), dict):
                self._scan_metadata(value, value["metadata"], new)
            if not (value.get("type") == "BOOKMARK" and "object" in value):
                for key in sorted(value):
                    self._scan(value[key], new)

    def _scan_metadata(self, owner: KubeObject, metadata: KubeObject, new: set[str]) -> None:
        revision = metadata.get("resourceVersion")
        if _is_revision(revision) and not _is_list(owner) and revision not in self._revisions:
            new.add(str(revision))
        prefix, name = metadata.get("generateName"), metadata.get("name")
        if not (isinstance(prefix, str) and isinstance(name, str) and prefix) or name in self._generated:
            return
        if re.fullmatch(_RANDOM, name[-5:]) and prefix.startswith(name[:-5]):
            stem = name[:-5].replace(self._own, "${ns}")
            self._generated[name] = f"{stem}<rand {self._at}.{len(self._generated)}>"

    # One value.

    def _walk(self, value: Any, key: str = "", in_list: bool = False) -> Any:
        if isinstance(value, str):
            return self._string(value, key, in_list)
        if isinstance(value, list):
            return [self._walk(item, key) for item in value]
        if isinstance(value, dict):
            return self._object(value)
        if key in ("nodePort", "healthCheckNodePort") and not isinstance(value, bool) and isinstance(value, int):
            return "<nodePort>" if 30000 <= value < 32800 and str(value) not in self._asked else value
        return value

    def _string(self, value: str, key: str, in_list: bool) -> str:
        if key == "resourceVersion" and _is_revision(value):
            return self._list_revision(value) if in_list else self._object_revision(value)
        if key == "continue" and value:
            return "<continue>"
        if key == "serverAddress":
            return "<address>"
        if key == "storageVersionHash" and self._own_group:
            return "<hash>"
        return self._text(value)

    def _object(self, value: KubeObject) -> KubeObject:
        in_list = _is_list(value) or self._in_bookmark
        if isinstance(value.get("rows"), list):
            value = self._without_ages(value)
        return dict(self._object_member(value, key, in_list) for key in sorted(value))

    def _object_member(self, owner: KubeObject, key: str, in_list: bool) -> tuple[str, Any]:
        value = owner[key]
        if key == "metadata" and isinstance(value, dict):
            return key, self._metadata(value, in_list)
        if key == "object" and owner.get("type") == "BOOKMARK":
            self._in_bookmark = True
            walked = self._walk(value, key)
            self._in_bookmark = False
            return key, walked
        if key in ("groups", "items") and isinstance(value, list):
            value = [item for item in value if not self._is_foreign(item)]
        return self._text(key), self._walk(value, key)

    def _metadata(self, metadata: KubeObject, in_list: bool) -> KubeObject:
        walked = {
            self._text(key): self._walk(metadata[key], key, in_list and key == "resourceVersion")
            for key in sorted(metadata)
        }
        if isinstance(walked.get("managedFields"), list):
            walked["managedFields"].sort(key=_manager)
        return walked

    def _list_revision(self, revision: str) -> str:
        below = [known for known in self._revisions if int(known) <= int(revision)]
        return f"<rv >= {self._revisions[max(below, key=int)][4:]}" if below else "<rv old>"

    def _object_revision(self, revision: str) -> str:
        return self._revisions.get(revision, revision if f'"{revision}"' in self._asked else "<rv ?>")

    def _is_foreign(self, item: Any) -> bool:
        """An API group of another conversation's CRD, in a discovery document."""
        if not isinstance(item, dict) or "versions" not in item:
            return False
        name = item.get("name") or (None if "spec" in item else dig(item, "metadata.name"))
        return isinstance(name, str) and name.endswith(".example.com") and self._own not in name

    def _without_ages(self, table: KubeObject) -> KubeObject:
        columns = table.get("columnDefinitions") and [self._column(column) for column in table["columnDefinitions"]]
        rows = [{**row, "cells": [self._cell(cell) for cell in row.get("cells") or []]} for row in table["rows"]]
        return {**table, "rows": rows} | ({"columnDefinitions": columns} if "columnDefinitions" in table else {})

    def _column(self, column: KubeObject) -> KubeObject:
        said = json.dumps(column.get("description", ""), ensure_ascii=False) in self._asked
        return {**column, "description": "<text>"} if column.get("description") and not said else column

    def _cell(self, cell: Any) -> Any:
        varies = isinstance(cell, str) and _AGE.fullmatch(cell) and f'"{cell}"' not in self._asked
        return "<age>" if varies else cell

    # Text.

    def _text(self, text: str) -> str:
        for name, label in self._generated.items():
            text = text.replace(name, label)
        text = text.replace(self._own, "${ns}")
        for pattern, label in self._random_names:
            text = pattern.sub(label, text)
        text = _UUID.sub(self._uid, text.replace(self._host, "${host}"))
        for pattern, label in _SUBSTITUTIONS[:3]:
            text = pattern.sub(label, text)
        text = _SUBSTITUTIONS[3][0].sub(_SUBSTITUTIONS[3][1], _TIME.sub(self._time, text))
        text = _ADDRESS.sub(lambda m: m[0] if m[0] in self._asked else "<ip>", text)
        text = _NODE_PORT.sub(lambda m: m[0] if m[1] in self._asked else ":<nodePort>/", text)
        return _REVISION_IN_TEXT.sub(self._revision_in_text, text)

    def _uid(self, match: re.Match[str]) -> str:
        uid = match[0]
        if uid.startswith("00000000-"):
            return uid
        if uid not in self._uids:
            self._uids_here += 1
            self._uids[uid] = f"<uid {self._at}.{self._uids_here}>"
        return self._uids[uid]

    def _time(self, match: re.Match[str]) -> str:
        if match[0] in self._asked:
            return match[0]
        return {0: "<time>", 7: "<microtime>"}.get(len(match[1] or ""), "<nanotime>")

    def _revision_in_text(self, match: re.Match[str]) -> str:
        # which version is current depends on what else the recorded server was asked meanwhile
        labels = {} if match[1] == "current: " else self._revisions
        known = match[2] if match[2] in self._asked else "<rv>"
        return match[1] + labels.get(match[2], known) + match[3] + (" (<rv>)" if match[4] else "")


def _is_revision(value: object) -> bool:
    return isinstance(value, str) and value.isdigit() and value != "0"


def _is_list(value: KubeObject) -> bool:
    if value.get("kind") in ("Table", "PartialObjectMetadataList"):
        return True
    return "items" in value and isinstance(value["items"], list | None) and "spec" not in value


def _sorted_text(value: Any) -> str:
    return json.dumps(value, sort_keys=True)


def _manager(entry: Any) -> tuple[str, ...]:
    """The server's order of managedFields without its times, since a second may tick anywhere."""
    if not isinstance(entry, dict):
        return ("",)
    return (
        *(str(entry.get(key, "")) for key in ("operation", "manager", "apiVersion", "subresource")),
        _sorted_text(entry),
    )


def _sort_causes(status: KubeObject) -> None:
    """Errors of custom resources come in the order of a Go map: sorts the causes, and the message made of them."""
    causes = dig(status, "details.causes") or []
    joined = f"[{', '.join(map(_cause, causes))}]"
    causes.sort(key=_cause)
    if len(causes) > 1 and status.get("message", "").endswith(joined):
        status["message"] = status["message"].removesuffix(joined) + f"[{', '.join(map(_cause, causes))}]"


def _cause(cause: KubeObject) -> str:
    return f"{cause.get('field')}: {cause.get('message')}"
