"""Sums of resource lists: `{"cpu": "500m"}` and the like, kept as the quantities that clients read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fractions import Fraction

from fakekube.registry.quantity import Quantity, parse_quantity

# Resource name -> quantity, as the API has it.
Amounts = Mapping[str, str]


def amount(text: object) -> Fraction:
    return parse_quantity(str(text)).value


def plus(lists: Iterable[Amounts]) -> Amounts:
    """All lists together."""
    found: dict[str, str] = {}
    for each in lists:
        for name, text in each.items():
            found[name] = added(found[name], text) if name in found else text
    return found


def most(lists: Iterable[Amounts]) -> Amounts:
    """The largest of each resource."""
    found: dict[str, str] = {}
    for each in lists:
        for name, text in each.items():
            if name not in found or amount(text) > amount(found[name]):
                found[name] = text
    return found


def added(one: str, other: str) -> str:
    """The sum, in the notation of the first that is not zero."""
    first, second = parse_quantity(one), parse_quantity(other)
    exponent = min(first.exponent, second.exponent)
    number = _scaled(first, exponent) + _scaled(second, exponent)
    notation = first.notation if first.unscaled else second.notation
    return str(Quantity(unscaled=number, exponent=exponent, notation=notation))


def less(one: str, other: str) -> str:
    """What `one` has more than `other`; nothing when it has not."""
    first, second = parse_quantity(one), parse_quantity(other)
    exponent = min(first.exponent, second.exponent)
    number = max(_scaled(first, exponent) - _scaled(second, exponent), 0)
    return str(Quantity(unscaled=number, exponent=exponent, notation=first.notation))


def _scaled(quantity: Quantity, exponent: int) -> int:
    return int(quantity.unscaled * 10 ** (quantity.exponent - exponent))
