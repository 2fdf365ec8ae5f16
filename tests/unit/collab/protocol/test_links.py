"""Links between cores: crossing dials, bad frames, gaps, overflow, silence, and an agent that restarts."""

from __future__ import annotations

import random

import pytest

from collab.protocol.actions import Hangup, Transmit
from collab.protocol.codec import decode, encode
from collab.protocol.core import SiteCore
from collab.protocol.facts import Booted, ChannelClosed, ChannelOpened, FrameReceived, Identity, Woken
from collab.protocol.links import BACKOFF_CAP_S, Links
from collab.protocol.messages import (
    Ack,
    Diff,
    Exit,
    Exited,
    Have,
    Hello,
    Invite,
    Message,
    Nack,
    Op,
    Ping,
    Refuse,
    Want,
)
from collab.protocol.names import RecordId, SiteName
from collab.protocol.sync import MAX_PENDING
from collab.protocol.turn import Turn
from collab.record.slots import OwnerStamp, Policy, Root, Stamp
from tests.unit.collab.protocol.federation import TEAM, Federation, same_everywhere, shared


def lone_core() -> SiteCore:
    core = SiteCore(random.Random(1))
    identity = Identity(site=SiteName("b"), uid="uid-of-b", address="http://b:8800")
    core.step(Booted(identity=identity, journals={}), 0.0)
    return core


def hello(site: str = "a", boot: str = "1", uid: str = "uid-of-a", proto: int = 1) -> bytes:
    return encode(Hello(site=SiteName(site), uid=uid, boot=boot, proto=proto))


def hangs_up(core: SiteCore, channel: int, data: bytes) -> bool:
    actions = core.step(FrameReceived(channel=channel, data=data), 1.0)
    return any(isinstance(action, Hangup) and action.channel == channel for action in actions)


def sent(core: SiteCore, channel: int, data: bytes) -> list[Message]:
    actions = core.step(FrameReceived(channel=channel, data=data), 1.0)
    return [decode(action.frame) for action in actions if isinstance(action, Transmit)]


# -- HELLO --------------------------------------------------------------------------------------------------------


def test_a_caller_is_answered_with_a_hello() -> None:
    core = lone_core()
    core.step(ChannelOpened(channel=1, dialled=None), 0.0)
    (answer,) = sent(core, 1, hello())
    assert isinstance(answer, Hello)
    assert answer.site == "b"


@pytest.mark.parametrize(
    "data",
    [
        encode(Ping()),
        b"",
        b"\x00\x00\x00\xff{}",
        b"garbage that is no frame",
        hello(site="b"),
        hello(proto=99),
    ],
    ids=["before hello", "empty", "cut", "garbage", "my own name", "another protocol"],
)
def test_a_bad_first_frame_closes_the_channel(data: bytes) -> None:
    core = lone_core()
    core.step(ChannelOpened(channel=1, dialled=None), 0.0)
    assert hangs_up(core, 1, data)


def test_a_site_keeps_the_identity_it_was_first_seen_with() -> None:
    core = lone_core()
    core.step(ChannelOpened(channel=1, dialled=None), 0.0)
    assert not hangs_up(core, 1, hello())
    core.step(ChannelOpened(channel=2, dialled=None), 0.0)
    assert hangs_up(core, 2, hello(boot="2", uid="somebody-else"))


def test_another_site_than_the_dialled_one_is_not_talked_to() -> None:
    core = lone_core()
    core.step(ChannelOpened(channel=1, dialled=SiteName("c")), 0.0)
    assert hangs_up(core, 1, hello(site="a"))


def test_a_new_boot_closes_the_older_connection_and_drops_its_frames() -> None:
    core = lone_core()
    for channel, boot in ((1, "1"), (2, "2")):
        core.step(ChannelOpened(channel=channel, dialled=None), 0.0)
        actions = core.step(FrameReceived(channel=channel, data=hello(boot=boot)), 1.0)
    assert [action.channel for action in actions if isinstance(action, Hangup)] == [1]
    assert core.step(FrameReceived(channel=1, data=encode(Ping())), 2.0) == []


def test_of_two_crossing_connections_the_lower_name_s_stays() -> None:
    for mine_first in (True, False):
        core = lone_core()  # site b: a is the lower name, so the one that a dialled stays
        order = [(1, SiteName("a")), (2, None)] if mine_first else [(2, None), (1, SiteName("a"))]
        actions = []
        for channel, dialled in order:
            core.step(ChannelOpened(channel=channel, dialled=dialled), 0.0)
            actions += core.step(FrameReceived(channel=channel, data=hello()), 1.0)
        assert [action.channel for action in actions if isinstance(action, Hangup)] == [1]


def test_one_connection_per_pair_in_the_end() -> None:
    world = shared("a", "b", "c", "d")
    world.run(20)
    for one in world.nodes.values():
        peers = [peer for peer, _ in one.channels.values()]
        assert len(peers) == len(set(peers)), f"{one.name}: {peers}"


def test_silence_closes_a_channel_and_pings_prevent_it() -> None:
    world = shared("a", "b")
    before = dict(world.nodes["a"].channels)
    world.run(200)
    assert dict(world.nodes["a"].channels) == before
    core = lone_core()
    core.step(ChannelOpened(channel=1, dialled=None), 0.0)
    core.step(FrameReceived(channel=1, data=hello()), 0.0)
    actions = [action for now in range(60) for action in core.step(Woken(), float(now))]
    assert [action.channel for action in actions if isinstance(action, Hangup)] == [1]


def test_backoff_is_jittered_and_capped() -> None:
    links = Links(site=SiteName("a"), rng=random.Random(3))
    links.want(SiteName("b"), "", 0.0)
    now, delays = 0.0, []
    for _ in range(30):
        links.run_due(Turn(links.peer(SiteName("b")).dial_at))
        now = links.peer(SiteName("b")).dial_at
        links.dial_failed(SiteName("b"), now)
        delays.append(links.peer(SiteName("b")).dial_at - now)
    assert max(delays[:3]) <= 0.4
    assert max(delays) <= BACKOFF_CAP_S
    assert max(delays[15:]) > 5.0
    assert len(set(delays)) == len(delays)


# -- loss ---------------------------------------------------------------------------------------------------------


def test_a_lost_batch_is_seen_as_a_gap_and_repaired_by_a_diff() -> None:
    world = shared("a", "b")
    world.run(5)
    lost = iter([True])
    world.hold = lambda sender, to, message: sender == "a" and isinstance(message, Op) and next(lost, False)
    world.kube("a").label("team", one="1")
    world.run(0.5)
    assert len(world.held) == 1
    world.held.clear()
    world.seen.clear()
    world.kube("a").label("team", one="2")
    world.run(1)
    kinds = [type(message) for _, _, message in world.seen]
    assert Nack in kinds
    assert Diff in kinds
    assert same_everywhere(world)


def test_a_peer_that_acknowledges_nothing_gets_a_bounded_queue_then_a_diff() -> None:
    world = shared("a", "b")
    world.run(5)
    world.hold = lambda sender, to, message: sender == "b" and isinstance(message, Ack)
    for number in range(MAX_PENDING + 40):
        world.kube("a").label("team", count=str(number))
        world.run(0.1)
    flow = world.held_by()["a"].sync.flows[SiteName("b")]
    assert len(flow.pending) == MAX_PENDING
    assert flow.overflow
    world.hold = None
    world.release()
    world.run(30)
    assert not world.held_by()["a"].sync.flows[SiteName("b")].overflow
    assert same_everywhere(world)


def test_a_document_that_failed_is_rebuilt_from_what_is_on_disk() -> None:
    world = shared("a", "b")
    world.run(2)
    world.held_by()["b"].record.document.close()  # what a panic of the library comes to
    world.kube("a").label("team", colour="red")
    world.run(30)
    assert "Rebuilt" in [report.type for report in world.nodes["b"].reports]
    assert same_everywhere(world)


def test_a_long_journal_is_rewritten_as_one_state() -> None:
    world = shared("a", "b")
    journal = next(name for name in world.nodes["a"].disk if name.startswith("record."))
    longest = 0
    for number in range(700):
        world.kube("a").label("team", count=f"{number:0100}")
        world.run(0.1)
        longest = max(longest, sum(map(len, world.nodes["a"].disk[journal])))
    assert sum(map(len, world.nodes["a"].disk[journal])) < longest
    world.restart("a")
    world.run(30)
    assert same_everywhere(world)


# -- totality -----------------------------------------------------------------------------------------------------


def test_no_frame_makes_a_step_raise() -> None:
    """Frames of a real conversation, damaged at random, at a member: closed, refused or ignored, never raised."""
    rng = random.Random(11)
    world = shared("a", "b", "c")
    world.hold = lambda sender, to, message: False
    world.kube("a").label("team", colour="red")
    world.ask("a", verb="reattach", resource=TEAM, to="b")
    world.ask("a", verb="extend", resource=TEAM, to="c", role="ro")
    world.run(10)
    frames = [encode(message) for _, _, message in world.seen]
    assert len(frames) > 10
    core = world.core("c")
    for channel in range(1000, 3000):
        core.step(ChannelOpened(channel=channel, dialled=None), world.now)
        core.step(FrameReceived(channel=channel, data=hello("a", boot=str(channel), uid="uid-of-a")), world.now)
        core.step(FrameReceived(channel=channel, data=damage(rng.choice(frames), rng)), world.now)
        core.step(ChannelClosed(channel=channel), world.now)
    assert core.records()["records"]


def damage(frame: bytes, rng: random.Random) -> bytes:
    """Flip, cut, insert or repeat a few bytes."""
    data = bytearray(frame)
    for _ in range(rng.randrange(1, 4)):
        at = rng.randrange(len(data))
        match rng.randrange(4):
            case 0:
                data[at] = rng.randrange(256)
            case 1:
                del data[at : at + rng.randrange(1, 20)]
            case 2:
                data[at:at] = rng.randbytes(rng.randrange(1, 5))
            case _:
                data[at:at] = data[max(0, at - 30) : at]
        if not data:
            return b""
    return bytes(data)


def test_a_federation_runs_the_same_again() -> None:
    def run() -> list[tuple[str, str, Message]]:
        world = Federation("abc", seed=5)
        world.record_messages = True
        world.kube("a").namespace("team", app="x")
        for site in "bc":
            world.ask("a", verb="extend", resource=TEAM, to=site)
        world.run(3)
        world.kube("b").label("team", colour="red")
        world.run(10)
        return world.seen

    assert run() == run()


def test_no_well_formed_message_makes_a_step_raise() -> None:
    """Messages of the right shape with contents that make no sense, from a member, a stranger and an evicted site."""
    rng = random.Random(12)
    world = shared("a", "b", "c")
    world.ask("a", verb="extend", resource=TEAM, to="d")  # invited, never answers
    world.ask("a", verb="retract", resource=TEAM, **{"from": "c"})
    world.run(3)
    core = world.core("a")
    real = world.gid("a")
    foreign = shared("a", "b", seed=9).held_by()["a"].record.document.diff()
    state = world.held_by()["a"].record.document.diff()
    for channel in range(5000, 6500):
        sender = rng.choice(["b", "c", "d", "e"])
        core.step(ChannelOpened(channel=channel, dialled=None), world.now)
        core.step(FrameReceived(channel=channel, data=hello(sender, str(channel), f"uid-of-{sender}")), world.now)
        message = odd_message(rng, real, [foreign, state, b"", b"\x00\x00"])
        core.step(FrameReceived(channel=channel, data=encode(message)), world.now)
        core.step(Woken(), world.now)
        core.step(ChannelClosed(channel=channel), world.now)
    assert core.records()["records"]


def odd_message(rng: random.Random, real: RecordId, updates: list[bytes]) -> Message:
    doc = rng.choice([real, RecordId("x~1.1"), RecordId("e~0.2")])
    text = rng.choice(["", "a~1.1", "|", "/", "~", "b~0.1\n", "x" * 300])
    sv, upd = rng.choice([b"", b"\x00", b"\x01", b"\x01\x05\x07"]), rng.choice(updates)
    root = Root(
        t=Stamp(1, "a~1"), apiVersion="v1", kind=rng.choice(["namespaces", "pods", ""]), name=text, creator=text
    )
    policy = Policy(t=OwnerStamp(0, 1, "a", 1, "a~1"), collision="adopt")
    stamp = rng.choice([None, OwnerStamp(0, 0, "", -1, ""), OwnerStamp(99, 1, "c", 9, "c~1")])
    return rng.choice(
        [
            Invite(doc=doc, inv=text, root=root, policy=policy, owner=SiteName(text), addresses={text: text}),
            Refuse(doc=doc, inv=text, code=rng.choice([-1, 0, 409])),
            Have(doc=doc, digest=text),
            Want(doc=doc, sv=sv, inv=text),
            Diff(doc=doc, base=sv, after=sv, upd=upd),
            Op(doc=doc, seq=rng.choice([-1, 0, 5]), base=sv, upd=(upd, upd)),
            Ack(doc=doc, sv=sv, seq=rng.choice([-1, 10**9])),
            Nack(doc=doc, reason=rng.choice(["gap", "auth", "schema", "full", "no"])),
            Exited(doc=doc, an={text: rng.choice(["left", "accepted", ""])}, diff=upd),
            Exit(doc=doc, stamp=stamp, mode="exit", policy="delete") if doc != real else Ping(),
        ]
    )
