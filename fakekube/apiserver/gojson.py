"""JSON and YAML bodies as plain values, read as the Go server reads them, with its error texts.

The usual body is decoded by msgspec in microseconds. A body that msgspec refuses, or in which names may repeat, takes
the slow way: Go replaces invalid UTF-8, merges repeated members, and words each syntax error in its own way.
Source: encoding/json, sigs.k8s.io/json, sigs.k8s.io/yaml, and the answers of kube-apiserver 1.37.2.
"""

from __future__ import annotations

import json
import re
from typing import Any

import msgspec

from fakekube.meta.gosyntax import SyntaxFault, syntax_fault
from fakekube.registry.canonical import Pairs

_decode = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder().encode

_SPACED_COLON = re.compile(rb'"\s+:')
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")
TOO_DEEP = "exceeded max depth"


def parse_json(body: bytes) -> Any:
    """The value of `body`; objects in which a name repeats come as `Pairs`. Raises SyntaxFault."""
    try:
        value = _decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _parse_slowly(body)
    return _parse_slowly(body) if _may_repeat(body, value) else value


def _may_repeat(body: bytes, value: Any) -> bool:
    """Whether a name may repeat in an object of `body`.

    Encoded again, the value has one `":` for each member that was kept, and as many inside strings as before: more of
    them in the body means lost members. Escapes and blanks before colons could hide some, so they count as doubt.
    """
    if b"\\u" in body or _SPACED_COLON.search(body) is not None:
        return True
    return body.count(b'":') != _encode(value).count(b'":')


def _parse_slowly(body: bytes) -> Any:
    text = body.decode("utf-8", "replace")
    fault = syntax_fault(body)
    if fault is not None:
        raise SyntaxFault(fault)
    try:
        value = json.loads(text, object_pairs_hook=_object)
    except RecursionError:
        raise SyntaxFault(TOO_DEEP) from None
    except ValueError as error:  # an integer of thousands of digits
        raise SyntaxFault(str(error)) from None
    return value


def _object(pairs: list[tuple[str, Any]]) -> Any:
    cleaned = [(_without_surrogates(name), _cleaned(value)) for name, value in pairs]
    plain = dict(cleaned)
    return plain if len(plain) == len(cleaned) else Pairs(cleaned)


def _cleaned(value: Any) -> Any:
    if isinstance(value, str):
        return _without_surrogates(value)
    if isinstance(value, list):
        return [_cleaned(item) for item in value]
    return value


def _without_surrogates(text: str) -> str:
    return _LONE_SURROGATE.sub("\ufffd", text)
