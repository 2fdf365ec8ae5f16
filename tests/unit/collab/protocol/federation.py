"""Site cores on a scripted bus: no sockets, no loop, time is a heap. What `Pair` is to two, `Federation` is to many.

    world = Federation(["a", "b"])
    world.kube("a").namespace("team")
    world.ask("a", verb="extend", resource="namespaces/team", to="b")
    world.run()
    world.cut("a", "b")

Channels are first in, first out, as WebSockets are; different channels, calls and watches overtake each other at random.
`copies` may lose or repeat frames, which no WebSocket does: the protocol does not depend on that.
"""

from __future__ import annotations

import heapq
import itertools
import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import assert_never

from collab.protocol.actions import (
    Action,
    Answer,
    Dial,
    Drop,
    Forward,
    Hangup,
    Persist,
    ReadLocal,
    Reported,
    Rewrite,
    Transmit,
    UnwatchKind,
    WatchKind,
    WriteLocal,
)
from collab.protocol.codec import decode
from collab.protocol.core import SiteCore
from collab.protocol.facts import (
    Booted,
    CallFinished,
    ChannelClosed,
    ChannelOpened,
    CommandIssued,
    DialFailed,
    Fact,
    ForwardFinished,
    FrameReceived,
    Identity,
    Observed,
    Woken,
)
from collab.protocol.messages import Message
from collab.protocol.names import RecordId, SiteName
from collab.protocol.operations import Operation, OperationResult, parse_operation
from collab.protocol.replica import Replica
from tests.unit.collab.protocol.kube import FakeApiserver

DIAL_TIMEOUT_S = 1.0
TEAM = "namespaces/team"


@dataclass
class Node:
    """One site: its core while the agent runs, its disk, its apiserver (both outlive the agent)."""

    name: SiteName
    core: SiteCore | None
    kube: FakeApiserver
    disk: dict[str, list[bytes]] = field(default_factory=dict)
    run: int = 0
    channels: dict[int, tuple[SiteName, int]] = field(default_factory=dict)
    last_channel: int = 0
    answers: dict[str, OperationResult] = field(default_factory=dict)
    reports: list[Reported] = field(default_factory=list)
    waiting: dict[str, list[tuple[SiteName, int]]] = field(default_factory=dict)
    fifo: dict[object, float] = field(default_factory=dict)
    wake: float | None = None
    bytes_sent: int = 0
    frames_sent: int = 0


class Federation:
    """A world of site cores. Everything random comes from one seed; `run` goes on until nothing much happens."""

    def __init__(self, sites: Iterable[str], *, seed: int = 0, uid: bool = True) -> None:
        self.rng = random.Random(seed)
        self.now = 1000.0
        self.nodes: dict[str, Node] = {}
        self.cuts: set[frozenset[str]] = set()
        self.seen: list[tuple[str, str, Message]] = []
        self.record_messages = False
        self.lose_call: Callable[[str, WriteLocal | ReadLocal], bool] = lambda site, action: False
        self.lose_request: Callable[[str, WriteLocal | ReadLocal], bool] = lambda site, action: False
        self.forwards: list[tuple[str, str, str]] = []  # (operation, site, gid), as sent
        self.copies: Callable[[str], int] = lambda sender: 1
        self.hold: Callable[[str, str, Message], bool] | None = None
        self.held: list[tuple[str, int, bytes]] = []
        self.hold_forwards = False
        self.held_forwards: list[tuple[str, Operation]] = []
        self.stalled: set[tuple[str, str]] = set()
        self._doomed: dict[str, int] = {}
        self._stalled_events: list[tuple[Node, tuple[str, str], Callable[[], None]]] = []
        self._heap: list[tuple[float, int, Callable[[], None]]] = []
        self._ticket = itertools.count()
        self._uid = uid
        self._pending_forwards: dict[tuple[SiteName, str, int], Callable[[str, OperationResult | None], None]] = {}
        for name in sites:
            self.add(name)

    def add(self, name: str) -> None:
        """One more site, with an apiserver of its own, knowing nothing."""
        self.nodes[name] = Node(name=SiteName(name), core=None, kube=FakeApiserver(site=name))
        self.start(name)

    # -- a user ---------------------------------------------------------------------------------------------------

    def kube(self, site: str) -> FakeApiserver:
        return self.nodes[site].kube

    def ask(self, site: str, **body: object) -> str:
        """Ask for an operation; the id under which `answer` finds the latest answer."""
        operation = parse_operation(body, self.rng)
        self.command(site, operation)
        return operation.id

    def command(self, site: str, operation: Operation) -> None:
        self.step(site, CommandIssued(operation=operation))

    def answer(self, site: str, operation: str) -> OperationResult:
        return self.nodes[site].answers[operation]

    def core(self, site: str) -> SiteCore:
        core = self.nodes[site].core
        assert core is not None, f"{site} is down"
        return core

    def record(self, site: str, name: str = "team") -> Replica | None:
        return self.core(site).by_name(name)

    def held_by(self, name: str = "team") -> dict[str, Replica]:
        """Site -> record, where the namespace is shared now."""
        found = {site: self.record(site, name) for site, node in self.nodes.items() if node.core is not None}
        return {site: replica for site, replica in found.items() if replica is not None}

    # -- faults ---------------------------------------------------------------------------------------------------

    def cut(self, one: str, other: str) -> None:
        """No messages between two sites; their connections break."""
        self.cuts.add(frozenset((one, other)))
        for number, (peer, _) in list(self.nodes[one].channels.items()):
            if peer == other:
                self._break(one, number)

    def isolate(self, site: str) -> None:
        for other in self.nodes:
            if other != site:
                self.cut(site, other)

    def split(self, left: Iterable[str], right: Iterable[str]) -> None:
        right = list(right)
        for one in left:
            for other in right:
                self.cut(one, other)

    def heal(self, *pair: str) -> None:
        """Heal one link, or all."""
        self.cuts = {cut for cut in self.cuts if pair and cut != frozenset(pair)}

    def crash(self, site: str, *, lose_disk: bool = False) -> None:
        """The agent is gone at once; its apiserver goes on."""
        node = self.nodes[site]
        node.core, node.run, node.wake = None, node.run + 1, None
        node.kube.watchers.clear()
        node.waiting.clear()
        for number in list(node.channels):
            self._break(site, number)
        if lose_disk:
            node.disk.clear()

    def crash_after(self, site: str, actions: int) -> None:
        """The agent is gone before the n-th action from now, wherever in a turn that is; it is started a second later."""
        self._doomed[site] = actions

    def _count_down(self, site: str) -> bool:
        self._doomed[site] -= 1
        if self._doomed[site] > 0:
            return False
        del self._doomed[site]
        self.crash(site)
        self._at(self.now + 1.0, lambda: self.start(site) if self.nodes[site].core is None else None)
        return True

    def start(self, site: str, *, recovered: bool = False) -> None:
        node = self.nodes[site]
        assert node.core is None, f"{site} runs already"
        node.core = SiteCore(random.Random(self.rng.getrandbits(64)))
        uid = f"uid-of-{site}" if self._uid else ""
        identity = Identity(site=node.name, uid=uid, address=f"http://{site}:8800")
        journals = {name: tuple(entries) for name, entries in node.disk.items()}
        self.step(site, Booted(identity=identity, journals=journals, recovered=recovered))

    def restart(self, site: str, *, lose_disk: bool = False) -> None:
        self.crash(site, lose_disk=lose_disk)
        self._doomed.pop(site, None)
        self.start(site)

    def release(self) -> None:
        """Let go of what `hold` and `hold_forwards` kept back, in order. Frames' channels may be gone by now, and nobody
        waits for the answers to the operations any more."""
        forwards, self.held_forwards = self.held_forwards, []
        for site, operation in forwards:
            self.command(site, operation)
        held, self.held = self.held, []
        for site, number, data in held:
            self._deliver(site, number, data)

    def stall(self, site: str, kind: str) -> None:
        """A watch stream of a site goes quiet: its events wait."""
        self.stalled.add((site, kind))

    def unstall(self) -> None:
        events, self._stalled_events = self._stalled_events, []
        self.stalled.clear()
        for node, key, act in events:
            self._in_order(node, key, act)

    def relist(self, site: str) -> None:
        """The streams of a site's apiserver broke: each watch lists again."""
        node = self.nodes[site]
        for kind, namespace in list(node.kube.watchers):
            self.step(site, node.kube.listing(kind, namespace))

    # -- running --------------------------------------------------------------------------------------------------

    def run(self, seconds: float = 60.0, until: Callable[[], bool] | None = None) -> None:
        """Let time pass, or until something holds (then: it must)."""
        end = self.now + seconds
        while self._heap and self._heap[0][0] <= end:
            if until is not None and until():
                return
            self.now, _, act = heapq.heappop(self._heap)
            act()
        if until is not None:
            assert until(), f"did not come true within {seconds} s"
        self.now = end

    def step(self, site: str, fact: Fact) -> None:
        """One fact for one core, and what comes of it."""
        node = self.nodes[site]
        if node.core is None:
            return
        run = node.run
        actions = node.core.step(fact, self.now)
        assert_durable_first(actions)
        for action in actions:
            if node.run != run:
                return  # crashed in the middle of its actions
            if site in self._doomed and self._count_down(site):
                return
            self.act(node, action)
        self._arm(node)

    def _arm(self, node: Node) -> None:
        wake_at = node.core.wake_at if node.core is not None else None
        if wake_at is None or wake_at == node.wake:
            return
        node.wake = wake_at
        self._at(wake_at, lambda: self._wake(node, wake_at))

    def _wake(self, node: Node, at: float) -> None:
        if node.wake == at:
            node.wake = None
            self.step(node.name, Woken())

    def _at(self, when: float, act: Callable[[], None]) -> None:
        heapq.heappush(self._heap, (max(when, self.now), next(self._ticket), act))

    def _later(self, act: Callable[[], None], low: float = 0.001, high: float = 0.02) -> None:
        self._at(self.now + self.rng.uniform(low, high), act)

    def _in_order(self, node: Node, queue: object, act: Callable[[], None]) -> None:
        """Later, but behind what is under way in the same queue."""
        when = max(self.now + self.rng.uniform(0.001, 0.02), node.fifo.get(queue, 0.0))
        node.fifo[queue] = when
        self._at(when, act)

    # -- actions --------------------------------------------------------------------------------------------------

    def act(self, node: Node, action: Action) -> None:  # noqa: C901 - one case per action
        match action:
            case Persist():
                node.disk.setdefault(action.journal, []).extend(action.entries)
            case Rewrite():
                node.disk[action.journal] = list(action.entries)
            case Drop():
                node.disk.pop(action.journal, None)
            case Transmit():
                self._transmit(node, action)
            case Dial():
                self._dial(node, action.site)
            case Hangup():
                self._break(node.name, action.channel)
            case WriteLocal() | ReadLocal():
                self._call(node, action)
            case WatchKind():
                self._watch(node, action)
            case UnwatchKind():
                node.kube.watchers.pop((action.kind, action.namespace), None)
            case Forward():
                self._forward(node, action)
            case Answer():
                self._answer(node, action)
            case Reported():
                node.reports.append(action)
            case _:
                assert_never(action)

    def _dial(self, node: Node, site: SiteName) -> None:
        run = node.run
        other = self.nodes.get(site)

        def arrive() -> None:
            if node.run != run:
                return
            if other is None or other.core is None or frozenset((node.name, site)) in self.cuts:
                self._at(self.now + DIAL_TIMEOUT_S, fail)
                return
            node.last_channel += 1
            other.last_channel += 1
            mine, theirs = node.last_channel, other.last_channel
            node.channels[mine] = (site, theirs)
            other.channels[theirs] = (node.name, mine)
            self.step(site, ChannelOpened(channel=theirs, dialled=None))
            self.step(node.name, ChannelOpened(channel=mine, dialled=site))

        def fail() -> None:
            if node.run == run:
                self.step(node.name, DialFailed(site=site))

        self._later(arrive)

    def _break(self, site: str, number: int) -> None:
        """A connection is gone at both ends; what was under way on it is lost."""
        pair = self.nodes[site].channels.pop(number, None)
        if pair is None:
            return
        peer, theirs = pair
        self.nodes[peer].channels.pop(theirs, None)
        for end, channel in ((site, number), (peer, theirs)):
            run = self.nodes[end].run
            self._later(lambda end=end, channel=channel, run=run: self._closed(end, channel, run))  # type: ignore[misc]  # mypy cannot infer defaults

    def _closed(self, site: str, channel: int, run: int) -> None:
        if self.nodes[site].run == run:
            self.step(site, ChannelClosed(channel=channel))

    def _transmit(self, node: Node, action: Transmit) -> None:
        pair = node.channels.get(action.channel)
        if pair is None:
            return
        peer, theirs = pair
        node.frames_sent += 1
        node.bytes_sent += len(action.frame)
        if self.record_messages or self.hold is not None:
            message = decode(action.frame)
            self.seen.append((node.name, peer, message))
            if self.hold is not None and self.hold(node.name, peer, message):
                self.held.append((peer, theirs, action.frame))
                return
        for _ in range(self.copies(node.name)):
            self._in_order(node, ("channel", action.channel), lambda: self._deliver(peer, theirs, action.frame))

    def _deliver(self, site: str, number: int, data: bytes) -> None:
        if number in self.nodes[site].channels:
            self.step(site, FrameReceived(channel=number, data=data))

    def _call(self, node: Node, action: WriteLocal | ReadLocal) -> None:
        run = node.run

        def arrive() -> None:
            method = action.method if isinstance(action, WriteLocal) else "GET"
            body = action.body if isinstance(action, WriteLocal) else b""
            lost = self.lose_call(node.name, action)
            code: int = 0
            obj: dict[str, object] = {}
            if self.lose_request(node.name, action):
                lost = True
            else:
                code, obj = node.kube.handle(method, action.path, body)
            outcome = "unknown" if lost else "ok" if code < 300 else "refused"
            fact = CallFinished(call=action.call, outcome=outcome, code=code, object=obj)  # type: ignore[arg-type]  # a conditional of literals
            self._later(lambda: self.step(node.name, fact) if node.run == run else None)
            self._finish_namespaces(node)

        self._later(arrive)

    def _finish_namespaces(self, node: Node) -> None:
        """A namespace deleted through the API goes through its phases by itself."""
        for name in node.kube.terminating_names():
            self._at(self.now + 0.2, lambda name=name: node.kube.finish(name))  # type: ignore[misc]  # mypy cannot infer defaults

    def delete_namespace(self, site: str, name: str = "team") -> None:
        """Plain `kubectl delete ns`: Terminating, its contents, then itself, as a real server does it."""
        node = self.nodes[site]
        node.kube.terminate(name)
        self._at(self.now + 0.2, lambda: node.kube.empty(name))
        self._at(self.now + 0.4, lambda: node.kube.finish(name))

    def _watch(self, node: Node, action: WatchKind) -> None:
        run, key = node.run, (action.kind, action.namespace)

        def tell(fact: Observed) -> None:
            if (node.name, action.kind) in self.stalled:
                self._stalled_events.append((node, key, lambda: still(fact)))
            else:
                self._in_order(node, key, lambda: still(fact))

        def still(fact: Fact) -> None:
            if node.run == run and node.kube.watchers.get(key) is tell:
                self.step(node.name, fact)

        def arrive() -> None:
            if node.run == run and node.kube.watchers.get(key) is tell:
                listing = node.kube.listing(*key)
                self._in_order(node, key, lambda: still(listing))

        node.kube.watchers[key] = tell
        node.fifo.pop(key, None)
        arrive()

    def _forward(self, node: Node, action: Forward) -> None:
        run, operation, site = node.run, action.operation, action.site
        self.forwards.append((operation.id, site, operation.gid))
        other = self.nodes.get(site)

        def finish(outcome: str, result: OperationResult | None = None) -> None:
            if node.run != run:
                return
            body = result.to_json() if result else {}
            code = result.code if result else 0
            self.step(
                node.name,
                ForwardFinished(operation=operation.id, site=site, outcome=outcome, code=code, body=body),  # type: ignore[arg-type]  # literals
            )

        def arrive() -> None:
            if other is None or other.core is None or frozenset((node.name, site)) in self.cuts:
                self._at(self.now + DIAL_TIMEOUT_S, lambda: finish("not-sent"))
                return
            if self.hold_forwards:
                self.held_forwards.append((site, operation))
                self._at(self.now + action.timeout_s, lambda: finish("unknown"))
                return
            ticket = next(self._ticket)
            other.waiting.setdefault(operation.id, []).append((node.name, ticket))
            self._pending_forwards[(site, operation.id, ticket)] = finish
            self._at(self.now + action.timeout_s, lambda: expire(ticket))
            self.command(site, operation)

        def expire(ticket: int) -> None:
            if self._pending_forwards.pop((site, operation.id, ticket), None) is not None:
                finish("unknown")

        self._later(arrive)

    def _answer(self, node: Node, action: Answer) -> None:
        node.answers[action.operation] = action.result
        for asker, ticket in node.waiting.pop(action.operation, []):
            finish = self._pending_forwards.pop((node.name, action.operation, ticket), None)
            if finish is None:
                continue
            if frozenset((node.name, asker)) in self.cuts:
                self._later(lambda finish=finish: finish("unknown", None))  # type: ignore[misc]  # mypy cannot infer defaults
            else:
                self._later(lambda finish=finish: finish("answered", action.result))  # type: ignore[misc]  # mypy cannot infer defaults

    # -- what must hold -------------------------------------------------------------------------------------------

    def gid(self, site: str, name: str = "team") -> RecordId:
        replica = self.record(site, name)
        assert replica is not None, f"{site} does not share {name}"
        return replica.gid


def assert_durable_first(actions: list[Action]) -> None:
    """Nothing is sent, answered or written to the apiserver before what was written down in the same turn."""
    kinds = [isinstance(action, Persist | Rewrite) for action in actions]
    assert kinds == sorted(kinds, reverse=True), f"an action before the disk: {actions}"
    dropped = [isinstance(action, Drop) for action in actions]
    assert dropped == sorted(dropped), f"an action behind a drop: {actions}"


def shared(*sites: str, seed: int = 0) -> Federation:
    """A federation in which `team`, owned by the first site, is shared with all the others."""
    world = Federation(sites, seed=seed)
    world.kube(sites[0]).namespace("team", app="x")
    for site in sites[1:]:
        world.ask(sites[0], verb="extend", resource=TEAM, to=site, **{"with": ["configmaps"]})
    world.run(5)
    assert sorted(world.held_by()) == sorted(sites)
    return world


def owners(world: Federation) -> set[str | None]:
    return {replica.view.acting for replica in world.held_by().values()}


def same_everywhere(world: Federation) -> bool:
    held = world.held_by()
    digests = {replica.record.document.digest() for replica in held.values()}
    contents = [world.kube(site).content("team") for site in held]
    return len(digests) == 1 and all(content == contents[0] for content in contents)
