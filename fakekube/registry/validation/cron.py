"""Whether a cron schedule can be read, in the words of github.com/robfig/cron, and whether a time zone exists."""

from __future__ import annotations

import re
from collections.abc import Mapping
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from fakekube.registry.validation.causes import Causes, invalid

_MONTHS = {
    name: at
    for at, name in enumerate(["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"], 1)
}
_DAYS = {name: at for at, name in enumerate(["sun", "mon", "tue", "wed", "thu", "fri", "sat"])}
_FIELDS: tuple[tuple[int, int, Mapping[str, int]], ...] = (
    (0, 59, {}),
    (0, 23, {}),
    (1, 31, {}),
    (1, 12, _MONTHS),
    (0, 6, _DAYS),
)
_DESCRIPTORS = frozenset(["@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly"])
_DURATION = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?(ns|us|µs|ms|s|m|h))+")
_ZONE_PART = re.compile(r"[A-Za-z.\-_0-9+]{1,14}")
_ALWAYS_THERE = frozenset(["UTC", "Etc/UTC"])


class _ScheduleError(ValueError):
    """What is wrong with a schedule."""


def schedule(text: str, path: str, *, zone: str | None, zone_inside: bool) -> Causes:
    """`zone_inside`: the schedule may name its zone, since it did before."""
    try:
        _parse(text)
    except _ScheduleError as error:
        yield invalid(path, text, str(error))
    if "TZ" in text and not zone_inside:
        yield invalid(path, text, "cannot use TZ or CRON_TZ in schedule, use timeZone field instead")
    elif "TZ" in text and zone is not None:
        yield invalid(path, text, "cannot use both timeZone field and TZ or CRON_TZ in schedule")


def _parse(text: str) -> None:
    if text.startswith(("TZ=", "CRON_TZ=")):
        name, _, text = text.partition("=")[2].partition(" ")
        if not zone_exists(name):
            raise _ScheduleError(f"provided bad location {name}: unknown time zone {name}")
        text = text.strip()
    if text.startswith("@"):
        _descriptor(text)
        return
    fields = text.split()
    if len(fields) != len(_FIELDS):
        found = f"found {len(fields)}: [{' '.join(fields)}]"
        raise _ScheduleError(f"expected exactly {len(_FIELDS)} fields, {found}")
    for field, (least, most, names) in zip(fields, _FIELDS, strict=True):
        for part in filter(None, field.split(",")):
            _range(part, least, most, names)


def _descriptor(text: str) -> None:
    if text in _DESCRIPTORS:
        return
    if not text.startswith("@every "):
        raise _ScheduleError(f"unrecognized descriptor: {text}")
    duration = text.removeprefix("@every ")
    if not _DURATION.fullmatch(duration):
        raise _ScheduleError(f'failed to parse duration {text}: time: invalid duration "{duration}"')


def _range(text: str, least: int, most: int, names: Mapping[str, int]) -> None:
    span, *steps = text.split("/")
    low, *high = span.split("-")
    if low in ("*", "?"):
        start, end = least, most
    else:
        start = _number(low, names)
        if len(high) > 1:
            raise _ScheduleError(f"too many hyphens: {text}")
        end = _number(high[0], names) if high else start
    if len(steps) > 1:
        raise _ScheduleError(f"too many slashes: {text}")
    step = _number(steps[0], {}) if steps else 1
    _bounds(text, start, most if steps and not high else end, least, most)
    if step == 0:
        raise _ScheduleError(f"step of range should be a positive number: {text}")


def _bounds(text: str, start: int, end: int, least: int, most: int) -> None:
    if start < least:
        raise _ScheduleError(f"beginning of range ({start}) below minimum ({least}): {text}")
    if end > most:
        raise _ScheduleError(f"end of range ({end}) above maximum ({most}): {text}")
    if start > end:
        raise _ScheduleError(f"beginning of range ({start}) beyond end of range ({end}): {text}")


def _number(text: str, names: Mapping[str, int]) -> int:
    named = names.get(text.lower())
    if named is not None:
        return named
    if not re.fullmatch("[+-]?[0-9]+", text):
        raise _ScheduleError(f'failed to parse int from {text}: strconv.Atoi: parsing "{text}": invalid syntax')
    number = int(text)
    if number < 0:
        raise _ScheduleError(f"negative number ({number}) not allowed: {text}")
    return number


def time_zone(name: str | None, path: str) -> Causes:
    if name is None:
        return
    if not name:
        yield invalid(path, name, "timeZone must be nil or non-empty string")
        return
    if not all(_is_zone_part(part) for part in name.split("/")):
        yield invalid(path, name, f"unknown time zone {name}")
        return
    if name.lower() == "local":
        detail = "timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones"
        yield invalid(path, name, detail)
    if name != "Local" and not zone_exists(name):
        yield invalid(path, name, f"unknown time zone {name}")


def _is_zone_part(part: str) -> bool:
    return part not in (".", "..") and not part.startswith("-") and _ZONE_PART.fullmatch(part) is not None


def zone_exists(name: str) -> bool:
    """Whether this machine knows the zone; UTC is known without any data."""
    if name in _ALWAYS_THERE:
        return True
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True
