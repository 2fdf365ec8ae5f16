"""What the record costs, in figures to read by hand: `python benchmarks/record.py`.

Budgets (one core): a slot write with its update 50 us; an update applied, its changes told, 400 us; one record with
200 members converges in 2 s of CPU after one edit at each; 100 records of 20 objects and 3 members in 0.5 s.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from collab.record.overlay import neighbours
from collab.record.record import Record
from collab.record.slots import ObjectId, field_path

GID = "s000~x.1"
TEAM = ObjectId("namespaces", "team")


@contextmanager
def timed(what: str, count: int) -> Iterator[None]:
    start = time.process_time()
    yield
    spent = time.process_time() - start
    print(f"{what:<66} {spent * 1e6 / count:10.1f} us each {spent:8.3f} s")


def shared_record(members: int, gid: str = GID) -> list[Record]:
    """One record with its members, all in step."""
    records = [Record(gid, f"s{number:03}~x") for number in range(members)]
    owner = records[0]
    owner.write(owner.edit.genesis(api_version="v1", kind="namespaces", name="team"))
    invitations = {record.edit.site: owner.edit.new_id() for record in records[1:]}
    for site, inv in invitations.items():
        owner.write(owner.edit.membership(site, inv=inv, address=f"http://{site}:8080"))
    for record in records[1:]:
        record.apply(owner.document.diff())
        owner.apply(record.write(record.edit.answer(record.edit.site, invitations[record.edit.site], "accepted")))
    for record in records[1:]:
        record.apply(owner.document.diff(record.document.state_vector()))
    return records


def label(number: int) -> str:
    return field_path("metadata", "labels", f"key-{number}")


def edits_of_one(count: int, members: int) -> None:
    paris, rennes = shared_record(members)[:2]
    updates = []
    with timed(f"write one label, {members} members", count):
        for number in range(count):
            updates.append(paris.write(paris.edit.set_fields(TEAM, {label(number % 40): str(number)})))
    with timed(f"apply it and tell the changes, {members} members", count):
        for update in updates:
            changes = rennes.apply(update)
            rennes.view.covered("s001", changes.keys)
    with timed(f"digest after a change, {members} members", 50):
        for number in range(50):
            paris.write(paris.edit.set_fields(TEAM, {label(0): f"x{number}"}))
            paris.document.digest()
    with timed(f"digest without a change, {members} members", count):
        for _ in range(count):
            paris.document.digest()


def an_edit_at_each(members: int) -> None:
    records = {record.edit.site: record for record in shared_record(members)}
    links = {site: neighbours(GID, records, site) for site in records}
    applied = 0
    with timed(f"one edit at each of {members}, flooded over the overlay", members * members):
        for number, (site, record) in enumerate(records.items()):
            update = record.write(record.edit.set_fields(TEAM, {label(number): site}))
            queue, reached = [site], {site}
            while queue:
                for other in links[queue.pop()]:
                    if other not in reached:
                        reached.add(other)
                        queue.append(other)
                        records[other].apply(update)
                        applied += 1
    assert applied == members * (members - 1)
    assert len({record.document.value_digest() for record in records.values()}) == 1


def many_records(count: int, objects: int, members: int) -> None:
    def build(number: int) -> None:
        gid = f"s000~x.{number}"
        records = shared_record(members, gid)
        owner = records[0]
        slots: dict[str, str] = {}
        for item in range(objects):
            slots |= owner.edit.add_object(ObjectId("configmaps", f"c{item}"), {field_path("data", "k"): "v"})
        owner.write(slots)
        for record in records[1:]:
            record.apply(owner.document.diff(record.document.state_vector()))
            assert record.document.digest() == owner.document.digest()

    with timed(f"a record of {objects} objects and {members} members, built and synced", count):
        repeat(build, count)


def repeat(act: Callable[[int], None], count: int) -> None:
    for number in range(count):
        act(number)


if __name__ == "__main__":
    edits_of_one(2000, 3)
    edits_of_one(2000, 200)
    with timed("a record of 200 members, made", 200):
        shared_record(200)
    an_edit_at_each(200)
    many_records(100, 20, 3)
