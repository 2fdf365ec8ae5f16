"""YAML bodies as the Go server reads them (YAML 1.1 as sigs.k8s.io/yaml has it), and YAML answers as it prints them.

Only the first document counts. Keys become strings and are sorted, as they pass through a Go map on their way to JSON.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Hashable
from typing import Any

import yaml


class YamlFault(ValueError):
    """The text is no YAML; the message is Go's."""


class RepeatedKeys(list[str]):
    """`line 6: key "a" already set in map`, one for each key that occurs twice."""


class _Loader(yaml.CSafeLoader):
    """PyYAML's loader with Go's idea of scalars, remembering repeated keys."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.repeated = RepeatedKeys()

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Hashable, Any]:
        self.flatten_mapping(node)
        found: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key = _key(self.construct_object(key_node, deep=True))
            if key in found:
                self.repeated.append(f'line {key_node.start_mark.line + 1}: key "{key}" already set in map')
            found[key] = self.construct_object(value_node, deep=True)
        return dict(sorted(found.items()))


def _key(value: Any) -> str:
    """A map key as JSON needs it: text."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int):
        return str(value)
    if isinstance(value, float):
        return repr(value)
    raise YamlFault(f"Unsupported map key of type: {'nil' if value is None else type(value).__name__}, key: {value}")


_TRUE = ("y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON")
_FALSE = ("n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF")
_BOOLEANS = {**dict.fromkeys(_TRUE, True), **dict.fromkeys(_FALSE, False)}
_INTEGER = re.compile(r"[-+]?(0b[01_]+|0x[0-9a-fA-F_]+|0o[0-7_]+|[0-9][0-9_]*)")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_PREFIXES = {"0b": 2, "0x": 16, "0o": 8}


def _scalar(loader: _Loader, node: yaml.ScalarNode) -> Any:
    """A plain scalar: null, bool, number or text."""
    text = str(node.value)
    if text in ("", "~", "null", "Null", "NULL"):
        return None
    if text in _BOOLEANS:
        return _BOOLEANS[text]
    if _INTEGER.fullmatch(text):
        return _integer(text)
    return _number(text, float(text)) if _FLOAT.fullmatch(text) else text


def _number(text: str, value: float) -> int | float | str:
    """On its way through JSON a whole float loses its point; what no float can hold is text."""
    if math.isinf(value):
        return text
    return int(value) if value.is_integer() and abs(value) < 1e21 else value


_DIGITS_MAX = 64  # in base 2; any number with more is no integer of Go's


def _integer(text: str) -> int | float | str:
    digits = text.replace("_", "")
    sign = -1 if digits.startswith("-") else 1
    digits = digits.lstrip("+-")
    if len(digits) > _DIGITS_MAX + 2:
        return _number(text, float(digits) * sign) if digits.isdigit() else text
    base = _PREFIXES.get(digits[:2], 10)
    if base != 10:
        return sign * int(digits[2:], base)
    if len(digits) > 1 and digits[0] == "0":
        return sign * int(digits, 8) if set(digits) <= set("01234567") else text
    return sign * int(digits)


# Every plain scalar resolves to one tag of ours; quoted ones stay text.
_Loader.yaml_implicit_resolvers = {
    None: [("tag:yaml.org,2002:merge", re.compile(r"^<<$")), ("tag:plain", re.compile(r"(?s).*"))]
}
_Loader.add_constructor("tag:plain", _scalar)


# Where JSON and YAML surely read alike: printable ASCII without escapes and tabs.
_PLAIN_JSON = re.compile(rb"\{[ \n!-\[\]-~]*")
_KEY_MAX = 1000  # longer ones are no simple keys in YAML


def parse_yaml(body: bytes) -> tuple[Any, RepeatedKeys]:
    """The value of the first document of `body` (None for an empty one), and its repeated keys. Raises YamlFault.

    Most clients send JSON, which a JSON parser reads many times faster.
    """
    if _PLAIN_JSON.fullmatch(body):
        try:
            return json.loads(
                body, object_pairs_hook=_sorted, parse_float=_differs, parse_constant=_differs
            ), RepeatedKeys()
        except (ValueError, RecursionError):
            pass  # it is YAML, or wrong in a way that YAML has its own words for
    return read_document(body)


def _sorted(members: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(sorted(members))
    if len(found) < len(members) or any(len(key) > _KEY_MAX for key in found):
        raise ValueError("repeated or long keys")
    return found


def _differs(text: str) -> Any:
    raise ValueError(text)


def read_document(body: bytes) -> tuple[Any, RepeatedKeys]:
    """The same by the YAML parser alone."""
    try:
        loader = _Loader(body.decode("utf-8", "replace"))
        node = _first_document(loader)
        value = None if node is None else loader.construct_document(node)
    except yaml.YAMLError as error:
        raise YamlFault(_worded(error)) from None
    except RecursionError:
        raise YamlFault("yaml: exceeded max depth") from None
    return value, loader.repeated


def _first_document(loader: _Loader) -> Any:
    return loader.get_node() if loader.check_node() else None


def _worded(error: yaml.YAMLError) -> str:
    """`yaml: line 1: did not find expected ',' or ']'`: lines count from 0 but for the scanner's errors."""
    problem = getattr(error, "problem", None) or "unknown problem parsing YAML content"
    scanning = 1 if isinstance(error, yaml.scanner.ScannerError) else 0
    for mark in (getattr(error, "context_mark", None), getattr(error, "problem_mark", None)):
        if mark is not None and mark.line:
            return f"yaml: line {mark.line + scanning}: {problem}"
    return f"yaml: {problem}"


class _Dumper(yaml.CSafeDumper):
    """Go's way to print: text that would read back as something else is quoted, blocks for lines."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _text(dumper: _Dumper, text: str) -> yaml.ScalarNode:
    if "\n" in text:
        return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|")
    style = '"' if _reads_otherwise(text) else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_TIMESTAMP = re.compile(r"\d{4}-\d{1,2}-\d{1,2}([Tt ].*)?")
_SEXAGESIMAL = re.compile(r"[-+]?[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?")


def _reads_otherwise(text: str) -> bool:
    words = text in _BOOLEANS or text in ("", "~", "null", "Null", "NULL")
    forms = (_INTEGER, _FLOAT, _TIMESTAMP, _SEXAGESIMAL)
    return words or any(form.fullmatch(text) for form in forms)


_Dumper.add_representer(str, _text)


def dump_yaml(value: object, *, sort_keys: bool = True) -> bytes:
    """`value` as the server prints it with Accept: application/yaml, keys sorted unless it is said otherwise."""
    text: str = yaml.dump(
        value, Dumper=_Dumper, sort_keys=sort_keys, default_flow_style=False, allow_unicode=True, width=80
    )
    return text.encode()
