"""The string formats that a schema may ask for, as kube-openapi's strfmt checks them.

A format that is not listed here is ignored. Source: k8s.io/kube-openapi/pkg/validation/strfmt, and the parsers of Go's
standard library that it calls.
"""

from __future__ import annotations

import ipaddress
import re
import unicodedata
from collections.abc import Callable, Mapping
from datetime import date
from typing import NamedTuple

Check = Callable[[str], bool]


def _matching(pattern: str) -> Check:
    found = re.compile(pattern, re.ASCII)
    return lambda text: found.fullmatch(text) is not None


# --- URIs -------------------------------------------------------------------------------------------------------------

_SCHEME = re.compile(r"([a-zA-Z][a-zA-Z0-9+.-]*):")
_BAD_ESCAPE = re.compile(r"%(?![0-9a-fA-F]{2})")
# An escape in a host stands for a byte that is not ASCII, or for the % before a zone.
_HOST = re.compile(r"(?:[a-zA-Z0-9\-_.~!$&'()*+,;=:\[\]<>\"]|[^\x00-\x7f]|%25|%[89a-fA-F][0-9a-fA-F])*")
_USER = re.compile(r"[a-zA-Z0-9\-._:~!$&'()*+,;=%@]*")


def is_uri(text: str) -> bool:
    """What net/url.ParseRequestURI takes: an absolute URI or an absolute path."""
    if not text or any(ord(char) < 0x20 or ord(char) == 0x7F for char in text) or text[0] == ":":
        return False
    if text == "*":
        return True
    found = _SCHEME.match(text)
    rest = text[found.end() :] if found else text
    rest = rest.partition("?")[0]
    if not rest.startswith("/"):
        return found is not None
    if found and rest.startswith("//") and not rest.startswith("///"):
        authority, slash, path = rest[2:].partition("/")
        return _is_authority(authority) and not _BAD_ESCAPE.search(slash + path)
    return not _BAD_ESCAPE.search(rest)


def _is_authority(text: str) -> bool:
    user, at, host = text.rpartition("@")
    if at and (not _USER.fullmatch(user) or _BAD_ESCAPE.search(user)):
        return False
    if host.startswith("["):
        inside, closed, port = host[1:].rpartition("]")
        return bool(closed) and _is_port(port) and bool(_HOST.fullmatch(inside))
    _, colon, port = host.partition(":") if host.count(":") == 1 else host.rpartition(":")
    return _is_port(colon + port if colon else "") and bool(_HOST.fullmatch(host))


def _is_port(text: str) -> bool:
    return not text or (text[0] == ":" and (text[1:] == "" or (text[1:].isascii() and text[1:].isdigit())))


# --- names ------------------------------------------------------------------------------------------------------------

_ATOM = r"(?:[a-zA-Z0-9!#$%&'*+/=?^_`{|}~-]|[^\x00-\x7f])+"
_QUOTED = r'"(?:[^"\\\x00-\x08\x0a-\x1f\x7f]|\\[ -~])*"'
_ADDRESS = rf"(?:{_ATOM}(?:\.{_ATOM})*|{_QUOTED})@(?:{_ATOM}(?:\.{_ATOM})*|\[[^\[\]\\ ]*\])"
_EMAIL = re.compile(rf"\s*(?:{_ADDRESS}|(?:(?:{_ATOM}|{_QUOTED}|[.])\s*)*<{_ADDRESS}>)\s*")


def is_email(text: str) -> bool:
    """What net/mail.ParseAddress takes, display names included."""
    return _EMAIL.fullmatch(text) is not None


_HOSTNAME = re.compile(
    r"[a-zA-Z0-9](?:-?[a-zA-Z0-9]{0,62})?|(?:[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?\.)+[a-zA-Z]{2,63}"
)


def is_hostname(text: str) -> bool:
    """Letters of any script count as letters, symbols as digits."""
    plain = "".join(_as_ascii(char) for char in text)
    if not _HOSTNAME.fullmatch(plain) or len(text.encode()) > 255:
        return False
    return all(len(label.encode()) <= 63 for label in text.split("."))


def _as_ascii(char: str) -> str:
    if char.isascii() and (char.isalnum() or char in "-."):
        return char
    return {"L": "a", "S": "0"}.get(unicodedata.category(char)[0], " ")


# --- addresses --------------------------------------------------------------------------------------------------------

_LEADING_ZEROS = re.compile(r"(?<![0-9a-fA-F:])0+(?=[0-9]+)")


def _address(text: str, *, sloppy: bool = False) -> bool:
    """An IP address as Go's ParseIP takes it, with leading zeros when `sloppy`; no zone."""
    if "%" in text or not text.isascii():
        return False
    try:
        ipaddress.ip_address(_LEADING_ZEROS.sub("", text) if sloppy and ":" not in text else text)
    except ValueError:
        return False
    return True


def is_ipv4(text: str) -> bool:
    return "." in text and _address(text, sloppy=True)


def is_ipv6(text: str) -> bool:
    return ":" in text and _address(text)


def is_cidr(text: str) -> bool:
    address, slash, bits = text.partition("/")
    if not slash or not (bits.isascii() and bits.isdigit()) or not _address(address, sloppy=True):
        return False
    return int(bits) <= (128 if ":" in address else 32)


_MAC = re.compile(r"(?:[0-9a-fA-F]{2}([:-]))(?:[0-9a-fA-F]{2}\1)*[0-9a-fA-F]{2}|[0-9a-fA-F]{4}(?:\.[0-9a-fA-F]{4})+")
_MAC_DIGITS = frozenset([12, 16, 40])


def is_mac(text: str) -> bool:
    digits = sum(char not in ":-." for char in text)
    return digits in _MAC_DIGITS and _MAC.fullmatch(text) is not None


# --- numbers with check digits ----------------------------------------------------------------------------------------


def _without(pattern: str, text: str) -> str:
    return re.sub(pattern, "", text, flags=re.ASCII)


def is_isbn10(text: str) -> bool:
    digits = _without(r"[\s-]+", text)
    if not re.fullmatch("[0-9]{9}[0-9X]", digits):
        return False
    return sum((index + 1) * (10 if digit == "X" else int(digit)) for index, digit in enumerate(digits)) % 11 == 0


def is_isbn13(text: str) -> bool:
    digits = _without(r"[\s-]+", text)
    if not re.fullmatch("[0-9]{13}", digits):
        return False
    total = sum((3 if index % 2 else 1) * int(digit) for index, digit in enumerate(digits[:12]))
    return int(digits[12]) == (10 - total % 10) % 10


_CARD = re.compile(
    "4[0-9]{12}(?:[0-9]{3})?|5[1-5][0-9]{14}|6(?:011|5[0-9][0-9])[0-9]{12}|3[47][0-9]{13}"
    r"|3(?:0[0-5]|[68][0-9])[0-9]{11}|(?:2131|1800|35[0-9]{3})[0-9]{11}"
)


def is_credit_card(text: str) -> bool:
    digits = _without("[^0-9]+", text)
    if not _CARD.fullmatch(digits):
        return False
    doubled = [int(digit) * (1 + index % 2) for index, digit in enumerate(reversed(digits))]
    return sum(number // 10 + number % 10 for number in doubled) % 10 == 0


# --- times ------------------------------------------------------------------------------------------------------------


def is_date(text: str) -> bool:
    found = re.fullmatch("([0-9]{4})-([0-9]{2})-([0-9]{2})", text)
    if found is None:
        return False
    year, month, day = map(int, found.groups())
    try:
        # Go knows the year 0, which is a leap year
        date(year or 4, month, day)
    except ValueError:
        return False
    return True


_TIME = re.compile(r"([0-9]{2}):([0-9]{2}):([0-9]{2})(?:.[0-9]+)?(?:z|[+-][0-9]{2}:[0-9]{2})")


def is_date_time(text: str) -> bool:
    parts = text.lower().split("t")
    found = _TIME.fullmatch(parts[1]) if len(parts) > 1 and is_date(parts[0]) else None
    return found is not None and found[1] <= "23" and found[2] <= "59" and found[3] <= "59"


_GO_DURATION = re.compile(r"[-+]?(?:0|(?:(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:ns|us|µs|μs|ms|s|m|h))+)")
_WORDED = re.compile(r"[0-9]+\s*([A-Za-zµ]+)", re.ASCII)
_UNIT = re.compile("ns|nano.*|us|µs|micro.*|ms|milli.*|s|sec.*|m|min.*|h|hr|hour.*|d|day.*|w|wk|week.*", re.IGNORECASE)


def is_duration(text: str) -> bool:
    """Go's form, or anything with a number and the name of a unit in it."""
    if _GO_DURATION.fullmatch(text):
        return True
    return any(_UNIT.fullmatch(unit) for unit in _WORDED.findall(text))


# --- the table --------------------------------------------------------------------------------------------------------

_LABEL = "[a-z0-9](?:[-a-z0-9]*[a-z0-9])?"
_short_name, _long_name = _matching(_LABEL), _matching(rf"{_LABEL}(?:\.{_LABEL})*")


def _uuid(third: str, fourth: str = "[0-9a-fA-F]") -> Check:
    hexes = "[0-9a-fA-F]"
    return _matching(rf"{hexes}{{8}}-?{hexes}{{4}}-?{third}{hexes}{{3}}-?{fourth}{hexes}{{3}}-?{hexes}{{12}}")


_BYTE = r"(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=|[A-Za-z0-9+/]{4})"
_SHADE = r"\s*(?:0|[1-9]\d?|1\d\d?|2[0-4]\d|25[0-5])\s*"

# By the name without dashes.
_FORMATS: Mapping[str, Check] = {
    "bsonobjectid": _matching("[0-9a-fA-F]{24}"),
    "uri": is_uri,
    "email": is_email,
    "hostname": is_hostname,
    "ipv4": is_ipv4,
    "ipv6": is_ipv6,
    "cidr": is_cidr,
    "mac": is_mac,
    "uuid": _uuid("[0-9a-fA-F]"),
    "uuid3": _uuid("3"),
    "uuid4": _uuid("4", "[89abAB]"),
    "uuid5": _uuid("5", "[89abAB]"),
    "isbn": lambda text: is_isbn10(text) or is_isbn13(text),
    "isbn10": is_isbn10,
    "isbn13": is_isbn13,
    "creditcard": is_credit_card,
    "ssn": _matching(r"\d{3}[- ]\d{2}[- ]\d{4}"),
    "hexcolor": _matching("#?(?:[0-9a-fA-F]{3}|[0-9a-fA-F]{6})"),
    "rgbcolor": _matching(rf"rgb\({_SHADE},{_SHADE},{_SHADE}\)"),
    "byte": _matching(_BYTE),
    "password": lambda text: True,
    "date": is_date,
    "duration": is_duration,
    "datetime": is_date_time,
    "k8sshortname": lambda text: len(text) <= 63 and _short_name(text),
    "k8slongname": lambda text: len(text) <= 253 and _long_name(text),
}
_NUMBERS: Mapping[str, tuple[str, ...]] = {"integer": ("int32", "int64"), "number": ("float", "double")}


class Format(NamedTuple):
    """A format as a schema names it, and its check; numbers are checked by their range instead."""

    name: str
    check: Check | None


NO_FORMAT = Format("", None)


def is_known_format(name: str, kind: str) -> bool:
    """Whether values of the type `kind` (empty: of any) are checked against the format."""
    if kind in ("", "string"):
        return name.replace("-", "") in _FORMATS
    return name in _NUMBERS.get(kind, ())


def format_of(name: str, kind: str) -> Format:
    """The format of a schema of the type `kind`; an unknown one is none."""
    if not name or not is_known_format(name, kind):
        return NO_FORMAT
    return Format(name, _FORMATS.get(name.replace("-", "")) if kind in ("", "string") else None)
