"""What a person may want to know later: the last entries in memory, and one line each in a file when there is one."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

ENTRIES_MAX = 1000
FILE_MAX_BYTES = 8 << 20  # then the file becomes NAME.1, so that two are kept


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """`at` in epoch seconds of the agent's clock; `gid` and `site` are "" where none is meant."""

    at: float
    type: str
    message: str
    gid: str = ""
    site: str = ""

    def to_json(self) -> dict[str, object]:
        json: dict[str, object] = {"at": timestamp(self.at), "type": self.type, "message": self.message}
        json.update({name: value for name, value in (("gid", self.gid), ("site", self.site)) if value})
        return json

    def line(self) -> str:
        about = "".join(f" {name}={value}" for name, value in (("site", self.site), ("gid", self.gid)) if value)
        return f"{timestamp(self.at)} {self.type}{about}: {self.message}\n"


class AgentLog:
    """A bounded history; `path` adds a file, for which two generations of FILE_MAX_BYTES are kept."""

    def __init__(self, now: Callable[[], float], path: Path | None = None) -> None:
        self._now = now
        self._path = path
        self.entries: deque[Entry] = deque(maxlen=ENTRIES_MAX)

    def note(self, type: str, message: str, *, gid: str = "", site: str = "") -> None:
        entry = Entry(at=self._now(), type=type, message=" ".join(message.split()), gid=gid, site=site)
        self.entries.append(entry)
        if self._path is not None:
            _append_line(self._path, entry.line())


def timestamp(at: float) -> str:
    """RFC 3339 with milliseconds, UTC."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _append_line(path: Path, line: str) -> None:
    if path.exists() and path.stat().st_size > FILE_MAX_BYTES:
        path.replace(path.with_name(path.name + ".1"))
    with path.open("a", encoding="utf-8") as file:
        file.write(line)
