"""The core's journals on a disk: read once at the start, then only appended to, replaced or removed."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from collab.agent import journal
from collab.agent.disk import Disk
from collab.protocol.actions import Drop, Persist, Rewrite

SET_ASIDE = ".corrupt"
LEFTOVERS = "leftovers"
"""A journal that the shell keeps for itself (leftovers.py): none of the core's."""


class DamagedJournal(Exception):
    """A journal that was once whole and is not any more. Nothing was changed on the disk. `advice` is the way out."""

    def __init__(self, name: str, damaged_at: int) -> None:
        super().__init__(f"journal {name}: bad checksum at byte {damaged_at}")
        self.advice = (
            f"restore it from a backup, or start with --recovered, which keeps it as {name}{SET_ASIDE} "
            "and asks the peers for what is missing"
        )


def load(disk: Disk, *, recovered: bool, note: Callable[[str], None]) -> dict[str, tuple[bytes, ...]]:
    """Every journal's entries. A torn tail is cut; what was done is told to `note`.

    A damaged journal raises DamagedJournal, unless `recovered`: then the whole file is kept under NAME.corrupt, and
    the journal goes on from its entries before the damage, as it would from a backup.
    """
    names = [name for name in disk.names() if SET_ASIDE not in name and name != LEFTOVERS]
    return {name: _entries(disk, name, recovered, note) for name in names}


def _entries(disk: Disk, name: str, recovered: bool, note: Callable[[str], None]) -> tuple[bytes, ...]:
    data = disk.read(name)
    contents = journal.read(data)
    if contents.damaged_at is not None:
        if not recovered:
            raise DamagedJournal(name, contents.damaged_at)
        aside = _free_name(disk, name + SET_ASIDE)
        disk.replace(aside, data)
        note(f"journal {name}: damaged at byte {contents.damaged_at}, kept as {aside}")
    elif contents.whole < len(data):
        note(f"journal {name}: cut a torn tail of {len(data) - contents.whole} bytes at byte {contents.whole}")
    if contents.whole < len(data):
        disk.replace(name, data[: contents.whole])
    return contents.payloads


def _free_name(disk: Disk, wanted: str) -> str:
    taken = set(disk.names())
    name, n = wanted, 1
    while name in taken:
        n += 1
        name = f"{wanted}.{n}"
    return name


def write(disk: Disk, changes: Iterable[Persist | Rewrite | Drop]) -> None:
    """Carry out the changes in order, appends to one journal that stand together as one; durable on return."""
    waiting: dict[str, list[bytes]] = {}
    for change in changes:
        if isinstance(change, Persist):
            waiting.setdefault(change.journal, []).extend(change.entries)
            continue
        _append(disk, waiting)
        if isinstance(change, Rewrite):
            disk.replace(change.journal, journal.frames(change.entries))
        else:
            disk.remove(change.journal)
    _append(disk, waiting)


def _append(disk: Disk, waiting: dict[str, list[bytes]]) -> None:
    for name, entries in waiting.items():
        disk.append(name, journal.frames(entries))
    waiting.clear()
