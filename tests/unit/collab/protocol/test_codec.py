"""Frames: every message comes back as it was, and whatever else arrives is refused in one way."""

from __future__ import annotations

import contextlib
import zlib
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collab.protocol.codec import DEFLATE_ABOVE, MAX_FRAME, MAX_PAYLOAD, FrameError, decode, encode
from collab.protocol.messages import (
    MESSAGE_TYPES,
    Ack,
    Diff,
    Exit,
    Exited,
    Have,
    Hello,
    Invite,
    Message,
    Nack,
    Offer,
    Op,
    Ping,
    Refuse,
    Want,
)
from collab.protocol.names import RecordId, SiteName
from collab.record.slots import OwnerStamp, Policy, Root, Stamp

GID = RecordId("a~00ff.1")
ONE_OF_EACH: list[Message] = [
    Hello(
        site=SiteName("a"),
        uid="u",
        boot="b",
        proto=1,
        address="http://a",
        docs=(Offer(doc=GID, digest="d", sv=b"\x00"),),
    ),
    Invite(
        doc=GID,
        inv="a~00ff.1",
        root=Root(t=Stamp(1, "a~00ff"), apiVersion="v1", kind="namespaces", name="team", creator="a"),
        policy=Policy(t=OwnerStamp(0, 1, "a", 2, "a~00ff"), kinds=("configmaps",)),
        owner=SiteName("a"),
        addresses={"a": "http://a"},
    ),
    Refuse(doc=GID, inv="i", code=409),
    Have(doc=GID, digest="d"),
    Want(doc=GID, sv=b"\x00", inv="i"),
    Diff(doc=GID, base=b"\x00", after=b"\x01\x02\x03", upd=b"update"),
    Op(doc=GID, seq=3, base=b"\x00", upd=(b"one", b"", b"three")),
    Ack(doc=GID, sv=b"\x00", seq=3),
    Nack(doc=GID, reason="gap"),
    Exit(doc=GID, stamp=OwnerStamp(1, 0, "b", 7, "b~1"), mode="exit", policy="delete"),
    Exit(doc=GID, stamp=None, mode="destroyed"),
    Exited(doc=GID, an={"a~00ff.1": "left"}, diff=b"last"),
    Ping(),
]


@pytest.mark.parametrize("message", ONE_OF_EACH, ids=lambda message: type(message).__name__)
def test_a_message_comes_back_as_it_was(message: Message) -> None:
    assert decode(encode(message)) == message


def test_the_list_is_complete() -> None:
    assert {type(message) for message in ONE_OF_EACH} == set(MESSAGE_TYPES.values())


def test_a_large_diff_is_deflated() -> None:
    diff = Diff(doc=GID, base=b"", after=b"", upd=b"slot" * DEFLATE_ABOVE)
    frame = encode(diff)
    assert len(frame) < DEFLATE_ABOVE
    assert decode(frame) == diff


def test_an_inflating_bomb_is_refused_before_it_inflates() -> None:
    bomb = zlib.compress(b"\0" * (MAX_PAYLOAD + 1), 9)
    header = encode(Diff(doc=GID, base=b"", after=b"", upd=b"x" * (DEFLATE_ABOVE + 1)))
    size = int.from_bytes(header[:4], "big")
    with pytest.raises(FrameError, match="over"):
        decode(header[: 4 + size] + bomb)


@pytest.mark.parametrize(
    "frame",
    [
        b"",
        b"\x00",
        b"\x00\x00\x00\x02{}",
        b"\xff\xff\xff\xff{}",
        b"\x00\x00\x00\x15" + b'{"m":"NO_SUCH","b":{}}',
        b"\x00" * (MAX_FRAME + 1),
        encode(Have(doc=RecordId("../../etc/passwd"), digest="")),
        encode(Ping()) + b"trailing",
        encode(Op(doc=GID, seq=1, base=b"", upd=(b"one",)))[:-1],
    ],
    ids=["empty", "one byte", "no members", "long header", "unknown", "too large", "bad id", "trailing", "cut"],
)
def test_anything_else_is_a_frame_error(frame: bytes) -> None:
    with pytest.raises(FrameError):
        decode(frame)


@given(st.binary(max_size=300))
def test_reading_is_total(data: bytes) -> None:
    with contextlib.suppress(FrameError):
        decode(data)


@given(st.integers(0, len(ONE_OF_EACH) - 1), st.integers(0, 400), st.binary(max_size=4))
def test_reading_damaged_frames_is_total(which: int, at: int, patch: bytes) -> None:
    frame = encode(ONE_OF_EACH[which])
    with contextlib.suppress(FrameError):
        decode(frame[:at] + patch + frame[at + len(patch) :])


def test_a_frame_is_the_same_every_time() -> None:
    message = cast(Exited, ONE_OF_EACH[11])
    assert encode(message) == encode(Exited(doc=message.doc, an=dict(message.an), diff=message.diff))
