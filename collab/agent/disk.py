"""Where an agent keeps what must survive a crash: named byte strings, in files or in memory that a test may lose."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Protocol
from urllib.parse import quote, unquote

_NAME_SAFE = "~"  # writers are SITE~TOKEN; quote() leaves letters, digits and _.-~ as they are
_UNFINISHED = ".tmp"


class Disk(Protocol):
    """What returns from `append`, `replace` and `remove` survives a crash; `read` of an absent name is b""."""

    def names(self) -> list[str]: ...

    def read(self, name: str) -> bytes: ...

    def append(self, name: str, data: bytes) -> None: ...

    def replace(self, name: str, data: bytes) -> None: ...

    def remove(self, name: str) -> None: ...


class MemoryDisk:
    """A disk that lives as long as the object: it survives the crash of an agent, not of its process."""

    def __init__(self, files: Mapping[str, bytes] | None = None) -> None:
        self.files: dict[str, bytes] = dict(files or {})

    def names(self) -> list[str]:
        return sorted(self.files)

    def read(self, name: str) -> bytes:
        return self.files.get(name, b"")

    def append(self, name: str, data: bytes) -> None:
        self.files[name] = self.files.get(name, b"") + data

    def replace(self, name: str, data: bytes) -> None:
        self.files[name] = data

    def remove(self, name: str) -> None:
        self.files.pop(name, None)


class InUse(Exception):
    """Another agent has this directory; two would write into each other's journals."""


def hold(directory: Path) -> IO[str]:
    """Keep the directory for this process until the file that is returned is closed. Raises InUse.

    Where the system has no flock (Windows), nothing is kept.
    """
    directory.mkdir(parents=True, exist_ok=True)
    lock = (directory / "lock").open("a", encoding="utf-8")
    try:
        import fcntl
    except ImportError:
        return lock
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        lock.close()
        raise InUse("in use by another agent; give each a directory of its own") from error
    return lock


class FileDisk:
    """One file per name in a directory of its own. Every change is synced, the directory entry too.

    Raises OSError as the file system does: a full disk stops the agent rather than being ignored.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        directory.mkdir(parents=True, exist_ok=True)

    def path(self, name: str) -> Path:
        return self.directory / quote(name, safe=_NAME_SAFE)

    def names(self) -> list[str]:
        # a leftover of `replace` cut short by a crash is not data
        found = (entry.name for entry in self.directory.iterdir() if entry.is_file())
        return sorted(unquote(name) for name in found if not name.endswith(_UNFINISHED))

    def read(self, name: str) -> bytes:
        try:
            return self.path(name).read_bytes()
        except FileNotFoundError:
            return b""

    def append(self, name: str, data: bytes) -> None:
        path = self.path(name)
        is_new = not path.exists()
        _write_synced(path, data, os.O_APPEND)
        if is_new:
            self._sync_directory()

    def replace(self, name: str, data: bytes) -> None:
        path = self.path(name)
        unfinished = path.with_name(path.name + _UNFINISHED)
        _write_synced(unfinished, data, os.O_TRUNC)
        os.replace(unfinished, path)
        self._sync_directory()

    def remove(self, name: str) -> None:
        self.path(name).unlink(missing_ok=True)
        self._sync_directory()

    def _sync_directory(self) -> None:
        descriptor = os.open(self.directory, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _write_synced(path: Path, data: bytes, flag: int) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | flag, 0o600)
    try:
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(descriptor, rest) :]
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
