"""Times as Go reads and prints them: metav1.Time (RFC 3339, whole seconds, UTC) and MicroTime (exactly six digits).

Source: package time of Go 1.26 and k8s.io/apimachinery/pkg/apis/meta/v1.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from functools import lru_cache

TIME_LAYOUT = "2006-01-02T15:04:05Z07:00"
MICRO_LAYOUT = "2006-01-02T15:04:05.000000Z07:00"

# Go's layout, element by element: the reference digits in the message, and what the text must show.
_ELEMENTS = (
    ("2006", r"\d{4}"),
    ("-", "-"),
    ("01", r"\d{2}"),
    ("-", "-"),
    ("02", r"\d{2}"),
    ("T", "T"),
    ("15", r"\d{2}"),
    (":", ":"),
    ("04", r"\d{2}"),
    (":", ":"),
    ("05", r"\d{2}"),
)
_ZONE = ("Z07:00", r"Z|[+-]\d{2}:\d{2}")
_FRACTION = re.compile(r"[.,]\d+")
_PLAIN = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z")


class TimeError(ValueError):
    """The text is no time; the message is Go's."""


@lru_cache(maxsize=1024)
def time(text: str) -> str:
    """`text` as metav1.Time prints it: seconds, UTC. Raises TimeError."""
    return _parse(text, TIME_LAYOUT).strftime("%Y-%m-%dT%H:%M:%SZ").rjust(20, "0")


@lru_cache(maxsize=1024)
def micro_time(text: str) -> str:
    """`text` as metav1.MicroTime prints it: exactly six digits are asked for. Raises TimeError."""
    return _parse(text, MICRO_LAYOUT).strftime("%Y-%m-%dT%H:%M:%S.%fZ").rjust(27, "0")


def _parse(text: str, layout: str) -> datetime:
    rest = text
    parts: list[str] = []
    for element, pattern in _elements(layout):
        match = re.match(pattern, rest)
        if match is None:
            raise _cannot_parse(text, layout, rest, element)
        parts.append(match[0])
        rest = rest[match.end() :]
        if element == "05" and layout == TIME_LAYOUT:
            fraction = _FRACTION.match(rest)
            rest = rest[fraction.end() :] if fraction else rest
    if rest:
        raise TimeError(f"parsing time {_quoted(text)}: extra text: {_quoted(rest)}")
    return _in_utc(text, parts)


def _elements(layout: str) -> tuple[tuple[str, str], ...]:
    fraction = ((".000000", r"\.\d{6}"),) if layout == MICRO_LAYOUT else ()
    return (*_ELEMENTS, *fraction, _ZONE)


def _cannot_parse(text: str, layout: str, rest: str, element: str) -> TimeError:
    return TimeError(
        f"parsing time {_quoted(text)} as {_quoted(layout)}: cannot parse {_quoted(rest)} as {_quoted(element)}"
    )


def _in_utc(text: str, parts: list[str]) -> datetime:
    year, month, day = int(parts[0]), int(parts[2]), int(parts[4])
    hour, minute, second = int(parts[6]), int(parts[8]), int(parts[10])
    for name, value, least, most in (
        ("month", month, 1, 12),
        ("day", day, 1, 31),
        ("hour", hour, 0, 23),
        ("minute", minute, 0, 59),
        ("second", second, 0, 59),
    ):
        if not least <= value <= most:
            raise TimeError(f"parsing time {_quoted(text)}: {name} out of range")
    micros = int(parts[11][1:]) if len(parts) == 13 else 0
    try:
        return datetime(max(year, 1), month, day, hour, minute, second, micros, tzinfo=_zone(parts[-1])).astimezone(UTC)
    except (ValueError, OverflowError):
        raise TimeError(f"parsing time {_quoted(text)}: day out of range") from None


def _zone(text: str) -> timezone:
    if text == "Z":
        return UTC
    minutes = int(text[1:3]) * 60 + int(text[4:6])
    return timezone(timedelta(minutes=-minutes if text[0] == "-" else minutes))


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
