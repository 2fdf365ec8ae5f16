"""Who talks to whom in a record: a mesh up to 8 members, above that a ring with chords. Pure.

A mesh of 200 members would be 19,900 connections; the ring with chords at distance 2^k has 1,400 and is 4 hops wide.
Who sits where depends on the record, so no site is a neighbour in every record.
"""

import hashlib
from collections.abc import Iterable
from typing import Final

MESH_LIMIT: Final = 8


def ring(gid: str, members: Iterable[str]) -> list[str]:
    """The members in the record's own order: by sha256 of record and site."""
    return sorted(set(members), key=lambda site: (hashlib.sha256(f"{gid}\0{site}".encode()).digest(), site))


def neighbours(gid: str, members: Iterable[str], site: str) -> tuple[str, ...]:
    """The members that `site` keeps a link to, sorted; none for a site that is no member.

    Symmetric for equal views: if b is a neighbour of a, a is one of b.
    """
    order = ring(gid, members)
    if site not in order:
        return ()
    if len(order) <= MESH_LIMIT:
        return tuple(sorted(member for member in order if member != site))
    at = order.index(site)
    found = {order[(at + step) % len(order)] for chord in _chords(len(order)) for step in (chord, -chord)}
    return tuple(sorted(found - {site}))


def _chords(size: int) -> list[int]:
    """1, 2, 4, ... up to half the ring: beyond that the other way round is shorter."""
    return [1 << k for k in range(size.bit_length()) if 1 << k <= size // 2]
