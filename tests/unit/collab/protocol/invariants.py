"""What must hold of a federation once all links are healed, all agents run, and nothing moves any more."""

from __future__ import annotations

import json
import random

from collab.protocol.boot import read_record
from collab.protocol.core import SiteCore
from collab.protocol.entries import RECORD_PREFIX
from collab.protocol.facts import Booted, Identity
from collab.protocol.names import SiteName
from collab.protocol.replica import Replica
from collab.record.record import Record
from tests.unit.collab.protocol.federation import Federation


def check_quiescent(world: Federation, name: str = "team") -> None:
    """Raises AssertionError naming the invariant. Records of one name with different gids are each checked."""
    held = world.held_by(name)
    for gid in sorted({replica.gid for replica in held.values()}):
        check_record(world, {site: one for site, one in held.items() if one.gid == gid}, name)
    for site, node in world.nodes.items():
        expected = {RECORD_PREFIX + one.gid for at, one in held.items() if at == site}
        on_disk = {journal for journal in node.disk if journal.startswith(RECORD_PREFIX)}
        assert on_disk == expected, f"C7: {site} keeps {on_disk}, holds {expected}"


def check_record(world: Federation, held: dict[str, Replica], name: str) -> None:
    views = {site: replica.view for site, replica in held.items()}
    members = {site: sorted(at for at, row in view.members().items() if row.is_member) for site, view in views.items()}
    for site, known in members.items():
        assert known == sorted(held), f"membership: {site} counts {known}, held by {sorted(held)}"
    digests = {site: replica.record.document.digest() for site, replica in held.items()}
    assert len(set(digests.values())) == 1, f"C1: digests differ: {digests}"
    values = {replica.record.document.value_digest() for replica in held.values()}
    assert len(values) == 1, "C1: value digests differ"
    owners = {view.acting for view in views.values()}
    assert len(owners) == 1, f"C3: owners {owners}"
    assert owners <= set(held), f"C3: owner {owners} is no member"
    acting = [site for site, replica in held.items() if replica.acting]
    assert acting == list(owners), f"C3: acting {acting}"
    contents = {site: shared_content(world, site, held[site], name) for site in held}
    assert len({json.dumps(content, sort_keys=True) for content in contents.values()}) == 1, (
        f"C2: twins differ: {contents}"
    )
    assert all(content["labels"] is not None for content in contents.values()), "C2: a member without its namespace"
    assert all(not view.tombstones() for view in views.values()), "a tombstone that nobody asked for"
    for site, replica in held.items():
        check_fresh_load(world, site, replica)


def shared_content(world: Federation, site: str, replica: Replica, name: str) -> dict[str, object]:
    """What the record shares of the namespace: its labels, and ConfigMaps if it names that kind."""
    content = world.kube(site).content(name)
    policy = replica.view.policy
    return content if policy is not None and "configmaps" in policy.kinds else {"labels": content["labels"]}


def check_fresh_load(world: Federation, site: str, replica: Replica) -> None:
    """C1: what a fresh load of the state, and one of the journal, say is what the site says."""
    digest = replica.record.document.digest()
    saved = read_record(replica.gid, world.nodes[site].disk[RECORD_PREFIX + replica.gid])
    for updates in ([replica.record.document.diff()], saved.updates):
        fresh = Record(replica.gid, f"{site}~fresh")
        fresh.load(updates)
        assert fresh.document.digest() == digest, f"C1: a fresh load at {site} differs"
        fresh.close()


def claims(world: Federation, name: str = "team") -> dict[tuple[str, str], tuple[int, int, str]]:
    """Per site and record the largest claim it knows: O1 says that it never goes down while the site holds it."""
    found: dict[tuple[str, str], tuple[int, int, str]] = {}
    for site, replica in world.held_by(name).items():
        claim = replica.view.claim
        if claim is not None:
            found[site, replica.gid] = (claim.e, claim.rk, claim.o)
    return found


def boots_alike(world: Federation, site: str) -> None:
    """C6: what the disk says is enough: a core booted from it shows the same records."""
    node = world.nodes[site]
    core = SiteCore(random.Random(1))
    identity = Identity(site=SiteName(site), uid=f"uid-of-{site}", address=f"http://{site}:8800")
    core.step(Booted(identity=identity, journals=node.disk), world.now)
    assert core.records()["records"] is not None
    for gid in sorted({replica.gid for replica in world.held_by().values()}):
        mine, theirs = core.replica(gid), world.core(site).replica(gid)
        assert (mine is None) == (theirs is None)
        if mine is not None and theirs is not None:
            assert mine.record.document.digest() == theirs.record.document.digest()
