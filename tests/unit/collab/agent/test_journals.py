"""Journals on a disk: torn tails cut, damage refused or set aside, nothing lost."""

from __future__ import annotations

import pytest

from collab.agent import journal
from collab.agent.disk import MemoryDisk
from collab.agent.journals import DamagedJournal, load


def disk_with(data: bytes) -> MemoryDisk:
    disk = MemoryDisk()
    disk.append("record.x", data)
    return disk


def test_a_torn_tail_is_cut_so_that_what_follows_is_readable() -> None:
    notes: list[str] = []
    disk = disk_with(journal.frames([b"one", b"two"])[:-1])

    assert load(disk, recovered=False, note=notes.append) == {"record.x": (b"one",)}

    disk.append("record.x", journal.frame(b"three"))
    assert load(disk, recovered=False, note=notes.append) == {"record.x": (b"one", b"three")}
    assert len(notes) == 1
    assert "record.x: cut a torn tail of 14 bytes at byte 15" in notes[0]


def damaged() -> bytes:
    data = bytearray(journal.frames([b"one", b"two", b"three"]))
    data[20] ^= 1
    return bytes(data)


def test_damage_is_refused_with_file_and_byte_and_nothing_is_changed() -> None:
    disk = disk_with(damaged())
    with pytest.raises(DamagedJournal, match=r"record\.x: bad checksum at byte 15$") as raised:
        load(disk, recovered=False, note=print)
    assert "--recovered" in raised.value.advice
    assert disk.files == {"record.x": damaged()}


def test_a_recovering_start_keeps_the_damaged_file_and_goes_on_from_before_the_damage() -> None:
    notes: list[str] = []
    disk = disk_with(damaged())
    disk.append("record.x.corrupt", b"an older one")

    assert load(disk, recovered=True, note=notes.append) == {"record.x": (b"one",)}

    assert disk.files["record.x.corrupt"] == b"an older one"
    assert disk.files["record.x.corrupt.2"] == damaged()
    assert "kept as record.x.corrupt.2" in notes[0]
    assert load(disk, recovered=False, note=notes.append) == {"record.x": (b"one",)}
