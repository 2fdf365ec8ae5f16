"""Spans of time as users write them: `20ms`, `5s`, `3m50s`, `1h`. Inside the project a span is a float of seconds."""

from __future__ import annotations

import re

_UNITS_S = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_PART = re.compile(r"([0-9]+(?:\.[0-9]+)?)(ns|us|µs|ms|s|m|h)")
DURATION_PATTERN = r"(?:[0-9]+(?:\.[0-9]+)?(?:ns|us|µs|ms|s|m|h))+"
_WHOLE = re.compile(DURATION_PATTERN)

NANOSECOND_DIGITS = 9
"""Times are rounded to whole nanoseconds, so that sums of parts print and compare alike on every machine."""


def parse_duration(text: str) -> float:
    """Seconds of `text`. Raises ValueError, naming the form, for anything else; `0` needs no unit."""
    if text == "0":
        return 0.0
    if _WHOLE.fullmatch(text) is None:
        raise ValueError("is no duration: write it like 20ms, 5s, 3m50s or 1h")
    return round(sum(float(number) * _UNITS_S[unit] for number, unit in _PART.findall(text)), NANOSECOND_DIGITS)


def format_duration(seconds: float) -> str:
    """The shortest common form: `20ms`, `7.25s`, `3m50s`."""
    if seconds < 1:
        return f"{seconds * 1000:.6g}ms" if seconds else "0s"
    minutes, rest = divmod(seconds, 60)
    tail = f"{rest:.6g}s" if rest or not minutes else ""
    return (f"{minutes:.0f}m" if minutes else "") + tail


def write_duration(seconds: float) -> str:
    """A form that reads back as the very same number of seconds."""
    text = f"{seconds:.{NANOSECOND_DIGITS}f}"
    return (text.rstrip("0").rstrip(".") if "." in text else text) + "s"
