"""One open watch: events in, frames out, when the shell asks for them. No sockets, no clock of its own.

Source: k8s.io/apiserver/pkg/storage/cacher (cache_watcher.go) and pkg/endpoints/handlers/watch.go.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from msgspec import structs

from fakekube.apiserver.list_options import WatchOptions
from fakekube.apiserver.represent import Representation
from fakekube.apiserver.response import Headers
from fakekube.meta.errors import StatusError, expired
from fakekube.registry.selection import Selection
from fakekube.registry.site import Site
from fakekube.registry.strategies import Served
from fakekube.storage.items import Event, EventType, item_of
from fakekube.storage.store import Compacted

BOOKMARK_EVERY_S = 60.0
# A bookmark just before the end tells the client where to go on.
BOOKMARK_BEFORE_END_S = 2.0
PENDING_MAX_BYTES = 16 * 1024 * 1024
PENDING_MAX_FRAMES = 10_000
INITIAL_EVENTS_END = "k8s.io/initial-events-end"


def _silent() -> None:
    """Nobody listens yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchTarget:
    """What is watched: one resource, in one namespace (None: in all), and which of its objects."""

    served: Served
    namespace: str | None
    selection: Selection


class Watch:
    """A `WatchStream` over one resource. Past the bound of undrained frames it ends: the reader is too slow."""

    def __init__(
        self, site: Site, target: WatchTarget, representation: Representation, options: WatchOptions, timeout_s: float
    ) -> None:
        self.status = 200
        self.headers: Headers = (
            ("Content-Type", representation.watch_content_type),
            ("Cache-Control", "no-cache, private"),
        )
        self.ring: Callable[[], None] = _silent
        self._site = site
        self._target = target
        self._representation = representation
        self._bookmarks = options.allow_bookmarks
        self._pending: deque[bytes] = deque()
        self._pending_bytes = 0
        self._ended = False
        # Live events up to this revision are known to the client already.
        self._known = 0
        now = site.steady()
        self._deadline = now + timeout_s
        self._next_bookmark = self._bookmark_after(now)
        site.store.subscribe(target.served.key, self)

    @property
    def resource(self) -> str:
        """What is watched: `deployments.apps`."""
        return self._target.served.key

    @property
    def ended(self) -> bool:
        return self._ended

    @property
    def wake_at(self) -> float | None:
        if self._ended:
            return None
        return min(self._deadline, self._next_bookmark) if self._bookmarks else self._deadline

    def drain(self) -> bytes:
        frames = b"".join(self._pending)
        self._pending.clear()
        self._pending_bytes = 0
        return frames

    def tick(self, now: float) -> None:
        """Send the bookmark that is due, or end at the deadline. `now` and `wake_at` are of the site's steady clock."""
        if self._ended:
            return
        if self._bookmarks and now >= self._next_bookmark:
            self._next_bookmark = self._bookmark_after(now)
            self.send_bookmark()
        if now >= self._deadline:
            self.end()

    def close(self) -> None:
        """The client went away."""
        self._ended = True
        self._site.store.unsubscribe(self._target.served.key, self)

    def end(self) -> None:
        """End the response after what is pending."""
        self.close()
        self.ring()

    def fail(self, error: StatusError) -> None:
        """Say why, as an ERROR event, and end."""
        self._push(self._representation.error_frame(error))
        self.end()

    def offer(self, event: Event) -> None:
        """A live event of the resource: told when it is new and concerns the target, in the target's terms."""
        if event.revision > self._known and (frame := self._frame(event)) is not None:
            self._push(frame)
            if self._pending_bytes > PENDING_MAX_BYTES or len(self._pending) > PENDING_MAX_FRAMES:
                self.end()

    def start_with(self, events: Iterable[Event], known: int) -> None:
        """What the client gets before anything live; all it knows then is of revision `known`."""
        self._known = known
        frames = [frame for event in events if (frame := self._frame(event)) is not None]
        if frames:
            self._push(b"".join(frames))
            self._pending_bytes = 0

    def _frame(self, event: Event) -> bytes | None:
        served, chosen = self._target.served, self._target.selection
        if self._target.namespace not in (None, event.item.namespace):
            return None
        seen = as_selected(event, chosen) if chosen else event
        return None if seen is None else self._representation.event_frame(served, seen)

    def send_bookmark(self, annotations: dict[str, str] | None = None) -> None:
        """Tell the newest revision; nothing older will come."""
        revision = self._site.store.revision
        self._push(self._representation.bookmark_frame(self._target.served, revision, annotations or {}))

    def _bookmark_after(self, now: float) -> float:
        before_end = self._deadline - BOOKMARK_BEFORE_END_S
        return min(now + BOOKMARK_EVERY_S, before_end) if before_end > now else now + BOOKMARK_EVERY_S

    def _push(self, frame: bytes) -> None:
        if self._ended:
            return
        self._pending.append(frame)
        self._pending_bytes += len(frame)
        self.ring()


def as_selected(event: Event, chosen: Selection) -> Event | None:
    """The event as a watcher of `chosen` sees it: an object that leaves the selection is DELETED, one that enters ADDED.

    The object of a leaving event is the old one, under the new revision.
    """
    now = event.type != "DELETED" and chosen.matches(event.item.obj)
    before = event.previous is not None and chosen.matches(event.previous.obj)
    if event.type == "ADDED" and event.previous is None:
        return event if now else None
    if not now and not before:
        return None
    if now:
        seen: EventType = "MODIFIED" if before else "ADDED"
        return event if seen == event.type else structs.replace(event, type=seen, frames={})
    if event.type == "DELETED":
        return event
    assert event.previous is not None  # what matched before was there before
    old = event.previous
    return Event("DELETED", event.revision, item_of(old.namespace, old.name, old.obj, event.revision, old.form), old)


def open_watch(
    site: Site, target: WatchTarget, representation: Representation, options: WatchOptions, timeout_s: float
) -> Watch:
    """A watch that has its first events: the present state, or what happened since the version asked for."""
    revision = _revision(options.list.resource_version)
    watch = Watch(site, target, representation, options, timeout_s)
    if options.send_initial_events:
        _present(site, target, watch, options)
    else:
        _since(site, target, watch, revision)
    return watch


def _revision(text: str) -> int:
    """A watch's resourceVersion as a number; the real server answers 500 to anything else."""
    if not text:
        return 0
    if not (text.isascii() and text.isdigit()):
        why = f'Invalid value: "{text}": strconv.ParseUint: parsing "{text}": invalid syntax'
        raise StatusError(code=500, reason="", message=f"resourceVersion: {why}")
    return int(text)


def _present(site: Site, target: WatchTarget, watch: Watch, options: WatchOptions) -> None:
    items = site.store.keyspace(target.served.key).items(target.namespace)
    watch.start_with((Event("ADDED", item.revision, item, None) for item in items), site.store.revision)
    if options.allow_bookmarks:
        watch.send_bookmark({INITIAL_EVENTS_END: "true"})


def _since(site: Site, target: WatchTarget, watch: Watch, revision: int) -> None:
    if revision == 0:
        revision = site.store.revision
    try:
        events = site.store.since(target.served.key, revision)
    except Compacted as gone:
        watch.fail(expired(f"too old resource version: {revision} ({gone.revision})"))
        return
    watch.start_with(events, max(revision, site.store.revision))
