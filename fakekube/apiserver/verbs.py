"""The verbs of a resource: from a call to the registry and back. One function a verb, and the table of them."""

from __future__ import annotations

from fakekube.apiserver.bodies import decoded_body, delete_request, require_name
from fakekube.apiserver.call import Answer, Call, Handler, answer, warning_headers
from fakekube.apiserver.codec import encode
from fakekube.apiserver.list_options import list_options, watch_options
from fakekube.apiserver.patches import patch
from fakekube.apiserver.query import bool_of
from fakekube.apiserver.watch import WatchTarget, open_watch
from fakekube.apiserver.write_options import body_options
from fakekube.meta.errors import Cause, Details, StatusError, bad_request, not_found, not_implemented
from fakekube.meta.objects import KubeObject, metadata, uid_of
from fakekube.registry.crd.conversion import Undecodable
from fakekube.registry.create import create
from fakekube.registry.delete import delete
from fakekube.registry.list import list_page, require_reached
from fakekube.registry.options import DeleteOptions
from fakekube.registry.strategies import Served
from fakekube.registry.update import parsed_revision, require, storage_conflict, update
from fakekube.storage.items import Item

# The real server draws a timeout between one and two times this when the client names none.
MIN_REQUEST_TIMEOUT_S = 1800


def get(call: Call) -> Answer:
    version = call.query.get("resourceVersion", "")
    if version:
        _require_version(call.served, version)
        require_reached(call.site, int(version))
    item = call.site.store.get(call.served.key, call.namespace, call.info.name)
    if item is None:
        raise not_found(call.served.type.plural, call.served.type.group, call.info.name)
    try:
        return answer(call, 200, call.representation.one(call.served, item))
    except Undecodable as error:
        raise _corrupt(call, error) from None


def _corrupt(call: Call, error: StatusError) -> StatusError:
    """A read takes what no webhook converts for a fault of the storage."""
    key = f"/{call.served.type.group}/{call.served.type.plural}/{call.namespace}/{call.info.name}".replace("//", "/")
    why = f"StorageError: corrupt object, Code: 7, Key: {key}, ResourceVersion: 0, AdditionalErrorMsg: {error.message}"
    details = Details(causes=[Cause(reason="", message=why)])
    return StatusError(code=500, reason="InternalError", message=f"Internal error occurred: {why}", details=details)


def _require_version(served: Served, text: str) -> None:
    """Events are not read through a cache, whose words for a bad version are others."""
    if not (text.isascii() and text.isdigit()):
        why = f'Invalid value: "{text}": strconv.ParseUint: parsing "{text}": invalid syntax'
        if served.type.plural == "events":
            raise bad_request(f"invalid resource version: resourceVersion: {why}")
        raise StatusError(code=500, reason="", message=f"resourceVersion: {why}")


def list_(call: Call) -> Answer:
    page = list_page(call.site, call.served, call.listed_namespace, list_options(call.served, call.query))
    return answer(call, 200, call.representation.page(call.served, page))


def watch(call: Call) -> Answer:
    query = {**call.query, "fieldSelector": f"metadata.name={call.info.name}"} if call.info.name else call.query
    _require_watchable(call)
    options = watch_options(call.served, query)
    target = WatchTarget(served=call.served, namespace=call.listed_namespace, selection=options.list.selection)
    timeout_s = float(options.timeout_s) or MIN_REQUEST_TIMEOUT_S * (1 + call.site.rng.random())
    stream = open_watch(call.site, target, call.representation, options, timeout_s)
    stream.headers = (*stream.headers, *warning_headers(call.warnings))
    return stream


def create_(call: Call) -> Answer:
    options = body_options("CreateOptions", call.query, call.header("user-agent"), call.warnings, call.request.user)
    obj = decoded_body(call, options)
    item = create(call.site, call.served, call.namespace, obj, options.write)
    return answer(call, 201, call.representation.one(call.served, item))


def _require_watchable(call: Call) -> None:
    """501 where a webhook would have to convert each event: nobody waits for its answers."""
    custom = call.served.type.custom
    if custom is None or custom.conversion is None:
        return
    listed = call.site.store.keyspace(call.served.key).listed()
    if custom.name != custom.stored or any(item.obj["apiVersion"] != call.served.type.api_version for item in listed):
        raise not_implemented(f"watch of {call.served.type.qualified} in a version that a webhook converts to")


def update_(call: Call) -> Answer:
    options = body_options("UpdateOptions", call.query, call.header("user-agent"), call.warnings, call.request.user)
    obj = decoded_body(call, options)
    require_name(call.info.name, obj)
    site, served, namespace, name = call.site, call.served, call.namespace, call.info.name
    absent = site.store.get(served.key, namespace, name) is None
    if absent and served.strategy.put_creates and not call.info.subresource:
        if uid := uid_of(obj):
            nothing = Item(namespace, name, 0, {}, b"")
            why = f"Precondition failed: UID in precondition: {uid}, UID in object meta: "
            raise storage_conflict(served, nothing, why, dry_run=options.write.dry_run)
        parsed_revision(metadata(obj).get("resourceVersion") or "")
        wanted = obj if options.write.dry_run else _without_version(obj)
        item = create(site, served, namespace, wanted, options.write)
        return answer(call, 201, call.representation.one(served, item))
    item = update(
        site,
        served,
        namespace,
        name,
        lambda _: obj,
        options.write,
        subresource=call.info.subresource,
        uid_is_precondition=True,
    )
    return answer(call, 200, call.representation.one(served, item))


def _without_version(obj: KubeObject) -> KubeObject:
    found = {key: value for key, value in metadata(obj).items() if key != "resourceVersion"}
    return {**obj, "metadata": found}


def delete_(call: Call) -> Answer:
    request = delete_request(call)
    _refuse_unsafe(call)
    if _orphans_in_silence(call, request.options):  # said before the job is looked for
        call.warnings.append(_JOB_WARNING)
    done = delete(call.site, call.served, call.namespace, call.info.name, request.options)
    if done.gone and not call.served.strategy.delete_returns_object:
        return answer(call, 200, success(call, done.item))
    status = 202 if request.cascades and not done.gone else 200
    return answer(call, status, call.representation.one(call.served, done.item))


def _refuse_unsafe(call: Call) -> None:
    """Deletion of what cannot be read is only for what cannot be read."""
    if not bool_of(call.query, "ignoreStoreReadErrorWithClusterBreakingPotential"):
        return
    held = require(call.site, call.served, call.namespace, call.info.name)
    why = "unsafe deletion is not allowed because the object is decodable from storage"
    raise storage_conflict(call.served, held, why)


_JOB_WARNING = (
    "child pods are preserved by default when jobs are deleted; set propagationPolicy=Background to remove them or set "
    "propagationPolicy=Orphan to suppress this warning"
)


def _orphans_in_silence(call: Call, options: DeleteOptions) -> bool:
    return call.served.type.qualified == "jobs.batch" and not options.propagation


def success(call: Call, item: Item) -> bytes:
    """The Status of a deletion that is complete."""
    resource = call.served.type
    details: KubeObject = {"name": item.name}
    if resource.group:
        details["group"] = resource.group
    details |= {"kind": resource.plural, "uid": uid_of(item.obj)}
    status = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details}
    return encode(status, call.representation.content_type)


def delete_collection(call: Call) -> Answer:
    options = list_options(call.served, call.query)
    request = delete_request(call)
    page = list_page(call.site, call.served, call.listed_namespace, options)
    for item in page.items:
        _delete_listed(call, call.served, item, request.options)
    return answer(call, 200, call.representation.page(call.served, page))


def _delete_listed(call: Call, served: Served, item: Item, options: DeleteOptions) -> None:
    """An item that went meanwhile is gone, as was asked."""
    try:
        delete(call.site, served, item.namespace, item.name, options)
    except StatusError as error:
        if error.code != 404:
            raise


VERBS: dict[str, Handler] = {
    "get": get,
    "list": list_,
    "watch": watch,
    "create": create_,
    "update": update_,
    "patch": patch,
    "delete": delete_,
    "deletecollection": delete_collection,
}
