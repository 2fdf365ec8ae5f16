"""Durations and timestamps as Go's package time reads and prints them, with nanoseconds.

Source: package time of Go 1.26, kube-openapi's strfmt (the formats of a schema), cel-go's common/types.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from fakekube.registry.cel.values import INT_MAX, INT_MIN, CelError, Duration, Timestamp

SECOND = 1_000_000_000
_UNITS = {
    "ns": 1,
    "us": 1_000,
    "µs": 1_000,
    "μs": 1_000,
    "ms": 1_000_000,
    "s": SECOND,
    "m": 60 * SECOND,
    "h": 3600 * SECOND,
}
_PART = re.compile(r"(\d*)(?:\.(\d*))?(ns|us|µs|μs|ms|s|m|h)")
_MOST_DIGITS = 20
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# Years 1 to 9999.
SECONDS_MIN, SECONDS_MAX = -62135596800, 253402300799


def duration(text: str) -> Duration:
    """What time.ParseDuration reads. ValueError."""
    sign, rest = (-1, text[1:]) if text[:1] == "-" else (1, text[1:] if text[:1] == "+" else text)
    if rest == "0":
        return Duration(0)
    total = at = 0
    while at < len(rest):
        found = _PART.match(rest, at)
        if found is None or not (found[1] or found[2]):
            raise ValueError(f'time: invalid duration "{text}"')
        total += _scaled(found[1], found[2] or "", _UNITS[found[3]])
        at = found.end()
    if not rest or total > INT_MAX + (sign < 0):
        raise ValueError(f'time: invalid duration "{text}"')
    return Duration(sign * total)


def _scaled(whole: str, fraction: str, unit: int) -> int:
    if len(whole.lstrip("0")) > _MOST_DIGITS:
        return INT_MAX + 2  # more than any duration
    fraction = fraction[:_MOST_DIGITS]
    return int(whole[-_MOST_DIGITS:] or 0) * unit + (int(fraction) * unit // 10 ** len(fraction) if fraction else 0)


# strfmt's own words for units, each read wherever they stand.
_LENIENT = re.compile(r"((\d+)\s*([A-Za-zµ]+))")
_LENIENT_UNITS: tuple[tuple[tuple[str, ...], int], ...] = (
    (("ns", "nano"), 1),
    (("us", "µs", "micro"), 1_000),
    (("ms", "milli"), 1_000_000),
    (("s", "sec"), SECOND),
    (("m", "min"), 60 * SECOND),
    (("h", "hr", "hour"), 3600 * SECOND),
    (("d", "day"), 24 * 3600 * SECOND),
    (("w", "wk", "week"), 7 * 24 * 3600 * SECOND),
)


def lenient_duration(text: str) -> Duration:
    """A string of format duration: Go's, or words such as `3 days`. ValueError."""
    try:
        return duration(text)
    except ValueError:
        pass
    total, known = 0, False
    for found in _LENIENT.finditer(text):
        number = int(found[2][-_MOST_DIGITS:])
        for variants, unit in _LENIENT_UNITS:
            if _is_unit(found[3].lower(), variants):
                total, known = total + number * unit, True
    if not known:
        raise ValueError(f"unable to parse {text} as duration")
    return Duration(total)


def _is_unit(word: str, variants: tuple[str, ...]) -> bool:
    return word in variants or word.startswith(variants[-1])


# --- timestamps ---------------------------------------------------------------------------------------------------------

_RFC3339 = re.compile(r"(\d{4})-(\d{2})-(\d{2})T(\d{2}):(\d{2}):(\d{2})(?:[.,](\d+))?(Z|[+-]\d{2}:\d{2})", re.ASCII)
_LOCAL = re.compile(r"(\d{4})-(\d{2})-(\d{2})T(\d{2}):(\d{2}):(\d{2})(?:[.,](\d+))?()", re.ASCII)


@lru_cache(maxsize=1024)
def timestamp(text: str) -> Timestamp:
    """RFC 3339, with up to nine digits of a second. ValueError."""
    return _instant(_RFC3339.fullmatch(text), text)


def _instant(found: re.Match[str] | None, text: str) -> Timestamp:
    if found is None:
        raise ValueError(f'parsing time "{text}" as "2006-01-02T15:04:05Z07:00": cannot parse')
    year, month, day, hour, minute, second = map(int, found.groups()[:6])
    nanoseconds = int(((found[7] or "") + "0" * 9)[:9])
    zone = _offset(found[8])
    if year == 0:
        # Python's calendar begins a year later than Go's; 400 years repeat.
        moment = datetime(400, month, day, hour, minute, second, tzinfo=UTC) - timedelta(seconds=zone)
        return Timestamp((int((moment - _EPOCH).total_seconds()) - 146097 * 86400) * SECOND + nanoseconds, zone)
    moment = datetime(year, month, day, hour, minute, second, tzinfo=UTC)
    past = moment - _EPOCH
    return Timestamp((past.days * 86400 + past.seconds - zone) * SECOND + nanoseconds, zone)


def _offset(zone: str) -> int:
    """Seconds east of Greenwich."""
    if zone in ("", "Z"):
        return 0
    seconds = int(zone[1:3]) * 3600 + int(zone[4:6]) * 60
    return -seconds if zone[0] == "-" else seconds


def date(text: str) -> Timestamp:
    """A string of format date. ValueError."""
    if not re.fullmatch(r"\d{4}-\d{2}-\d{2}", text, re.ASCII):
        raise ValueError(f'parsing time "{text}" as "2006-01-02": cannot parse')
    return timestamp(f"{text}T00:00:00Z")


def date_time(text: str) -> Timestamp:
    """A string of format date-time, which may lack its zone. ValueError."""
    return _instant(_RFC3339.fullmatch(text) or _LOCAL.fullmatch(text), text)


def in_range(value: Timestamp) -> Timestamp:
    """CelError beyond the years 1 to 9999."""
    if SECONDS_MIN * SECOND <= value.nanoseconds < (SECONDS_MAX + 1) * SECOND:
        return value
    raise CelError("timestamp overflow")


def of_duration(nanoseconds: int) -> Duration:
    """CelError beyond 64 bits."""
    if INT_MIN <= nanoseconds <= INT_MAX:
        return Duration(nanoseconds)
    raise CelError("integer overflow")


def timestamp_text(value: Timestamp) -> str:
    """RFC 3339 in its own zone, as many digits of a second as are needed."""
    seconds, nanoseconds = divmod(value.nanoseconds, SECOND)
    moment = _EPOCH + timedelta(seconds=seconds + value.offset_s)
    fraction = f".{nanoseconds:09d}".rstrip("0") if nanoseconds else ""
    hours, minutes = divmod(abs(value.offset_s) // 60, 60)
    zone = f"{'-' if value.offset_s < 0 else '+'}{hours:02d}:{minutes:02d}" if value.offset_s else "Z"
    return f"{moment.year:04d}-{moment:%m-%dT%H:%M:%S}{fraction}{zone}"


def duration_text(value: Duration) -> str:
    """Seconds, as the shortest decimal of a float."""
    whole, rest = divmod(abs(value.nanoseconds), SECOND)
    seconds = float(whole) + rest / 1e9
    shortest = f"{seconds:.17f}".rstrip("0").rstrip(".") if "e" in repr(seconds) else repr(seconds).removesuffix(".0")
    return f"{'-' if value.nanoseconds < 0 else ''}{shortest}s"


# --- parts --------------------------------------------------------------------------------------------------------------


def _zone(name: str) -> tzinfo:
    """A named zone, or an offset such as `+02:00`. CelError."""
    hours, colon, minutes = name.partition(":")
    if not colon:
        return _named_zone(name)
    east, more = _atoi(hours), _atoi(minutes)
    total = east * 60 - more if name[0] == "-" else east * 60 + more
    return timezone(timedelta(minutes=total))


def _atoi(text: str) -> int:
    if not re.fullmatch(r"[+-]?\d+", text, re.ASCII):
        raise CelError(f'strconv.Atoi: parsing "{text}": invalid syntax')
    return int(text)


def _named_zone(name: str) -> tzinfo:
    if name in ("", "UTC"):
        return UTC
    if name.startswith(("/", "\\")) or ".." in re.split(r"[/\\]", name):
        # Go opens no file outside of its database
        raise CelError("time: invalid location name")
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise CelError(f"unknown time zone {name}") from None


_PARTS: Mapping[str, Callable[[datetime], int]] = {
    "getFullYear": lambda moment: moment.year,
    "getMonth": lambda moment: moment.month - 1,
    "getDayOfYear": lambda moment: moment.timetuple().tm_yday - 1,
    "getDayOfMonth": lambda moment: moment.day - 1,
    "getDate": lambda moment: moment.day,
    "getDayOfWeek": lambda moment: moment.isoweekday() % 7,
    "getHours": lambda moment: moment.hour,
    "getMinutes": lambda moment: moment.minute,
    "getSeconds": lambda moment: moment.second,
    "getMilliseconds": lambda moment: moment.microsecond // 1000,
}
_DURATION_PARTS = {
    "getHours": 3600 * SECOND,
    "getMinutes": 60 * SECOND,
    "getSeconds": SECOND,
    "getMilliseconds": 1_000_000,
}


def part_of_timestamp(function: str) -> Callable[..., int]:
    """`getHours` and its like, in UTC or in the zone that is given."""
    part = _PARTS[function]

    def read(value: Timestamp, zone: str = "UTC") -> int:
        moment = _EPOCH + timedelta(microseconds=value.nanoseconds // 1000)
        return part(moment.astimezone(_zone(zone)))

    return read


def part_of_duration(function: str) -> Callable[[Duration], int]:
    """`getHours` and its like: the whole duration in that unit."""
    unit = _DURATION_PARTS[function]

    def read(value: Duration) -> int:
        whole = abs(value.nanoseconds) // unit
        return -whole if value.nanoseconds < 0 else whole

    return read
