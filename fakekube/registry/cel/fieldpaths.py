"""`fieldPath` of a rule: `.spec.items['a b']`, checked against a schema, and the path it stands for in answers.

Source: apiextensions-apiserver's ValidFieldPath of 1.37.
"""

from __future__ import annotations

import re

from fakekube.meta.objects import KubeObject

_TOKEN = re.compile(r"'(?:[^'\\]|\\.)*'|[.\[\]]|[^.\[\]]+", re.DOTALL)
_ESCAPES = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "'": "'", "\\": "\\"}


def field_path(text: str, schema: KubeObject) -> str | None:
    """The path of a field below the schema's own, such as `spec.items[a b]`; None when it leads nowhere."""
    tokens = _TOKEN.findall(text)
    path = ""
    while tokens:
        name, tokens = _step(tokens)
        if name is None:
            return None
        properties, more = schema.get("properties"), schema.get("additionalProperties")
        if properties is not None:
            found, step = properties.get(name), f".{name}" if path else name
        else:
            found, step = more, f"[{name}]"
        if not isinstance(found, dict):
            return None
        path, schema = path + step, found
    return path


def _step(tokens: list[str]) -> tuple[str | None, list[str]]:
    """One name, and the tokens behind it."""
    if tokens[0] == "." and len(tokens) > 1:
        return tokens[1], tokens[2:]
    if tokens[0] == "[" and len(tokens) > 2 and tokens[2] == "]" and re.fullmatch(r"'.*'", tokens[1], re.DOTALL):
        return _unescaped(tokens[1][1:-1]), tokens[3:]
    return None, []


def _unescaped(text: str) -> str | None:
    if any(found not in _ESCAPES for found in re.findall(r"\\(.)", text, re.DOTALL)):
        return None
    return re.sub(r"\\(.)", lambda found: _ESCAPES[found[1]], text, flags=re.DOTALL)
