"""Quantities such as `500m` or `1.5Gi`: parsed, compared, and printed the way resource.Quantity prints them.

A quantity keeps the text it came with when that was canonical enough; otherwise it prints its canonical form.
Source: k8s.io/apimachinery/pkg/api/resource, and the answers of kube-apiserver 1.37.2.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import lru_cache

_FORM = re.compile(r"(?P<sign>[+-]?)0*(?P<whole>[0-9]*)(?:\.(?P<part>[0-9]*))?(?P<suffix>[eEinumkKMGTP]*[-+]?[0-9]*)")
_DECIMAL = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_BINARY = {"Ki": 10, "Mi": 20, "Gi": 30, "Ti": 40, "Pi": 50, "Ei": 60}
_DECIMAL_SUFFIX = {exponent: suffix for suffix, exponent in _DECIMAL.items()}
_BINARY_SUFFIX = {exponent: suffix for suffix, exponent in _BINARY.items()}
_EXPONENT = re.compile(r"[eE]([-+]?[0-9]+)")

_INT64_MAX = 2**63 - 1
_INT64_DIGITS = 18  # numbers of at most so many digits surely fit
_NANO = -9
_HUGE = 400  # exponents beyond this compare alike; nobody should wait for 10**999999999
_DIGITS_MAX = 4000
WRONG_NUMBER = "unable to parse numeric part of quantity"

WRONG_FORM = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
WRONG_SUFFIX = "unable to parse quantity's suffix"


class QuantityError(ValueError):
    """The text is no quantity; the message is the real server's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantity:
    """`unscaled * 10**exponent`. `notation` is SI, binary or e; `text` is set while the original form may be kept.

    `wide` marks a number beyond 64 bits or nine decimals, which Go keeps as an arbitrary-precision decimal.
    """

    unscaled: int
    exponent: int
    notation: str
    text: str = ""
    wide: bool = False

    @property
    def value(self) -> Fraction:
        return Fraction(self.unscaled) * Fraction(10) ** max(-_HUGE, min(self.exponent, _HUGE))

    def __str__(self) -> str:
        return self.text or self.canonical()

    def canonical(self) -> str:
        if self.unscaled == 0:
            return "0"
        if self.notation == "binary" and abs(self.value) >= 1024 and self.value.denominator == 1:
            return _binary_text(int(self.value))
        return self._decimal_text()

    def _decimal_text(self) -> str:
        number, exponent = _without_factors(self.unscaled, self.exponent, 10)
        shift = exponent % 3
        number, exponent = number * 10**shift, exponent - shift
        if self.notation == "e":
            return f"{number}e{exponent}" if exponent else str(number)
        return f"{number}{_DECIMAL_SUFFIX.get(exponent, '')}"

    def plus(self, other: Quantity) -> Quantity:
        """The sum, in this one's notation; nothing takes the other's."""
        if self.unscaled == 0:
            return replace(other, text="")
        exponent = min(self.exponent, other.exponent)
        unscaled = sum(each.unscaled * 10 ** (each.exponent - exponent) for each in (self, other))
        return replace(self, unscaled=unscaled, exponent=exponent, text="", wide=self.wide or other.wide)

    def rounded_up(self, exponent: int) -> Quantity:
        """Away from zero to a multiple of `10**exponent`, as defaulting does to resource lists (-3: milli)."""
        if self.exponent >= exponent and not self.wide:
            return self
        if self.exponent >= exponent:
            return replace(self, text="")
        return replace(
            self, unscaled=_away_from_zero(self.unscaled, 10 ** (exponent - self.exponent)), exponent=exponent, text=""
        )


def _without_factors(number: int, count: int, factor: int) -> tuple[int, int]:
    while number and number % factor == 0:
        number, count = number // factor, count + 1
    return number, count


def _binary_text(number: int) -> str:
    mantissa, thousands = _without_factors(number, 0, 1024)
    return f"{mantissa}{_BINARY_SUFFIX.get(thousands * 10, '')}"


def _away_from_zero(number: int, unit: int) -> int:
    size = -(-abs(number) // unit)
    return size if number >= 0 else -size


@lru_cache(maxsize=4096)
def parse_quantity(text: str) -> Quantity:
    """The quantity `text` stands for. Raises QuantityError with the real server's message."""
    if text == "0":
        return Quantity(unscaled=0, exponent=0, notation="SI", text=text)
    match = _FORM.fullmatch(text)
    if not text or match is None:
        raise QuantityError(WRONG_FORM)
    if len(text) > _DIGITS_MAX:
        raise QuantityError(WRONG_NUMBER)
    base, exponent, notation = _suffix(match["suffix"])
    negative, whole, part = match["sign"] == "-", match["whole"] or "0", match["part"] or ""
    sign = -1 if negative else 1
    if base == 10:
        return _decimal(text, sign, whole, part, exponent, notation)
    return _binary(text, sign, whole, part, exponent)


def _suffix(suffix: str) -> tuple[int, int, str]:
    """Base, exponent and notation. A lone E is exa, `e3` and `E3` are exponents."""
    if suffix in _DECIMAL:
        return 10, _DECIMAL[suffix], "SI"
    if suffix in _BINARY:
        return 2, _BINARY[suffix], "binary"
    exponent = _EXPONENT.fullmatch(suffix)
    if exponent is None:
        raise QuantityError(WRONG_SUFFIX)
    return 10, int(exponent[1]), "e"


def _decimal(text: str, sign: int, whole: str, part: str, exponent: int, notation: str) -> Quantity:
    digits, scale = whole + part, exponent - len(part)
    if len(digits) <= _INT64_DIGITS and scale >= _NANO:
        kept = scale % 3 == 0 and not digits.endswith("000") and digits[0] != "0"
        return Quantity(unscaled=sign * int(digits), exponent=scale, notation=notation, text=text if kept else "")
    return _wide(sign, int(digits), scale, notation)


def _binary(text: str, sign: int, whole: str, part: str, exponent: int) -> Quantity:
    number = int(whole)
    # Go takes its short way for small whole numbers; there the text survives when no factor of 8 is left in it.
    if not part and 15 - len(whole) - exponent * 3 // 10 - 1 >= 0 and number << exponent <= _INT64_MAX:
        kept = number % 8 != 0
        return Quantity(unscaled=sign * (number << exponent), exponent=0, notation="binary", text=text if kept else "")
    size = int(whole + part) << exponent
    if size > _INT64_MAX * 10 ** len(part):
        return Quantity(unscaled=sign * _INT64_MAX, exponent=0, notation="binary", wide=True)
    notation = "SI" if 0 < size < 10 ** len(part) else "binary"
    return _wide(sign, size, -len(part), notation)


def _wide(sign: int, number: int, scale: int, notation: str) -> Quantity:
    """Beyond 64 bits or nine decimals: rounded up to nano, never kept as written."""
    if scale < _NANO:
        number, scale = _away_from_zero(number, 10 ** min(_NANO - scale, _DIGITS_MAX)), _NANO
    return Quantity(unscaled=sign * number, exponent=scale, notation=notation, wide=True)
