"""What names, labels, ports and addresses must look like: from a text to what is wrong with it, in the server's words.

Source: k8s.io/apimachinery/pkg/util/validation and pkg/api/validate/content of Kubernetes 1.37.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache

# Read alone: what is asked again and again is remembered, and shared.
Faults = Sequence[str]
NameCheck = Callable[[str], Faults]

_LABEL = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_SUBDOMAIN = rf"{_LABEL}(\.{_LABEL})*"
_UNDERSCORED = r"_?[a-z0-9]([-_a-z0-9]*[a-z0-9])?(\._?[a-z0-9]([-_a-z0-9]*[a-z0-9])?)*"
_DNS_1035 = "[a-z]([-a-z0-9]*[a-z0-9])?"
_QUALIFIED = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"
_LABEL_VALUE = "(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?"
_CONFIG_KEY = "[-._a-zA-Z0-9]+"
_C_IDENTIFIER = "[A-Za-z_][A-Za-z0-9_]*"
_PERCENT = "[0-9]+%"
_HEADER = "[-A-Za-z0-9]+"
_WILDCARD = rf"\*\.{_SUBDOMAIN}"
_HTTP_PATH = r"[A-Za-z0-9/\-._~%!$&'()*+,;=:]+"

LABEL_MAX = 63
SUBDOMAIN_MAX = 253
_PORT_NAME_MAX = 15
# Keys and values of labels, namespaces and keys of data are few, and come with every write.
_REMEMBERED = 4096


def regex_fault(text: str, pattern: str, *examples: str) -> str:
    """`TEXT (e.g. 'a',  or 'b', regex used for validation is 'P')`"""
    shown = " or ".join(f"'{example}', " for example in examples)
    return (
        f"{text} (e.g. {shown}regex used for validation is '{pattern}')"
        if examples
        else f"{text} (regex used for validation is '{pattern}')"
    )


_LABEL_FAULT = regex_fault(
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', "
    "and must start and end with an alphanumeric character",
    _LABEL,
    "my-name",
    "123-abc",
)
_SUBDOMAIN_FAULT = regex_fault(
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', "
    "and must start and end with an alphanumeric character",
    _SUBDOMAIN,
    "example.com",
)
_UNDERSCORED_FAULT = regex_fault(
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '_', '-' or '.', "
    "and must start and end with an alphanumeric character",
    _UNDERSCORED,
    "example.com",
)
_DNS_1035_FAULT = regex_fault(
    "a DNS-1035 label must consist of lower case alphanumeric characters or '-', "
    "start with an alphabetic character, and end with an alphanumeric character",
    _DNS_1035,
    "my-name",
    "abc-123",
)
_QUALIFIED_FAULT = regex_fault(
    "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character",
    _QUALIFIED,
    "MyName",
    "my.name",
    "123-abc",
)
_LABEL_KEY_FAULT = (
    "a valid label key "
    + _QUALIFIED_FAULT
    + " with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')"
)
_LABEL_VALUE_FAULT = regex_fault(
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', "
    "and must start and end with an alphanumeric character",
    _LABEL_VALUE,
    "MyValue",
    "my_value",
    "12345",
)
_CONFIG_KEY_FAULT = regex_fault(
    "a valid config key must consist of alphanumeric characters, '-', '_' or '.'",
    _CONFIG_KEY,
    "key.name",
    "KEY_NAME",
    "key-name",
)
_C_IDENTIFIER_FAULT = regex_fault(
    "a valid C identifier must start with alphabetic character or '_', "
    "followed by a string of alphanumeric characters or '_'",
    _C_IDENTIFIER,
    "my_name",
    "MY_NAME",
    "MyName",
)
_PERCENT_FAULT = regex_fault(
    "a valid percent string must be a numeric string followed by an ending '%'", _PERCENT, "1%", "93%"
)
_WILDCARD_FAULT = regex_fault(
    "a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, which must consist of "
    "lower case alphanumeric characters, '-' or '.' and end with an alphanumeric character",
    _WILDCARD,
    "*.example.com",
)
_ENVIRONMENT_FAULT = "a valid environment variable name must consist only of printable ASCII characters other than '='"


def _matches(pattern: str) -> Callable[[str], object]:
    return re.compile(pattern).fullmatch


_is_label = _matches(_LABEL)
_is_subdomain = _matches(_SUBDOMAIN)
_is_dns_1035 = _matches(_DNS_1035)
_is_qualified = _matches(_QUALIFIED)
_is_label_value = _matches(_LABEL_VALUE)
_is_config_key = _matches(_CONFIG_KEY)


def characters(most: int) -> str:
    return f"must be no more than {most} characters"


def size(most: int) -> str:
    return f"must be no more than {most} bytes"


def between(least: int, most: int) -> str:
    return f"must be between {least} and {most}, inclusive"


@lru_cache(maxsize=_REMEMBERED)
def dns_label(text: str) -> Faults:
    faults = [characters(LABEL_MAX)] if len(text) > LABEL_MAX else []
    if not _is_label(text):
        faults.append("must not contain dots" if _is_subdomain(text) else _LABEL_FAULT)
    return faults


def dns_subdomain(text: str) -> Faults:
    faults = [characters(SUBDOMAIN_MAX)] if len(text) > SUBDOMAIN_MAX else []
    return faults if _is_subdomain(text) else [*faults, _SUBDOMAIN_FAULT]


def search_domain(text: str) -> Faults:
    """A subdomain whose labels may have underscores."""
    faults = [characters(SUBDOMAIN_MAX)] if len(text) > SUBDOMAIN_MAX else []
    return faults if re.fullmatch(_UNDERSCORED, text) else [*faults, _UNDERSCORED_FAULT]


def long_name(text: str) -> Faults:
    """A subdomain, where the type's own rules count its bytes."""
    faults = [size(SUBDOMAIN_MAX)] if len(text.encode()) > SUBDOMAIN_MAX else []
    return faults if _is_subdomain(text) else [*faults, _SUBDOMAIN_FAULT]


def dns_1035_label(text: str) -> Faults:
    faults = [characters(LABEL_MAX)] if len(text) > LABEL_MAX else []
    return faults if _is_dns_1035(text) else [*faults, _DNS_1035_FAULT]


def wildcard_subdomain(text: str) -> Faults:
    faults = [characters(SUBDOMAIN_MAX)] if len(text) > SUBDOMAIN_MAX else []
    return faults if re.fullmatch(_WILDCARD, text) else [*faults, _WILDCARD_FAULT]


@lru_cache(maxsize=_REMEMBERED)
def qualified_name(text: str) -> Faults:
    """A label key: a name of at most 63 bytes, with an optional subdomain before a slash."""
    parts = text.split("/")
    if len(parts) > 2:
        return [_LABEL_KEY_FAULT]
    faults: list[str] = []
    if len(parts) == 2:
        faults += (
            ["prefix part must be non-empty"] if not parts[0] else [f"prefix part {f}" for f in dns_subdomain(parts[0])]
        )
    return [*faults, *(f"name part {fault}" for fault in _name_part(parts[-1]))]


def _name_part(name: str) -> Iterator[str]:
    if not name:
        yield "must be non-empty"
    if len(name.encode()) > LABEL_MAX:
        yield size(LABEL_MAX)
    if not _is_qualified(name):
        yield _QUALIFIED_FAULT


@lru_cache(maxsize=_REMEMBERED)
def label_value(text: str) -> Faults:
    faults = [size(LABEL_MAX)] if len(text.encode()) > LABEL_MAX else []
    return faults if _is_label_value(text) else [*faults, _LABEL_VALUE_FAULT]


@lru_cache(maxsize=_REMEMBERED)
def config_key(text: str) -> Faults:
    faults = [characters(SUBDOMAIN_MAX)] if len(text) > SUBDOMAIN_MAX else []
    if not _is_config_key(text):
        faults.append(_CONFIG_KEY_FAULT)
    return [*faults, *_directory_faults(text)]


def _directory_faults(text: str) -> Faults:
    if text in (".", ".."):
        return [f"must not be '{text}'"]
    return ["must not start with '..'"] if text.startswith("..") else []


def c_identifier(text: str) -> Faults:
    return [] if re.fullmatch(_C_IDENTIFIER, text) else [_C_IDENTIFIER_FAULT]


def environment_name(text: str) -> Faults:
    if not text:
        return ["environment variable name must be non-empty"]
    return [] if all(" " <= char <= "~" and char != "=" for char in text) else [_ENVIRONMENT_FAULT]


def header_name(text: str) -> Faults:
    fault = regex_fault("a valid HTTP header must consist of alphanumeric characters or '-'", _HEADER, "X-Header-Name")
    return [] if re.fullmatch(_HEADER, text) else [fault]


def percent(text: str) -> Faults:
    return [] if re.fullmatch(_PERCENT, text) else [_PERCENT_FAULT]


def port_number(number: int) -> Faults:
    return [] if 1 <= number <= 65535 else [between(1, 65535)]


def port_name(text: str) -> Faults:
    rules = (
        (len(text) > _PORT_NAME_MAX, characters(_PORT_NAME_MAX)),
        (
            not re.fullmatch("[-a-z0-9]+", text),
            "must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)",
        ),
        (not re.search("[a-z]", text), "must contain at least one letter (a-z)"),
        ("--" in text, "must not contain consecutive hyphens"),
        (bool(text) and "-" in (text[0], text[-1]), "must not begin or end with a hyphen"),
    )
    return [fault for broken, fault in rules if broken]


def user_id(number: int) -> Faults:
    return [] if 0 <= number <= 2**31 - 1 else [between(0, 2**31 - 1)]


def ip_address(text: str) -> Faults:
    return [] if parsed_ip(text) is not None else ["must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"]


def parsed_ip(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    if "%" in text:
        return None
    try:
        return ipaddress.ip_address(_without_leading_zeros(text))
    except ValueError:
        return None


def _without_leading_zeros(text: str) -> str:
    """Go's old parser reads 010.0.0.1."""
    return (
        ".".join(part.lstrip("0") or "0" if part.isdigit() else part for part in text.split("."))
        if ":" not in text
        else text
    )


def cidr(text: str) -> Faults:
    return [] if parsed_cidr(text) is not None else ["must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)"]


def parsed_cidr(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    address, slash, length = text.partition("/")
    if not slash or not length.isdigit():
        return None
    try:
        return ipaddress.ip_network(f"{_without_leading_zeros(address)}/{length}", strict=False)
    except ValueError:
        return None


def http_path(text: str) -> Faults:
    return [] if re.fullmatch(_HTTP_PATH, text) else [regex_fault("Invalid path", _HTTP_PATH)]


def path_segment(text: str) -> Faults:
    """What a name in a path may be: RBAC objects have such names."""
    if text in (".", ".."):
        return [f"may not be '{text}'"]
    return [f"may not contain '{char}'" for char in "/%" if char in text]


def prefix_of(check: NameCheck) -> NameCheck:
    """`check` for a generateName: what is drawn comes behind it."""
    return lambda text: check(text[:-1] + "a" if text.endswith("-") else text)
