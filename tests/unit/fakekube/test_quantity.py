"""Quantities: what resource.Quantity keeps, rewrites and refuses (recorded from kube-apiserver 1.37.2)."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fakekube.registry.quantity import WRONG_FORM, WRONG_SUFFIX, QuantityError, parse_quantity

MILLI = -3


@pytest.mark.parametrize(
    ("written", "printed"),
    [
        ("1e3", "1e3"),
        ("+1", "+1"),
        ("1.", "1."),
        ("1000k", "1M"),
        ("1000", "1k"),
        ("1048576", "1048576"),
        ("0.5Gi", "512Mi"),
        ("1.5Gi", "1536Mi"),
        ("0.1Ki", "102400m"),
        ("1u", "1m"),
        ("100n", "1m"),
        ("0.0001", "1m"),
        ("Gi", "0"),
        ("00", "0"),
        ("-1", "-1"),
        ("1.0", "1"),
        ("1.10", "1100m"),
        (".5", "500m"),
        ("1e-3", "1e-3"),
        ("1023Ki", "1023Ki"),
        ("123456789012345678901", "123456789012345678901"),
    ],
)
def test_resource_lists_print_what_the_real_server_prints(written: str, printed: str) -> None:
    assert str(parse_quantity(written).rounded_up(MILLI)) == printed


@pytest.mark.parametrize(
    ("written", "text"),
    [("1K", WRONG_SUFFIX), ("1Mi1", WRONG_SUFFIX), ("abc", WRONG_FORM), ("1 Gi", WRONG_FORM), ("", WRONG_FORM)],
)
def test_what_is_no_quantity_is_refused_in_the_real_servers_words(written: str, text: str) -> None:
    with pytest.raises(QuantityError) as refused:
        parse_quantity(written)
    assert str(refused.value) == text


def test_huge_exponents_cost_nothing() -> None:
    assert parse_quantity("1e999999999").value > 10**300
    assert parse_quantity("1e-999999999").value == Fraction(1, 10**9)


@settings(deadline=None)
@given(st.integers(-(10**9), 10**9), st.sampled_from(["n", "u", "m", "", "k", "M", "Ki", "Mi", "e3", "e-3"]))
def test_the_printed_form_means_the_same(number: int, suffix: str) -> None:
    quantity = parse_quantity(f"{number}{suffix}")
    assert parse_quantity(quantity.canonical()).value == quantity.value


@settings(deadline=None)
@given(st.integers(-(10**12), 10**12), st.sampled_from(["n", "u", "m", ""]))
def test_rounding_never_goes_towards_zero(number: int, suffix: str) -> None:
    quantity = parse_quantity(f"{number}{suffix}")
    rounded = quantity.rounded_up(MILLI).value
    assert abs(rounded) >= abs(quantity.value)
    assert abs(rounded - quantity.value) < Fraction(1, 1000)
