"""The wire log: finds what was said, through masks and across chunks, and admits what it did not keep."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaos.virtual.trace import WireChunk
from chaos.worlds.wire import SAMPLE_MAX_BYTES, FrameReader, SiteDisk, SiteWire, WireLog, unmask
from collab.agent.disk import MemoryDisk

SWITCHED = b"HTTP/1.1 101 Switching Protocols\r\n\r\n"


def masked(payload: bytes, key: bytes = b"\x11\x22\x33\x44") -> bytes:
    """A client's binary frame, as in RFC 6455, 5.2."""
    size = len(payload)
    if size < 126:
        length = bytes([0x80 | size])
    elif size < 65536:
        length = bytes([0x80 | 126]) + size.to_bytes(2, "big")
    else:
        length = bytes([0x80 | 127]) + size.to_bytes(8, "big")
    return b"\x82" + length + key + bytes(byte ^ key[index % 4] for index, byte in enumerate(payload))


def chunk(src: str, dst: str, data: bytes, opener: str = "a") -> WireChunk:
    return WireChunk(0, src, dst, 1, opener, data)


def log_of(*chunks: WireChunk) -> WireLog:
    log = WireLog(["a", "b"], outsiders=["b"])
    for each in chunks:
        log(each)
    return log


def test_the_example_of_the_rfc_is_unmasked() -> None:
    """RFC 6455, 5.7: a masked `Hello`."""
    assert FrameReader().feed(bytes.fromhex("818537fa213d7f9f4d5158")) == b"Hello"


@given(payloads=st.lists(st.binary(max_size=300), max_size=5), cut=st.integers(1, 50), seed=st.integers())
def test_frames_in_chunks_of_any_size_give_their_payloads(payloads: list[bytes], cut: int, seed: int) -> None:
    rng = Random(seed)
    stream = b"".join(masked(payload, rng.randbytes(4)) for payload in payloads)
    reader = FrameReader()
    assert b"".join(reader.feed(stream[start : start + cut]) for start in range(0, len(stream), cut)) == b"".join(
        payloads
    )


@pytest.mark.parametrize("size", [0, 125, 126, 65535, 65536, 70000])
def test_frames_of_every_length_form(size: int) -> None:
    payload = Random(size).randbytes(size)
    assert FrameReader().feed(masked(payload)) == payload


def test_unmasking_is_its_own_inverse() -> None:
    assert unmask(unmask(b"namespaces/team", b"key!"), b"key!") == b"namespaces/team"


def test_what_a_client_says_in_masked_frames_is_found_at_the_server() -> None:
    log = log_of(
        chunk("a", "b", b"GET /collab/v1/peer HTTP/1.1\r\n\r\n"),
        chunk("b", "a", SWITCHED),
        chunk("a", "b", masked(b'{"INVITE":"a~1.1"}')[:9]),
        chunk("a", "b", masked(b'{"INVITE":"a~1.1"}')[9:]),
    )
    assert log.sites["b"].find(b"a~1.1") == "from a"
    assert log.sites["a"].find(b"a~1.1") is None


def test_what_a_server_says_in_frames_is_found_at_the_client() -> None:
    log = log_of(chunk("b", "a", SWITCHED), chunk("b", "a", b"\x82\x05a~1.1"))
    assert log.sites["a"].find(b"a~1.1") == "from b"


def test_http_is_found_across_chunks() -> None:
    log = log_of(chunk("a", "b", b"POST /api/v1/namespaces/te"), chunk("a", "b", b"am"))
    assert log.sites["b"].find(b"team") == "from a"


def test_two_connections_are_not_read_as_one() -> None:
    log = log_of(chunk("a", "b", b"te"), WireChunk(0, "a", "b", 2, "a", b"am"))
    assert log.sites["b"].find(b"team") is None


def test_what_does_not_fit_is_dropped_and_admitted() -> None:
    log = log_of(chunk("b", "a", b"x" * SAMPLE_MAX_BYTES), chunk("b", "a", b"team"))
    assert (log.sites["a"].find(b"team"), log.sites["a"].complete) == (None, False)
    assert log.sites["b"].complete
    assert log.sites["a"].kept == SAMPLE_MAX_BYTES


def test_a_needle_in_the_part_that_fitted_is_found() -> None:
    wire = SiteWire(limit=4)
    wire.keep(("a", 1, "a", "b"), b"team and more")  # type: ignore[arg-type]  # any key will do
    assert wire.kept == 4


def test_a_disk_is_searched_by_name_and_by_content() -> None:
    disk = MemoryDisk()
    disk.append("a~1.1.journal", b"...namespaces/team...")
    assert SiteDisk(disk).find(b"team") == "file a~1.1.journal"
    assert SiteDisk(disk).find(b"a~1.1") == "file a~1.1.journal"
    assert SiteDisk(disk).find(b"b~1.1") is None
