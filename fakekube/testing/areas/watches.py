"""Watches: order, selectors, bookmarks, initial lists, and the end of history."""

from __future__ import annotations

from fakekube.testing.arms import FORGETS
from fakekube.testing.kit import body
from fakekube.testing.reply import Events, Reply, Unfaithful, equal, holds
from fakekube.testing.resources import SECRETS, labelled
from fakekube.testing.session import Session

INITIAL_EVENTS_END = "k8s.io/initial-events-end"


def version(at: Session) -> str:
    return str(at.list(SECRETS).obj()["metadata"]["resourceVersion"])


def secret(name: str, text: str = "") -> dict[str, object]:
    return {"metadata": {"name": name}, "stringData": {"a": text}}


@body()
def a_watch_tells_what_happens(at: Session) -> None:
    """From a resourceVersion on, every change comes once, in order, with the object after it."""
    with at.watching(SECRETS, resourceVersion=version(at)) as watch:
        made = at.create(SECRETS, secret("x")).obj(201)
        changed = at.patch(SECRETS, "x", {"stringData": {"a": "2"}}).obj()
        at.delete(SECRETS, "x").obj()
        equal(watch.next(), ("ADDED", made), "the first event")
        equal(watch.next(), ("MODIFIED", changed), "the second event")
        kind, last = watch.next()
        equal((kind, last["data"]), ("DELETED", changed["data"]), "the third event")
        holds(int(last["metadata"]["resourceVersion"]) > int(changed["metadata"]["resourceVersion"]), "a newer version")


@body()
def a_watch_without_a_version_begins_with_what_is_there(at: Session) -> None:
    """Without resourceVersion a watch begins with an ADDED for every object there is."""
    at.create(SECRETS, secret("x")).obj(201)
    with at.watching(SECRETS) as watch:
        equal(watch.named(1), [("ADDED", "x")], "the beginning")
        at.create(SECRETS, secret("y")).obj(201)
        equal(watch.named(1), [("ADDED", "y")], "what came after")


@body()
def selectors_turn_changes_into_comings_and_goings(at: Session) -> None:
    """What begins to match is ADDED, what no longer does DELETED, whatever really happened."""
    with at.watching(SECRETS, resourceVersion=version(at), labelSelector="a=1") as watch:
        at.create(SECRETS, labelled("x")).obj(201)
        for value in ("1", "2", "1"):
            at.patch(SECRETS, "x", {"metadata": {"labels": {"a": value}}}).obj()
        at.delete(SECRETS, "x").obj()
        kinds = [kind for kind, _ in watch.named(4)]
        equal(kinds, ["ADDED", "DELETED", "ADDED", "DELETED"], "the events")


@body()
def one_name_can_be_watched(at: Session) -> None:
    """fieldSelector=metadata.name=x shows x alone."""
    with at.watching(SECRETS, resourceVersion=version(at), fieldSelector="metadata.name=x") as watch:
        for name in ("y", "x"):
            at.create(SECRETS, secret(name)).obj(201)
        equal(watch.named(1), [("ADDED", "x")], "the events")


@body()
def a_watch_ends_when_told(at: Session) -> None:
    """timeoutSeconds ends a watch from the server's side."""
    with at.watching(SECRETS, resourceVersion=version(at), timeoutSeconds=1) as watch:
        equal(watch.rest(), [], "the events of a quiet second")


@body()
def bookmarks_carry_a_version_and_nothing_else(at: Session) -> None:
    """allowWatchBookmarks sends a BOOKMARK before the watch ends, with a resourceVersion to go on from."""
    before = version(at)
    with at.watching(SECRETS, resourceVersion=before, allowWatchBookmarks=True, timeoutSeconds=4) as watch:
        made = at.create(SECRETS, secret("x")).obj(201)
        events = watch.rest()
    holds(events and events[-1][0] == "BOOKMARK", f"a bookmark at the end of {events}")
    last = events[-1][1]
    equal(last["kind"], "Secret", "the kind of a bookmark")
    reached = int(made["metadata"]["resourceVersion"])
    holds(int(last["metadata"]["resourceVersion"]) >= reached, "a version that is not older")
    holds("name" not in last["metadata"], "no name in a bookmark")


@body()
def initial_events_end_with_a_bookmark(at: Session) -> None:
    """sendInitialEvents (WatchList): ADDED for what is there, then an annotated BOOKMARK, then changes."""
    for name in ("x", "y"):
        at.create(SECRETS, secret(name)).obj(201)
    with at.watching(
        SECRETS, sendInitialEvents=True, resourceVersionMatch="NotOlderThan", allowWatchBookmarks=True
    ) as watch:
        begun = [watch.any() for _ in range(3)]
        equal([kind for kind, _ in begun], ["ADDED", "ADDED", "BOOKMARK"], "the beginning")
        equal(begun[-1][1]["metadata"]["annotations"], {INITIAL_EVENTS_END: "true"}, "the end of the beginning")
        at.delete(SECRETS, "x").obj()
        equal(watch.named(1), [("DELETED", "x")], "what came after")


@body()
def initial_events_need_a_match_rule(at: Session) -> None:
    """sendInitialEvents without resourceVersionMatch is a 422."""
    at.ask("GET", at.path(SECRETS), watch=1, sendInitialEvents=True).refused(422, "Invalid")


@body(needs=[FORGETS])
def history_has_an_end(at: Session) -> None:
    """A watch from a version that is forgotten gets 410 Expired, as an answer or as an ERROR event."""
    request = at.request("GET", at.path(SECRETS), query={"watch": 1, "resourceVersion": 1})
    found = at.arm.watch(request)
    status = found.document() if isinstance(found, Reply) else _first_object(found)
    equal((status["kind"], status["code"], status["reason"]), ("Status", 410, "Expired"), "the refusal")


def _first_object(events: Events) -> dict[str, object]:
    event = events.next(10)
    events.close()
    if event is None:
        raise Unfaithful("expected an event")
    equal(event["type"], "ERROR", "the event")
    found: dict[str, object] = event["object"]
    return found


@body()
def a_bad_version_is_refused(at: Session) -> None:
    """A watch from a resourceVersion that is no number is refused, with a Status."""
    status = at.ask("GET", at.path(SECRETS), watch=1, resourceVersion="abc").document()
    equal((status["kind"], status["status"]), ("Status", "Failure"), "the answer")


@body()
def watches_go_on_where_lists_end(at: Session) -> None:
    """A watch from the version of a list misses nothing that came after it."""
    at.create(SECRETS, secret("x")).obj(201)
    since = version(at)
    at.patch(SECRETS, "x", {"stringData": {"a": "2"}}).obj()
    at.create(SECRETS, secret("y")).obj(201)
    with at.watching(SECRETS, resourceVersion=since) as watch:
        equal(watch.named(2), [("MODIFIED", "x"), ("ADDED", "y")], "the events since the list")
