"""What a server tells of itself: versions, groups, resources, schemas, health."""

from __future__ import annotations

from fakekube.meta.objects import KubeObject
from fakekube.testing.kit import body
from fakekube.testing.reply import equal, holds
from fakekube.testing.session import Session

AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"


@body()
def the_version_is_told(at: Session) -> None:
    """/version names major, minor and gitVersion."""
    found = at.ask("GET", "/version").obj()
    holds(found["gitVersion"].startswith(f"v{found['major']}.{found['minor'].rstrip('+')}"), f"one version in {found}")


@body()
def groups_name_their_versions(at: Session) -> None:
    """/apis lists groups with a preferred version, /api the core."""
    groups = {each["name"]: each for each in at.ask("GET", "/apis").obj()["groups"]}
    equal(groups["apps"]["preferredVersion"], {"groupVersion": "apps/v1", "version": "v1"}, "the version of apps")
    equal(at.ask("GET", "/api").obj()["versions"], ["v1"], "the versions of the core")


@body()
def resources_are_described(at: Session) -> None:
    """Each group-version lists its resources with kind, scope, verbs and short names."""
    found = {each["name"]: each for each in at.ask("GET", "/api/v1").obj()["resources"]}
    maps = found["configmaps"]
    equal((maps["kind"], maps["namespaced"], maps["shortNames"]), ("ConfigMap", True, ["cm"]), "configmaps")
    holds({"create", "deletecollection", "watch"} <= set(maps["verbs"]), f"the verbs in {maps['verbs']}")
    holds("pods/eviction" in found and found["nodes"]["namespaced"] is False, "subresources and cluster scope")


@body()
def discovery_can_be_had_in_one_go(at: Session) -> None:
    """Aggregated discovery tells every group, version and resource in one answer, with an ETag."""
    reply = at.ask("GET", "/apis", headers={"accept": AGGREGATED})
    groups: dict[str, KubeObject] = {each["metadata"]["name"]: each for each in reply.obj()["items"]}
    resources = groups["apps"]["versions"][0]["resources"]
    (found,) = [each for each in resources if each["resource"] == "deployments"]
    equal((found["responseKind"]["kind"], found["scope"]), ("Deployment", "Namespaced"), "deployments")
    equal(sorted(each["subresource"] for each in found["subresources"]), ["scale", "status"], "the subresources")
    tag = reply.headers["etag"]
    again = at.ask("GET", "/apis", headers={"accept": AGGREGATED, "if-none-match": tag})
    equal(again.status, 304, "the status with that ETag")


@body()
def schemas_are_served(at: Session) -> None:
    """/openapi/v3 indexes a document for each group-version, with kinds and merge keys."""
    index = at.ask("GET", "/openapi/v3").obj()["paths"]
    url = index["apis/apps/v1"]["serverRelativeURL"]
    path, _, query = url.partition("?")
    document = at.ask("GET", path, **dict([query.split("=", 1)])).obj()
    schema = document["components"]["schemas"]["io.k8s.api.apps.v1.Deployment"]
    wanted = {"group": "apps", "kind": "Deployment", "version": "v1"}
    holds(wanted in schema["x-kubernetes-group-version-kind"], "the kind of the schema")
    containers = document["components"]["schemas"]["io.k8s.api.core.v1.PodSpec"]["properties"]["containers"]
    equal(containers["x-kubernetes-patch-merge-key"], "name", "the merge key of containers")


@body()
def health_is_told(at: Session) -> None:
    """/healthz, /livez and /readyz answer ok."""
    for path in ("/healthz", "/livez", "/readyz"):
        reply = at.ask("GET", path)
        equal((reply.status, reply.body), (200, b"ok"), path)
