"""Named formats: `format.dns1123Label().validate(text)`.

Source: k8s.io/apiserver/pkg/cel/library/format.go of 1.37.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from fakekube.registry.cel import links
from fakekube.registry.cel.declarations import FORMATS as NAMES
from fakekube.registry.cel.values import NONE, Optional
from fakekube.registry.crd.formats import format_of
from fakekube.registry.validation import names

Faults = Sequence[str]


@dataclass(frozen=True, slots=True, eq=False)
class Format:
    name: str
    faults: Callable[[str], Faults]
    regex_size: int
    """What checking costs, as the length of a regular expression."""

    @property
    def type_name(self) -> str:
        return "kubernetes.NamedFormat"

    @property
    def size(self) -> int:
        return 1


def _prefix(check: Callable[[str], Faults]) -> Callable[[str], Faults]:
    """A name that something will be appended to may end with a dash."""
    return lambda text: check(f"{text[:-2]}a" if len(text) > 1 and text.endswith("-") else text)


def _schema_format(name: str, told: str) -> Callable[[str], Faults]:
    check = format_of(name, "string").check
    return lambda text: [] if check is None or check(text) else [told]


def _uri(text: str) -> Faults:
    fault = links.fault(text)
    return [] if fault is None else [fault]


_FORMATS: Mapping[str, Format] = {
    "dns1123Label": Format("DNS1123Label", names.dns_label, 30),
    "dns1123Subdomain": Format("DNS1123Subdomain", names.dns_subdomain, 60),
    "dns1035Label": Format("DNS1035Label", names.dns_1035_label, 30),
    "qualifiedName": Format("QualifiedName", names.qualified_name, 60),
    "dns1123LabelPrefix": Format("DNS1123LabelPrefix", _prefix(names.dns_label), 30),
    "dns1123SubdomainPrefix": Format("DNS1123SubdomainPrefix", _prefix(names.dns_subdomain), 60),
    "dns1035LabelPrefix": Format("DNS1035LabelPrefix", _prefix(names.dns_1035_label), 30),
    "labelValue": Format("LabelValue", names.label_value, 40),
    "uri": Format("URI", _uri, 1103),
    "uuid": Format("uuid", _schema_format("uuid", "does not match the UUID format"), 78),
    "byte": Format("byte", _schema_format("byte", "invalid base64"), 84),
    "date": Format("date", _schema_format("date", "invalid date"), 82),
    "datetime": Format("datetime", _schema_format("date-time", "invalid datetime"), 82),
}


def _named(name: str) -> Optional:
    found = _FORMATS.get(name)
    return NONE if found is None else Optional(found)


def _validate(form: Format, text: str) -> Optional:
    faults = list(form.faults(text))
    return Optional(faults) if faults else NONE


FORMATS: Mapping[str, Callable[..., object]] = {
    "format-named": _named,
    "format-validate": _validate,
    **{f"format.{name}": lambda form=_FORMATS[name]: form for name in NAMES},
}
