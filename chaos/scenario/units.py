"""Rates and chances as users write them: `64kbit/s`, `2MB/s`, `1.5%`. Inside: bytes a second, and a share of one."""

from __future__ import annotations

import re
from typing import Final

_BYTES: Final = {"B": 1.0, "KB": 1e3, "MB": 1e6, "GB": 1e9, "bit": 0.125, "kbit": 125.0, "Mbit": 125e3, "Gbit": 125e6}
RATE_PATTERN: Final = rf"([0-9]+(?:\.[0-9]+)?)({'|'.join(_BYTES)})/s"
SHARE_PATTERN: Final = r"([0-9]+(?:\.[0-9]+)?)%"


def parse_rate(text: str) -> float:
    """Bytes a second. Raises ValueError, naming the form, for anything else and for nothing at all."""
    match = re.fullmatch(RATE_PATTERN, text)
    rate = float(match[1]) * _BYTES[match[2]] if match else 0.0
    if not rate:
        raise ValueError("is no rate: write it like 64kbit/s, 500KB/s or 2MB/s")
    return rate


def write_rate(bytes_s: float) -> str:
    return f"{_plain(bytes_s)}B/s"


def parse_share(text: str) -> float:
    """`1.5%` as 0.015. Raises ValueError, naming the form, for anything else and for 100 % and more."""
    match = re.fullmatch(SHARE_PATTERN, text)
    if match is None or float(match[1]) >= 100:
        raise ValueError("is no chance below 100%: write it like 1% or 0.5%")
    return round(float(match[1]) / 100, 12)


def write_share(share: float) -> str:
    return f"{_plain(share * 100)}%"


def _plain(number: float) -> str:
    text = f"{number:.10f}"
    return text.rstrip("0").rstrip(".")
