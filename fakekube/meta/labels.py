"""What may be a label key or value, with the words the apiserver refuses the rest in.

Source: k8s.io/apimachinery/pkg/util/validation and api/validate/content; texts as kube-apiserver 1.37.2 gives them.
"""

from __future__ import annotations

import re

from fakekube.meta.names import LABEL_MAX, SUBDOMAIN, SUBDOMAIN_MAX

_NAME_PATTERN = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"
_NAME = re.compile(_NAME_PATTERN)
_VALUE = re.compile(f"({_NAME_PATTERN})?")

_NAME_RULE = (
    "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character "
    f"(e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '{_NAME_PATTERN}')"
)
_VALUE_RULE = (
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and "
    "end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is "
    f"'({_NAME_PATTERN})?')"
)
SUBDOMAIN_RULE = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and "
    "end with an alphanumeric character (e.g. 'example.com', regex used for validation is "
    r"'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
)


def too_long(limit: int) -> str:
    return f"must be no more than {limit} bytes"


def subdomain_errors(text: str) -> list[str]:
    """Why `text` is no DNS-1123 subdomain; empty when it is one."""
    long = [too_long(SUBDOMAIN_MAX)] if len(text.encode()) > SUBDOMAIN_MAX else []
    return long if SUBDOMAIN.fullmatch(text) else [*long, SUBDOMAIN_RULE]


def key_errors(key: str) -> list[str]:
    """Why `key` is no label key (`prefix/name` or `name`); empty when it is one."""
    parts = key.split("/")
    if len(parts) > 2:
        return [
            f"a valid label key {_NAME_RULE} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')"
        ]
    prefix = [] if len(parts) == 1 else _prefix_errors(parts[0])
    return prefix + [f"name part {error}" for error in _name_errors(parts[-1])]


def _prefix_errors(prefix: str) -> list[str]:
    if not prefix:
        return ["prefix part must be non-empty"]
    return [f"prefix part {error}" for error in subdomain_errors(prefix)]


def _name_errors(name: str) -> list[str]:
    if not name:
        return ["must be non-empty", _NAME_RULE]
    long = [too_long(LABEL_MAX)] if len(name.encode()) > LABEL_MAX else []
    return long if _NAME.fullmatch(name) else [*long, _NAME_RULE]


def value_errors(value: str) -> list[str]:
    """Why `value` is no label value; empty when it is one."""
    long = [too_long(LABEL_MAX)] if len(value.encode()) > LABEL_MAX else []
    return long if _VALUE.fullmatch(value) else [*long, _VALUE_RULE]
