"""Cron schedules as moments in time: the next one, and the last one that has passed.

Source of the rules: github.com/robfig/cron v3, standard fields. Whether a schedule can be read, validation has said.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from re import findall
from zoneinfo import ZoneInfo

_DESCRIPTORS = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
_MONTHS = {
    name: at
    for at, name in enumerate(["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"], 1)
}
_DAYS = {name: at for at, name in enumerate(["sun", "mon", "tue", "wed", "thu", "fri", "sat"])}
_UNITS_S = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
# A schedule such as the 30th of February never comes.
_HORIZON_DAYS = 5 * 366


@dataclass(frozen=True, slots=True, kw_only=True)
class Cron:
    """Five sets of numbers in a time zone, or a fixed period in seconds."""

    zone: tzinfo
    minutes: frozenset[int] = frozenset()
    hours: frozenset[int] = frozenset()
    days: frozenset[int] = frozenset()
    months: frozenset[int] = frozenset()
    weekdays: frozenset[int] = frozenset()
    # Whether both kinds of days must fit: one of them says nothing.
    both_days: bool = True
    period_s: float = 0.0

    def after(self, moment: float) -> float | None:
        """The first moment after `moment`, both in epoch seconds; None when there is none in five years."""
        if self.period_s:
            return float(int(moment + self.period_s))
        start = datetime.fromtimestamp(int(moment) // 60 * 60 + 60, UTC).astimezone(self.zone)
        for ahead in range(_HORIZON_DAYS):
            day = (start + timedelta(days=ahead)).date()
            if not self._is_day(day.month, day.day, (day.weekday() + 1) % 7):
                continue
            for hour in sorted(self.hours):
                for minute in sorted(self.minutes):
                    found = datetime(day.year, day.month, day.day, hour, minute, tzinfo=self.zone)
                    if found.timestamp() > moment and _exists(found):
                        return found.timestamp()
        return None

    def _is_day(self, month: int, day: int, weekday: int) -> bool:
        if month not in self.months:
            return False
        fits = (day in self.days, weekday in self.weekdays)
        return all(fits) if self.both_days else any(fits)

    def last(self, earliest: float, now: float) -> float | None:
        """The last moment after `earliest` and not after `now`."""
        if self.period_s:
            passed = (now - earliest) // self.period_s
            return float(int(earliest + passed * self.period_s)) if passed >= 1 else None
        window = 120.0
        while True:
            start = max(earliest, now - window)
            found = self._last_from(start, now)
            if found is not None or start == earliest:
                return found
            window *= 4

    def _last_from(self, start: float, now: float) -> float | None:
        found = None
        moment = self.after(start)
        while moment is not None and moment <= now:
            found, moment = moment, self.after(moment)
        return found


def _exists(moment: datetime) -> bool:
    """Not in the hour that a change to summer time leaves out."""
    return moment.astimezone(UTC).astimezone(moment.tzinfo).hour == moment.hour


def cron(text: str, zone: str | None) -> Cron:
    """The schedule that validation has accepted; `zone` is an IANA name, UTC by default."""
    if text.startswith(("TZ=", "CRON_TZ=")):
        zone, _, text = text.partition("=")[2].partition(" ")
    where = ZoneInfo(zone) if zone and zone not in ("UTC", "Etc/UTC") else UTC
    text = text.strip()
    if text.startswith("@every "):
        return Cron(zone=where, period_s=max(1.0, _seconds(text.removeprefix("@every "))))
    minutes, hours, days, months, weekdays = _DESCRIPTORS.get(text, text).split()
    return Cron(
        zone=where,
        minutes=_numbers(minutes, 0, 59, {}),
        hours=_numbers(hours, 0, 23, {}),
        days=_numbers(days, 1, 31, {}),
        months=_numbers(months, 1, 12, _MONTHS),
        weekdays=_numbers(weekdays, 0, 6, _DAYS),
        both_days=days[0] in "*?" or weekdays[0] in "*?",
    )


def _seconds(duration: str) -> float:
    return sum(float(number) * _UNITS_S[unit] for number, unit in findall(r"([0-9.]+)(ns|us|µs|ms|s|m|h)", duration))


def _numbers(field: str, least: int, most: int, names: Mapping[str, int]) -> frozenset[int]:
    found: set[int] = set()
    for part in filter(None, field.split(",")):
        span, _, step = part.partition("/")
        low, _, high = span.partition("-")
        if low in ("*", "?"):
            start, end = least, most
        else:
            start = _number(low, names)
            end = _number(high, names) if high else most if step else start
        found.update(range(start, end + 1, int(step or 1)))
    return frozenset(found)


def _number(text: str, names: Mapping[str, int]) -> int:
    named = names.get(text.lower())
    return int(text) if named is None else named
