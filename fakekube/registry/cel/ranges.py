"""Estimates as ranges of unsigned 64-bit numbers that never overflow: sizes of values, costs of steps.

Source: cel-go 0.29 (checker/cost.go, common/cost.go).
"""

from __future__ import annotations

import math
from typing import NamedTuple

MOST = (1 << 64) - 1

# Cost units of what takes time in proportion to a size.
STRING_FACTOR = 0.1
REGEX_FACTOR = 0.25
# What making a value costs.
LIST_BASE = 10
MAP_BASE = 30
STRUCT_BASE = 40


class Range(NamedTuple):
    """At least `low`, at most `high`."""

    low: int
    high: int

    def plus(self, other: Range) -> Range:
        return Range(min(self.low + other.low, MOST), min(self.high + other.high, MOST))

    def product(self, other: Range) -> Range:
        return Range(min(self.low * other.low, MOST), min(self.high * other.high, MOST))

    def scaled(self, factor: float) -> Range:
        return Range(scaled(self.low, factor), scaled(self.high, factor))

    def union(self, other: Range) -> Range:
        return Range(min(self.low, other.low), max(self.high, other.high))


def exactly(value: int) -> Range:
    return Range(value, value)


UNKNOWN = Range(0, MOST)
NOTHING = exactly(0)
ONE = exactly(1)


def scaled(value: int, factor: float) -> int:
    """`value * factor`, rounded up as the real server's floats round."""
    if value > 0 < factor and float(value) > float(MOST) / factor:
        return MOST
    return min(math.ceil(float(value) * factor), MOST)
