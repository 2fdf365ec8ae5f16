"""What reached a site, kept so that it can be searched afterwards: bytes of the wire, and files of a disk.

HTTP is kept as it came. On a WebSocket the frames of the client are masked with a key that changes every frame
(RFC 6455, 5.3), so they are unmasked first; the frames of the server are plain.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

if TYPE_CHECKING:
    from chaos.virtual.trace import WireChunk

KEPT_MAX_BYTES: Final = 2 * 1024 * 1024
"""For a site that must hear nothing. What comes after it is dropped, and the log says that it is not complete."""
SAMPLE_MAX_BYTES: Final = 256 * 1024
"""For a site that is only there to show that the search finds what it looks for."""

_SWITCHED = b"HTTP/1.1 101"
_MASKED = 0x80
_LENGTH = 0x7F
_MASK_BYTES = 4


class _Way(NamedTuple):
    """One direction of one connection."""

    opener: str
    number: int
    src: str
    dst: str


@dataclass(slots=True)
class SiteWire:
    """All that one site received, per direction, up to `limit` bytes."""

    limit: int
    complete: bool = True
    kept: int = 0
    ways: dict[_Way, bytearray] = field(default_factory=dict)

    def keep(self, way: _Way, data: bytes) -> None:
        room = self.limit - self.kept
        if room < len(data):
            self.complete = False
            data = data[:room]
        self.kept += len(data)
        if data:
            self.ways.setdefault(way, bytearray()).extend(data)

    def find(self, needle: bytes) -> str | None:
        return next((f"from {way.src}" for way, kept in sorted(self.ways.items()) if needle in kept), None)


class WireLog:
    """A network tap. `outsiders` are kept nearly whole, all other sites as a sample."""

    def __init__(self, sites: Iterable[str], outsiders: Iterable[str]) -> None:
        closely = frozenset(outsiders)
        self.sites = {site: SiteWire(KEPT_MAX_BYTES if site in closely else SAMPLE_MAX_BYTES) for site in sites}
        self._frames: dict[_Way, FrameReader] = {}

    def __call__(self, chunk: WireChunk) -> None:
        way = _Way(chunk.opener, chunk.conn_no, chunk.src, chunk.dst)
        reader = self._frames.get(way)
        data = chunk.data if reader is None else reader.feed(chunk.data)
        if chunk.dst == chunk.opener and chunk.data.startswith(_SWITCHED):
            # The client sends frames only after it has seen this answer.
            self._frames[way._replace(src=chunk.dst, dst=chunk.src)] = FrameReader()
        if chunk.dst in self.sites:
            self.sites[chunk.dst].keep(way, data)


class FrameReader:
    """Masked frames in chunks of any size -> their payloads in the clear."""

    def __init__(self) -> None:
        self._pending = bytearray()

    def feed(self, data: bytes) -> bytes:
        self._pending += data
        payloads = bytearray()
        while (frame := _first_frame(self._pending)) is not None:
            payloads += frame.payload
            del self._pending[: frame.size]
        return bytes(payloads)


class _Frame(NamedTuple):
    size: int
    payload: bytes


def _first_frame(data: bytearray) -> _Frame | None:
    """The frame at the beginning of `data`, None while it is not all there (RFC 6455, 5.2)."""
    if len(data) < 2:
        return None
    length_bytes = {126: 2, 127: 8}.get(data[1] & _LENGTH, 0)
    mask_bytes = _MASK_BYTES if data[1] & _MASKED else 0
    start = 2 + length_bytes + mask_bytes
    if len(data) < start:
        return None
    length = int.from_bytes(data[2 : 2 + length_bytes], "big") if length_bytes else data[1] & _LENGTH
    if len(data) < start + length:
        return None
    return _Frame(start + length, unmask(bytes(data[start : start + length]), bytes(data[start - mask_bytes : start])))


def unmask(payload: bytes, key: bytes) -> bytes:
    """XOR with the repeated key, as one large number: bytes one by one would take most of a run's time."""
    if not key or not payload:
        return payload
    size = len(payload)
    mask = (key * (size // len(key) + 1))[:size]
    return (int.from_bytes(payload, "big") ^ int.from_bytes(mask, "big")).to_bytes(size, "big")


class Files(Protocol):
    """A disk that can be read: collab's `Disk` is one."""

    def names(self) -> list[str]: ...

    def read(self, name: str) -> bytes: ...


@dataclass(frozen=True, slots=True)
class SiteDisk:
    """The files of one site, names and contents."""

    files: Files
    complete: bool = True

    def find(self, needle: bytes) -> str | None:
        return next(
            (
                f"file {name}"
                for name in self.files.names()
                if needle in name.encode() or needle in self.files.read(name)
            ),
            None,
        )


def search_disks(disks: Mapping[str, Files]) -> dict[str, SiteDisk]:
    return {site: SiteDisk(files) for site, files in disks.items()}
