"""A pod template as Go prints its struct with types: what kube-controller-manager takes its hash over.

Source: github.com/davecgh/go-spew (the verb %#v), with the types of fakekube/data/pod_template.json.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import msgspec

from fakekube.data import read_bytes

_NIL = "<nil>"
_MAP = re.compile(r"map\[([^]]+)\](.+)")
# A time that was never set.
_NO_TIME = "{Time:(time.Time){wall:(uint64)0 ext:(int64)0 loc:(*time.Location)<nil>}}"


class _Types(msgspec.Struct, frozen=True):
    """Each struct's fields as (name, JSON name, type), and what the other named types are made of."""

    structs: dict[str, list[tuple[str, str, str]]]
    scalars: dict[str, str]


@cache
def _types() -> _Types:
    return msgspec.json.decode(read_bytes("pod_template.json"), type=_Types)


def printed(template: Mapping[str, Any]) -> str:
    """The template (in its canonical JSON form) as Go prints a v1.PodTemplateSpec."""
    return _typed("v1.PodTemplateSpec", template)


def _typed(go_type: str, value: object) -> str:
    """`(type)value`; a pointer shows where it points to."""
    if go_type.startswith("*"):
        return f"({go_type}){_NIL if value is None else _bare(go_type[1:], value)}"
    return f"({go_type}){_bare(go_type, value)}"


def _bare(go_type: str, value: Any) -> str:
    """The value alone; what is missing is Go's zero."""
    special = _SPECIAL.get(go_type)
    if special is not None:
        return special(value)
    if go_type.startswith("[]"):
        return f"[{' '.join(_bare(go_type[2:], each) for each in value)}]" if value else _NIL
    keyed = _MAP.fullmatch(_types().scalars.get(go_type, go_type))
    if keyed is not None:
        pairs = (f"{key}:{_bare(keyed[2], value[key])}" for key in sorted(value or ()))
        return f"map[{' '.join(pairs)}]" if value else _NIL
    fields = _types().structs.get(go_type)
    return _scalar(go_type, value) if fields is None else _struct(fields, value or {})


def _struct(fields: Sequence[tuple[str, str, str]], value: Mapping[str, Any]) -> str:
    """An embedded struct has no JSON name: its members are its parent's."""
    shown = (f"{name}:{_typed(go_type, value if not key else value.get(key))}" for name, key, go_type in fields)
    return f"{{{' '.join(shown)}}}"


def _scalar(go_type: str, value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is not None:
        return str(value)
    kind = _types().scalars.get(go_type, go_type)
    return {"string": "", "bool": "false"}.get(kind, "0")


def _int_or_string(value: object) -> str:
    text = value if isinstance(value, str) else ""
    number = value if isinstance(value, int) else 0
    return f"{{Type:(intstr.Type){int(isinstance(value, str))} IntVal:(int32){number} StrVal:(string){text}}}"


# --- quantities -------------------------------------------------------------------------------------------------------

_QUANTITY = re.compile(r"([+-]?)([0-9]*)(?:\.([0-9]*))?([eE][+-]?[0-9]+|[A-Za-z]*)")
_DECIMAL = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_BINARY = {"Ki": 10, "Mi": 20, "Gi": 30, "Ti": 40, "Pi": 50, "Ei": 60}
_INT64 = range(-(2**63), 2**63)


def _quantity(value: object) -> str:
    """Amount and scale as the parser leaves them; the text is kept where it is canonical."""
    if value is None:
        return _amount(0, 0, "", "")
    text = str(value)
    found = _QUANTITY.fullmatch(text)
    if text == "0" or found is None:
        return _amount(0, 0, text, "DecimalSI")
    sign, whole, part, suffix = found[1], found[2].lstrip("0"), found[3] or "", found[4]
    if suffix in _BINARY:
        return _binary(sign, whole, part, suffix, text)
    exponential = suffix not in _DECIMAL
    scale = (int(suffix[1:]) if exponential else _DECIMAL[suffix]) - len(part)
    digits = whole + part
    canonical = scale % 3 == 0 and not digits.endswith("000") and not digits.startswith("0")
    kept = text if canonical and digits else ""
    return _amount(int(f"{sign}{digits or 0}"), scale, kept, "DecimalExponent" if exponential else "DecimalSI")


def _binary(sign: str, whole: str, part: str, suffix: str, text: str) -> str:
    """A fraction of a binary unit, or too much of one, is kept as an arbitrary decimal."""
    number = int(f"{sign}{whole or 0}")
    amount = number << _BINARY[suffix]
    if part or amount not in _INT64:
        return _amount(0, 0, text, "BinarySI")
    return _amount(amount, 0, text if number & 7 else "", "BinarySI")


def _amount(value: int, scale: int, text: str, form: str) -> str:
    amount = f"(resource.int64Amount){{value:(int64){value} scale:(resource.Scale){scale}}}"
    rest = f"d:(resource.infDecAmount){{Dec:(*inf.Dec){_NIL}}} s:(string){text} Format:(resource.Format){form}"
    return f"{{i:{amount} {rest}}}"


_SPECIAL = {
    "resource.Quantity": _quantity,
    "v1.Time": lambda _: _NO_TIME,
    "intstr.IntOrString": _int_or_string,
}
