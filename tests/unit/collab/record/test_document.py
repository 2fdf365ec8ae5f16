"""The document: what it accepts, what it refuses, and what it never does to itself."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager

import pycrdt
import pytest

from collab.record.document import BadUpdate, Document, Gap, Poisoned, client_id
from collab.record.updates import clocks_bytes, joined_ranges, read_clocks, read_shape

GID = "paris~x.1"
OWN = "own|paris~1"
FIELD = "f/configmaps/app/1/f:data/f:colour|paris~1"


@contextmanager
def documents(*writers: str) -> Iterator[list[Document]]:
    opened = [Document(GID, writer) for writer in writers]
    yield opened
    for document in opened:
        document.close()


def test_a_write_is_one_update_that_brings_a_peer_to_the_same_state() -> None:
    with documents("paris~1", "rennes~1") as (paris, rennes):
        update = paris.put({OWN: "1", FIELD: "2"})
        assert rennes.apply(update) == (FIELD, OWN)
        assert rennes.items() == paris.items() == [(FIELD, "2"), (OWN, "1")]
        assert (rennes.digest(), rennes.value_digest()) == (paris.digest(), paris.value_digest())


def test_what_is_there_already_is_not_written_again() -> None:
    with documents("paris~1") as (paris,):
        paris.put({OWN: "1"})
        assert paris.put({OWN: "1"}) == b""
        assert paris.put({}) == b""
        assert paris.remove(["mb/x|paris~1"]) == b""


def test_a_removal_travels() -> None:
    with documents("paris~1", "rennes~1") as (paris, rennes):
        rennes.apply(paris.put({OWN: "1", FIELD: "2"}))
        assert rennes.apply(paris.put({OWN: "3"}, [FIELD])) == (FIELD, OWN)
        assert rennes.items() == [(OWN, "3")]
        assert rennes.digest() == paris.digest()


def test_a_removal_alone_leaves_no_trace_in_the_state_vector() -> None:
    with documents("paris~1", "paris~2", "rennes~1") as (paris, later, rennes):
        update = paris.put({OWN: "1"})
        later.apply(update)
        rennes.apply(update)
        rennes.apply(later.remove([OWN]))
        assert later.state_vector() == rennes.state_vector() == paris.state_vector()
        assert later.digest() == rennes.digest()


def test_a_repeated_update_changes_nothing() -> None:
    with documents("paris~1", "rennes~1") as (paris, rennes):
        update = paris.put({OWN: "1"})
        rennes.apply(update)
        digest = rennes.digest()
        assert rennes.apply(update) == ()
        assert rennes.digest() == digest


def test_an_update_whose_base_is_not_covered_changes_nothing() -> None:
    with documents("paris~1", "rennes~1") as (paris, rennes):
        first, second = paris.put({OWN: "1"}), paris.put({OWN: "2"})
        with pytest.raises(Gap):
            rennes.apply(second)
        assert rennes.items() == []
        assert rennes.state_vector() == b"\x00"
        rennes.apply(first)
        rennes.apply(second)
        assert rennes.digest() == paris.digest()


def test_a_batch_is_taken_in_order_or_not_at_all() -> None:
    with documents("paris~1", "rennes~1") as (paris, rennes):
        updates = [paris.put({OWN: "1"}), paris.put({OWN: "2"}), paris.put({FIELD: "3"})]
        batch = [(update, read_shape(update)) for update in updates]
        with pytest.raises(Gap):
            rennes.apply_all([batch[0], batch[2]])
        assert rennes.state_vector() == b"\x00"
        assert rennes.apply_all(batch) == (FIELD, OWN)
        assert (rennes.items(), rennes.digest()) == (paris.items(), paris.digest())


def test_a_removal_whose_base_is_not_covered_is_a_gap_too() -> None:
    with documents("paris~1", "rennes~1") as (paris, rennes):
        paris.put({OWN: "1"})
        with pytest.raises(Gap):
            rennes.apply(paris.remove([OWN]))


def test_a_base_is_covered_once_everything_in_it_is_here() -> None:
    with documents("paris~1", "rennes~1") as (paris, rennes):
        first, base = paris.put({OWN: "1"}), paris.state_vector()
        paris.put({OWN: "2"})
        assert not rennes.covers(base)
        rennes.apply(first)
        assert rennes.covers(base)
        assert rennes.covers(rennes.state_vector())
        assert not rennes.covers(paris.state_vector())


def test_a_diff_holds_what_the_other_lacks() -> None:
    with documents("paris~1", "rennes~1") as (paris, rennes):
        rennes.apply(paris.put({OWN: "1"}))
        paris.put({FIELD: "2"})
        assert rennes.apply(paris.diff(rennes.state_vector())) == (FIELD,)
        assert rennes.digest() == paris.digest()


def test_a_journal_loads_to_the_same_document() -> None:
    with documents("paris~1", "rennes~1", "paris~2") as (paris, rennes, again):
        journal = [paris.put({OWN: "1"}), rennes.put({"own|rennes~1": "1"}), paris.put({OWN: "2"}), paris.remove([OWN])]
        again.load(journal)
        paris.apply(journal[1])
        assert again.digest() == paris.digest()
        assert again.writer == "paris~2"


def test_the_state_vector_is_the_same_bytes_in_every_replica() -> None:
    with documents("ana~1", "bob~1", "cid~1") as trio:
        updates = [document.put({f"own|{document.writer}": "1"}) for document in trio]
        for document in trio:
            for update in updates if document is trio[0] else reversed(updates):
                document.apply(update)
        assert len({document.state_vector() for document in trio}) == 1
        assert len({document.digest() for document in trio}) == 1


def test_the_size_is_that_of_keys_and_values() -> None:
    with documents("paris~1") as (paris,):
        paris.put({OWN: "12345"})
        paris.put({OWN: "1"})
        assert paris.size == len(OWN) + 1
        paris.remove([OWN])
        assert (paris.size, len(paris)) == (0, 0)


def test_the_client_id_is_a_hash_of_writer_and_document() -> None:
    digest = hashlib.sha256(b"paris~1\0" + GID.encode()).digest()
    assert client_id("paris~1", GID) == int.from_bytes(digest, "big") >> (256 - 53)
    assert client_id("paris~1", GID) != client_id("paris~2", GID) != client_id("paris~1", "other~1.1")


# -- what comes from outside ----------------------------------------------------------------------------------------


def good_update() -> bytes:
    with documents("paris~1") as (paris,):
        paris.put({OWN: "1", FIELD: "2"})
        paris.put({OWN: "3"})
        paris.remove([FIELD])
        return paris.diff()


@pytest.mark.parametrize("cut", range(len(good_update())))
def test_a_cut_update_is_refused_and_changes_nothing(cut: int) -> None:
    with documents("rennes~1") as (rennes,):
        with pytest.raises((BadUpdate, Gap)):
            rennes.apply(good_update()[:cut])
        assert rennes.items() == []


@pytest.mark.parametrize("at", range(len(good_update())))
def test_a_garbled_byte_is_refused_or_read_and_never_kills_the_document(at: int) -> None:
    garbled = bytearray(good_update())
    garbled[at] ^= 0x55
    with documents("rennes~1", "paris~2") as (rennes, paris):
        try:
            rennes.apply(bytes(garbled))
        except (BadUpdate, Gap):
            assert rennes.items() == []
        except Poisoned:
            return
        assert len(paris.put({"own|paris~2": "1"})) > 2


def foreign(change: str) -> bytes:
    doc: pycrdt.Doc[pycrdt.Map[object]] = pycrdt.Doc(client_id=7)
    slots: pycrdt.Map[object] = doc.get("other" if change == "root" else "slots", type=pycrdt.Map)
    values: dict[str, object] = {
        "root": "text",
        "nested": pycrdt.Map({"a": "b"}),
        "number": 3.5,
        "dict": {"a": "b"},
        "bytes": b"raw",
        "text": pycrdt.Text("hello"),
    }
    slots["own|paris~1"] = values[change]
    return doc.get_update()


@pytest.mark.parametrize("change", ["root", "nested", "number", "dict", "bytes", "text"])
def test_anything_but_a_flat_map_of_text_is_refused_before_yrs_sees_it(change: str) -> None:
    with documents("rennes~1") as (rennes,):
        with pytest.raises(BadUpdate):
            rennes.apply(foreign(change))
        assert rennes.state_vector() == b"\x00"


def test_a_panic_inside_closes_the_document_for_good(monkeypatch: pytest.MonkeyPatch) -> None:
    class Panic(BaseException):
        """As pyo3's PanicException: no Exception."""

    def panic(_: bytes) -> None:
        raise Panic("called `Option::unwrap()` on a `None` value")

    with documents("paris~1", "rennes~1") as (paris, rennes):
        update = paris.put({OWN: "1"})
        monkeypatch.setattr(rennes._doc, "apply_update", panic)
        with pytest.raises(Poisoned, match="unwrap"):
            rennes.apply(update)
        monkeypatch.undo()
        with pytest.raises(Poisoned, match="closed"):
            rennes.apply(update)
        with pytest.raises(Poisoned, match="closed"):
            rennes.put({"own|rennes~1": "1"})


@pytest.mark.parametrize("garbage", [b"", b"\x01", b"\x01\x05", b"\x00\x00", b"\xff" * 12])
def test_a_garbage_state_vector_is_refused(garbage: bytes) -> None:
    with documents("paris~1") as (paris,):
        with pytest.raises(BadUpdate):
            paris.covers(garbage)
        with pytest.raises(BadUpdate):
            paris.diff(garbage)


def test_an_update_says_what_it_holds() -> None:
    with documents("paris~1") as (paris,):
        client = client_id("paris~1", GID)
        paris.put({OWN: "1"})
        shape = read_shape(paris.put({OWN: "2", FIELD: "x"}))
        assert (shape.first, shape.end, shape.needs) == ({client: 1}, {client: 3}, {client: 1})
        assert shape.writes == 2
        assert set(shape.entries) == {(None, "2"), (FIELD, "x")}
        assert shape.deletes == {client: ((0, 1),)}


def test_clocks_and_ranges_have_one_form() -> None:
    clocks = {300: 2, 5: 1 << 40}
    assert read_clocks(clocks_bytes(clocks)) == clocks
    assert clocks_bytes(clocks) == clocks_bytes(dict(reversed(clocks.items())))
    assert joined_ranges([(5, 6), (0, 2), (2, 4), (1, 3)]) == ((0, 4), (5, 6))
