"""Lists: selectors, pages, and the versions that they show."""

from __future__ import annotations

from fakekube.testing.kit import body
from fakekube.testing.reply import Reply, equal, holds
from fakekube.testing.resources import CONFIG_MAPS, PODS, SECRETS, config_map, labelled
from fakekube.testing.session import Session


def names(reply: Reply) -> list[str]:
    return [str(item["metadata"]["name"]) for item in reply.obj()["items"]]


def several(at: Session, count: int) -> None:
    """Secrets, since a controller of a real cluster puts ConfigMaps of its own into every namespace."""
    for number in range(count):
        at.create(SECRETS, {"metadata": {"name": f"x{number}"}}).obj(201)


@body()
def label_selectors_select(at: Session) -> None:
    """labelSelector knows =, ==, !=, in, notin, exists and !."""
    at.create(SECRETS, labelled("x", tier="gold", team="a")).obj(201)
    at.create(SECRETS, labelled("y", tier="iron")).obj(201)
    at.create(SECRETS, labelled("z")).obj(201)
    for selector, wanted in {
        "tier=gold": ["x"],
        "tier==iron": ["y"],
        "tier!=gold": ["y", "z"],
        "tier in (gold,iron)": ["x", "y"],
        "tier notin (gold)": ["y", "z"],
        "tier": ["x", "y"],
        "!tier": ["z"],
        "tier,team=a": ["x"],
    }.items():
        equal(names(at.list(SECRETS, labelSelector=selector)), wanted, f"the names with {selector!r}")
    at.list(SECRETS, labelSelector="tier in gold").refused(400, "BadRequest")


@body()
def field_selectors_select(at: Session) -> None:
    """fieldSelector knows metadata.name everywhere, a kind's own fields, and refuses others with a 400."""
    at.create(SECRETS, {"metadata": {"name": "x"}, "type": "example/one"}).obj(201)
    at.create(SECRETS, {"metadata": {"name": "y"}, "type": "example/two"}).obj(201)
    equal(names(at.list(SECRETS, fieldSelector="metadata.name=x")), ["x"], "the names by name")
    equal(names(at.list(SECRETS, fieldSelector="type!=example/one")), ["y"], "the names by type")
    status = at.list(SECRETS, fieldSelector="data.a=1").refused(400, "BadRequest")
    holds("field label not supported" in status["message"], f"the usual words in {status['message']!r}")


@body()
def pages_follow_each_other(at: Session) -> None:
    """limit and continue give every object once, in the state of the first page, and say how many remain."""
    several(at, 5)
    first = at.list(SECRETS, limit=2).obj()
    equal(first["metadata"]["remainingItemCount"], 3, "what remains")
    at.create(SECRETS, {"metadata": {"name": "x9"}}).obj(201)
    seen, token = [item["metadata"]["name"] for item in first["items"]], first["metadata"]["continue"]
    while token:
        page = at.list(SECRETS, limit=2, **{"continue": token}).obj()
        equal(page["metadata"]["resourceVersion"], first["metadata"]["resourceVersion"], "the version of a page")
        seen += [item["metadata"]["name"] for item in page["items"]]
        token = page["metadata"].get("continue", "")
    equal(seen, [f"x{number}" for number in range(5)], "the names of all pages")


@body()
def bad_list_options_are_refused(at: Session) -> None:
    """A continue token that is none, a limit that is no number and an unknown match rule are 400 or 422."""
    at.list(SECRETS, **{"continue": "nonsense"}).refused(400, "BadRequest")
    at.list(SECRETS, limit="many").refused(400, "BadRequest")
    at.list(SECRETS, resourceVersion="1", resourceVersionMatch="Sometimes").refused(422, "Invalid")


@body()
def an_exact_version_is_the_past(at: Session) -> None:
    """resourceVersionMatch=Exact shows the list as it was."""
    several(at, 1)
    version = at.list(SECRETS).obj()["metadata"]["resourceVersion"]
    at.create(SECRETS, {"metadata": {"name": "later"}}).obj(201)
    old = at.list(SECRETS, resourceVersion=version, resourceVersionMatch="Exact")
    equal(names(old), ["x0"], "the names then")
    equal(names(at.list(SECRETS)), ["later", "x0"], "the names now")


@body()
def a_version_from_the_future_is_too_large(at: Session) -> None:
    """A list at a resourceVersion that is not reached yet is a 504 Timeout with cause ResourceVersionTooLarge."""
    status = at.list(SECRETS, resourceVersion="9999999999").refused(504, "Timeout")
    equal(status["details"]["causes"][0]["reason"], "ResourceVersionTooLarge", "the cause")


@body()
def all_namespaces_are_one_list(at: Session) -> None:
    """A list without a namespace shows objects of all, each with its own."""
    at.create(CONFIG_MAPS, config_map("x")).obj(201)
    found = at.ask("GET", CONFIG_MAPS.path(""), fieldSelector=f"metadata.namespace={at.namespace}").obj()
    equal({item["metadata"]["namespace"] for item in found["items"]}, {at.namespace}, "the namespaces")
    at.ask("POST", CONFIG_MAPS.path(""), CONFIG_MAPS.named(config_map("y"))).refused(405, "MethodNotAllowed")


@body()
def lists_have_a_version_and_bare_items(at: Session) -> None:
    """A list has a kind and a resourceVersion; its items carry no kind of their own."""
    several(at, 1)
    found = at.list(SECRETS).obj()
    equal((found["kind"], found["apiVersion"]), ("SecretList", "v1"), "the kind of the list")
    holds(int(found["metadata"]["resourceVersion"]) > 0, "a version")
    holds("kind" not in found["items"][0], "no kind in an item")
    equal(at.list(PODS).obj()["items"], [], "the items of an empty list")


@body()
def collections_are_deleted_by_selector(at: Session) -> None:
    """DELETE of a collection takes what the selector selects, and answers with it."""
    at.create(SECRETS, labelled("x", go="yes")).obj(201)
    at.create(SECRETS, labelled("y")).obj(201)
    gone = at.ask("DELETE", at.path(SECRETS), labelSelector="go=yes")
    equal(names(gone), ["x"], "the deleted")
    equal(names(at.list(SECRETS)), ["y"], "the rest")
