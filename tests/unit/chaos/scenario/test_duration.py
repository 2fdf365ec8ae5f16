"""Durations as users write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaos.scenario.duration import format_duration, parse_duration


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0),
        ("0s", 0),
        ("20ms", 0.02),
        ("5s", 5),
        ("1.5s", 1.5),
        ("3m50s", 230),
        ("1h30m", 5400),
        ("250us", 0.00025),
    ],
)
def test_reads(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "5", "s", "5 s", "-5s", "5x", "1m 3s", "1e3s", "٣s!"])
def test_refuses(text: str) -> None:
    with pytest.raises(ValueError, match="write it like 20ms"):
        parse_duration(text)


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0s"), (0.02, "20ms"), (5, "5s"), (7.25, "7.25s"), (230, "3m50s"), (60, "1m")]
)
def test_prints(seconds: float, text: str) -> None:
    assert format_duration(seconds) == text


@given(st.integers(min_value=0, max_value=10_000_000))
def test_what_is_printed_reads_back(milliseconds: int) -> None:
    seconds = milliseconds / 1000
    assert parse_duration(format_duration(seconds)) == pytest.approx(seconds, rel=1e-4)
