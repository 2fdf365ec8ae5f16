"""Single values of a query, as Go's conversion reads them."""

from __future__ import annotations

import re
from collections.abc import Mapping

from fakekube.meta.errors import bad_request

_INT64_MAX = 2**63 - 1
_FALSE = frozenset(["0", "false"])


def int_of(query: Mapping[str, str], name: str) -> int:
    """The integer under `name`, 0 when it is absent or empty. 400 in Go's words for anything else."""
    text = query.get(name, "")
    if not text:
        return 0
    digits = text[1:] if text[0] in "+-" else text
    if not (digits.isascii() and digits.isdigit()):
        raise bad_request(f'strconv.ParseInt: parsing "{text}": invalid syntax')
    value = int(text)
    if not -_INT64_MAX - 1 <= value <= _INT64_MAX:
        raise bad_request(f'strconv.ParseInt: parsing "{text}": value out of range')
    return value


def bool_of(query: Mapping[str, str], name: str) -> bool | None:
    """The bool under `name`, None when absent. Only `0` and `false` in any case are false, as for `watch`."""
    text = query.get(name)
    return None if text is None else text.lower() not in _FALSE


_DURATION = re.compile(r"[-+]?(?:0|(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:ns|us|\u00b5s|ms|s|m|h))+")
_UNITLESS = re.compile(r"[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)")


def require_duration(text: str) -> None:
    """400 for a `timeout` that is no Go duration."""
    if not text or _DURATION.fullmatch(text):
        return
    why = "missing unit in" if _UNITLESS.fullmatch(text) else "invalid"
    raise bad_request(f'invalid timeout specified in the request URL - time: {why} duration "{text}"')
