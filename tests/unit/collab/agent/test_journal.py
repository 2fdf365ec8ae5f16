"""Every cut of a journal is a torn tail, every flipped bit before the tail is damage."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from collab.agent import journal
from collab.agent.journal import HEADER_SIZE

payloads = st.lists(st.binary(max_size=20), max_size=5)


@given(payloads)
def test_what_was_framed_is_read(entries: list[bytes]) -> None:
    data = journal.frames(entries)
    assert journal.read(data) == journal.Contents(payloads=tuple(entries), whole=len(data))


@given(payloads, st.data())
def test_any_cut_is_a_torn_tail_that_loses_whole_frames_only(entries: list[bytes], data: st.DataObject) -> None:
    whole = journal.frames(entries)
    cut = data.draw(st.integers(0, len(whole)))

    contents = journal.read(whole[:cut])

    assert contents.damaged_at is None
    assert contents.payloads == tuple(entries[: len(contents.payloads)])
    assert cut - contents.whole < HEADER_SIZE + 20


@given(st.lists(st.binary(max_size=20), min_size=2, max_size=5), st.data())
def test_a_flipped_bit_before_the_last_frame_is_damage_with_its_place(
    entries: list[bytes], data: st.DataObject
) -> None:
    ruined = bytearray(journal.frames(entries))
    last = len(journal.frames(entries[:-1]))
    position = data.draw(st.integers(0, last - 1))
    ruined[position] ^= 1 << data.draw(st.integers(0, 7))

    contents = journal.read(bytes(ruined))

    assert contents.damaged_at is not None
    assert contents.damaged_at <= position
    assert contents.damaged_at == len(journal.frames(entries[: len(contents.payloads)]))


def test_an_end_that_was_never_filled_is_a_torn_tail() -> None:
    whole = journal.frames([b"one", b"two"])
    contents = journal.read(whole + bytes(4096))
    assert (contents.payloads, contents.whole, contents.damaged_at) == ((b"one", b"two"), len(whole), None)


def test_a_last_payload_that_was_half_written_is_a_torn_tail() -> None:
    first, last = journal.frame(b"one"), journal.frame(b"twotwo")
    contents = journal.read(first + last[:-3] + bytes(3))
    assert (contents.payloads, contents.whole, contents.damaged_at) == ((b"one",), len(first), None)
