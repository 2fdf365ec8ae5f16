"""Quantities and semantic versions: the functions `quantity` and `semver`, and what they return.

Source: k8s.io/apiserver/pkg/cel/library (quantity.go, semverlib.go) of 1.37, github.com/blang/semver v4.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from fakekube.meta.gofmt import go_quoted
from fakekube.registry.cel.values import INT_MAX, INT_MIN, UINT_MAX, CelError, no_such_overload
from fakekube.registry.quantity import Quantity, QuantityError, parse_quantity


@dataclass(frozen=True, slots=True, eq=False)
class QuantityValue:
    """`computed`: a sum, which the real server holds by pointer, and then takes for no quantity right of ==."""

    quantity: Quantity
    computed: bool = False

    @property
    def type_name(self) -> str:
        return "kubernetes.Quantity"

    def __eq__(self, other: object) -> bool:
        """CelError for a right side that was computed."""
        if isinstance(other, QuantityValue) and other.computed:
            raise no_such_overload()
        return isinstance(other, QuantityValue) and self.quantity.value == other.quantity.value

    def __hash__(self) -> int:
        return hash(self.quantity.value)


def _quantity(text: str) -> QuantityValue:
    try:
        return QuantityValue(parse_quantity(text))
    except QuantityError as error:
        raise CelError(str(error)) from None


def _is_quantity(text: str) -> bool:
    try:
        parse_quantity(text)
    except QuantityError:
        return False
    return True


def _compared(left: QuantityValue, right: QuantityValue) -> int:
    first, second = left.quantity.value, right.quantity.value
    return (first > second) - (first < second)


def _sum(left: QuantityValue, right: QuantityValue) -> QuantityValue:
    return QuantityValue(left.quantity.plus(right.quantity), computed=True)


def _difference(left: QuantityValue, right: QuantityValue) -> QuantityValue:
    negative = replace(right.quantity, unscaled=-right.quantity.unscaled, text="")
    return QuantityValue(left.quantity.plus(negative), computed=True)


def _whole(value: int) -> QuantityValue:
    return QuantityValue(Quantity(unscaled=value, exponent=0, notation="e"))


def _is_integer(value: QuantityValue) -> bool:
    """Whole, within 64 bits, and not kept as a decimal of any precision."""
    number = value.quantity.value
    return number.denominator == 1 and INT_MIN <= number <= INT_MAX and not value.quantity.wide


def _as_integer(value: QuantityValue) -> int:
    if not _is_integer(value):
        raise CelError("cannot convert value to integer")
    return int(value.quantity.value)


def _sign(value: QuantityValue) -> int:
    number = value.quantity.unscaled
    return (number > 0) - (number < 0)


# --- semantic versions --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, eq=False)
class Semver:
    major: int
    minor: int
    patch: int
    pre: tuple[str, ...]

    @property
    def type_name(self) -> str:
        return "kubernetes.Semver"

    def key(self) -> tuple[object, ...]:
        """Ordered as versions are: a pre-release before its release, numbers before words."""
        parts = tuple((0, len(part), part) if part.isdigit() else (1, 0, part) for part in self.pre)
        return (self.major, self.minor, self.patch, not self.pre, parts)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Semver) and self.key() == other.key()

    def __hash__(self) -> int:
        return hash(self.key())


_MOST_DIGITS = 20
_ALPHANUMERIC = re.compile(r"[0-9A-Za-z-]*", re.ASCII)


def _number(text: str, name: str) -> int:
    if re.search(r"[^0-9]", text):
        raise CelError(f"Invalid character(s) found in {name} number {go_quoted(text)}")
    if len(text) > 1 and text[0] == "0":
        raise CelError(f"{name.capitalize()} number must not contain leading zeroes {go_quoted(text)}")
    if not text:
        raise CelError('strconv.ParseUint: parsing "": invalid syntax')
    if len(text) > _MOST_DIGITS or int(text) > UINT_MAX:
        raise CelError(f"strconv.ParseUint: parsing {go_quoted(text)}: value out of range")
    return int(text)


def _semver(text: str) -> Semver:
    if not text:
        raise CelError("Version string empty")
    parts = text.split(".", 2)
    if len(parts) != 3:
        raise CelError("No Major.Minor.Patch elements found")
    major, minor = _number(parts[0], "major"), _number(parts[1], "minor")
    rest, plus, build = parts[2].partition("+")
    patch, dash, pre = rest.partition("-")
    number = _number(patch, "patch")
    releases = tuple(pre.split(".")) if dash else ()
    for part in releases:
        _check_release(part)
    for part in build.split(".") if plus else ():
        _check_build(part)
    return Semver(major, minor, number, releases)


def _check_release(text: str) -> None:
    if not text:
        raise CelError("Prerelease is empty")
    if text.isascii() and text.isdigit() and len(text) > 1 and text[0] == "0":
        raise CelError(f"Numeric PreRelease version must not contain leading zeroes {go_quoted(text)}")
    if not _ALPHANUMERIC.fullmatch(text):
        raise CelError(f"Invalid character(s) found in prerelease {go_quoted(text)}")


def _check_build(text: str) -> None:
    if not text:
        raise CelError("Build meta data is empty")
    if not _ALPHANUMERIC.fullmatch(text):
        raise CelError(f"Invalid character(s) found in build meta data {go_quoted(text)}")


def _normal(text: str) -> str:
    """Without a leading v and leading zeros, and with the parts that a short version leaves out."""
    parts = [_without_zeros(part) for part in text.removeprefix("v").split(".", 2)]
    if len(parts) < 3 and re.search(r"[+-]", parts[-1]):
        raise CelError("short version cannot contain PreRelease/Build meta data")
    return ".".join([*parts, *["0"] * (3 - len(parts))])


def _without_zeros(text: str) -> str:
    if len(text) < 2:
        return text
    stripped = text.lstrip("0")
    return stripped if stripped[:1].isdigit() else f"0{stripped}"


def _semver_normalized(text: str, normalize: bool = False) -> Semver:
    return _semver(_normal(text) if normalize else text)


def _is_semver(text: str, normalize: bool = False) -> bool:
    try:
        _semver_normalized(text, normalize)
    except CelError:
        return False
    return True


def _versions_compared(left: Semver, right: Semver) -> int:
    first, second = left.key(), right.key()
    return (first > second) - (first < second)


QUANTITIES: Mapping[str, Callable[..., object]] = {
    "string_to_quantity": _quantity,
    "is_quantity_string": _is_quantity,
    "quantity_sign": _sign,
    "quantity_is_greater_than": lambda left, right: _compared(left, right) > 0,
    "quantity_is_less_than": lambda left, right: _compared(left, right) < 0,
    "quantity_compare_to": _compared,
    "quantity_get_float": lambda value: float(value.quantity.value),
    "quantity_get_int": _as_integer,
    "quantity_is_integer": _is_integer,
    "quantity_add": _sum,
    "quantity_add_int": lambda left, right: _sum(left, _whole(right)),
    "quantity_sub": _difference,
    "quantity_sub_int": lambda left, right: _difference(left, _whole(right)),
    "string_to_semver": _semver,
    "string_bool_to_semver": _semver_normalized,
    "is_semver_string": _is_semver,
    "is_semver_string_bool": _is_semver,
    "semver_is_greater_than": lambda left, right: _versions_compared(left, right) > 0,
    "semver_is_less_than": lambda left, right: _versions_compared(left, right) < 0,
    "semver_compare_to": _versions_compared,
    "semver_major": lambda version: version.major,
    "semver_minor": lambda version: version.minor,
    "semver_patch": lambda version: version.patch,
}
