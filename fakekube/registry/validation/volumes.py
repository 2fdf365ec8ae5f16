"""Volume sources of pods, one small rule each. Source: pkg/apis/core/validation of Kubernetes 1.37."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

from fakekube.meta.objects import KubeObject
from fakekube.registry.quantity import parse_quantity
from fakekube.registry.validation.causes import (
    Causes,
    all_invalid,
    duplicate,
    forbidden,
    invalid,
    required,
    unsupported,
)
from fakekube.registry.validation.claims import claim_spec
from fakekube.registry.validation.containers import resource_reference, volume_field_reference
from fakekube.registry.validation.names import between, dns_label, dns_subdomain
from fakekube.registry.validation.paths import absolute, local_file, no_backsteps

_MODE = "must be a number between 0 and 0777 (octal), both inclusive"
_HOST_PATH_TYPES = ("", "BlockDevice", "CharDevice", "Directory", "DirectoryOrCreate", "File", "FileOrCreate", "Socket")
_TOKEN_LEAST_S, _TOKEN_MOST_S = 600, 1 << 32

Check = Callable[[KubeObject, str], Causes]


def volumes(values: Sequence[KubeObject], path: str) -> Causes:
    names: set[str] = set()
    for index, volume in enumerate(values):
        here, name = f"{path}[{index}]", volume.get("name", "")
        yield from _source(volume, here)
        if not name:
            yield required(f"{here}.name")
        else:
            faults = dns_label(name)
            yield from all_invalid(f"{here}.name", name, faults)
            if not faults and name in names:
                yield duplicate(f"{here}.name", name)
        names.add(name)


def _source(volume: KubeObject, path: str) -> Causes:
    count = 0
    for name, check in SOURCES.items():
        source = volume.get(name)
        if source is None:
            continue
        count += 1
        if count > 1:
            yield forbidden(f"{path}.{name}", "may not specify more than 1 volume type")
        else:
            yield from check(source, f"{path}.{_SHOWN.get(name, name)}")
    if not count:
        yield required(path, "must specify a volume type")


# The server's own name for it in messages.
_SHOWN = {"gcePersistentDisk": "persistentDisk"}


def needs(*members: str) -> Check:
    """A source that must have these members."""

    def check(source: KubeObject, path: str) -> Causes:
        for member in members:
            if not source.get(member):
                yield required(f"{path}.{member}")

    return check


def _empty_dir(source: KubeObject, path: str) -> Causes:
    limit = source.get("sizeLimit")
    if limit is not None and parse_quantity(str(limit)).value < 0:
        yield forbidden(f"{path}.sizeLimit", "SizeLimit field must be a valid resource quantity")


def host_path(source: KubeObject, path: str) -> Causes:
    if not source.get("path"):
        yield required(f"{path}.path")
        return
    yield from no_backsteps(source["path"], f"{path}.path")
    kind = source.get("type")
    if kind is not None and kind not in _HOST_PATH_TYPES:
        yield unsupported(f"{path}.type", kind, _HOST_PATH_TYPES)


def _mode(source: KubeObject, path: str, member: str = "defaultMode") -> Causes:
    mode = source.get(member)
    if mode is not None and not 0 <= mode <= 0o777:
        yield invalid(f"{path}.{member}", mode, _MODE)


def _keys(source: KubeObject, path: str) -> Causes:
    for index, item in enumerate(source.get("items") or ()):
        here = f"{path}.items[{index}]"
        if not item.get("key"):
            yield required(f"{here}.key")
        yield from local_file(item.get("path", ""), f"{here}.path")
        yield from _mode(item, here, "mode")


def _secret(source: KubeObject, path: str) -> Causes:
    if not source.get("secretName"):
        yield required(f"{path}.secretName")
    yield from _mode(source, path)
    yield from _keys(source, path)


def _config_map(source: KubeObject, path: str) -> Causes:
    if not source.get("name"):
        yield required(f"{path}.name")
    yield from _mode(source, path)
    yield from _keys(source, path)


def _downward(source: KubeObject, path: str) -> Causes:
    yield from _mode(source, path)
    for item in source.get("items") or ():
        yield from _downward_file(item, path)


def _downward_file(item: KubeObject, path: str) -> Causes:
    where = item.get("path", "")
    if not where:
        yield required(f"{path}.path")
    else:
        yield from local_file(where, f"{path}.path")
    if item.get("fieldRef") is not None:
        yield from volume_field_reference(item["fieldRef"], f"{path}.fieldRef")
        if item.get("resourceFieldRef") is not None:
            yield invalid(path, "resource", "fieldRef and resourceFieldRef can not be specified simultaneously")
    elif item.get("resourceFieldRef") is not None:
        yield from resource_reference(item["resourceFieldRef"], f"{path}.resourceFieldRef", volume=True)
    else:
        yield required(path, "one of fieldRef and resourceFieldRef is required")
    yield from _mode(item, path, "mode")


_PROJECTED = ("secret", "downwardAPI", "configMap", "serviceAccountToken", "clusterTrustBundle", "podCertificate")


def _projected(source: KubeObject, path: str) -> Causes:
    yield from _mode(source, path)
    seen: set[str] = set()
    for index, projection in enumerate(source.get("sources") or ()):
        here = f"{path}.sources[{index}]"
        given = [name for name in _PROJECTED if projection.get(name) is not None]
        for position, name in enumerate(given):
            if position:
                yield forbidden(f"{here}.{name}", "may not specify more than 1 volume type per source")
                continue
            check = _PROJECTIONS.get(name)
            if check is not None:
                yield from check(projection[name], f"{here}.{name}")
        token = projection.get("serviceAccountToken")
        if token is not None and not token.get("path"):
            yield required(f"{path}.path")
        yield from _repeated_files(projection, path, seen)


def _repeated_files(projection: KubeObject, path: str, seen: set[str]) -> Causes:
    """No two sources write one file. `seen`: the files of the sources before, added to."""
    for kind in ("secret", "configMap", "downwardAPI"):
        source = projection.get(kind) or {}
        for item in source.get("items") or ():
            file = item.get("path", "")
            if file and file in seen:
                shown = file if kind == "downwardAPI" else source.get("name", "")
                yield invalid(path, shown, "conflicting duplicate paths")
            seen.add(file)


def _projected_keys(source: KubeObject, path: str) -> Causes:
    if not source.get("name"):
        yield required(f"{path}.name")
    yield from _keys(source, path)


def _projected_downward(source: KubeObject, path: str) -> Causes:
    for item in source.get("items") or ():
        yield from _downward_file(item, path)


def _token(source: KubeObject, path: str) -> Causes:
    seconds = source.get("expirationSeconds", 3600)
    if seconds < _TOKEN_LEAST_S:
        yield invalid(f"{path}.expirationSeconds", seconds, "may not specify a duration less than 10 minutes")
    elif seconds > _TOKEN_MOST_S:
        yield invalid(f"{path}.expirationSeconds", seconds, "may not specify a duration larger than 2^32 seconds")


def _trust_bundle(source: KubeObject, path: str) -> Causes:
    if source.get("name") is not None and source.get("signerName") is not None:
        yield invalid(path, source, "only one of name and signerName may be used")
    elif source.get("name") is None and source.get("signerName") is None:
        yield required(path, "either name or signerName must be specified")


_PROJECTIONS: Mapping[str, Check] = {
    "secret": _projected_keys,
    "configMap": _projected_keys,
    "downwardAPI": _projected_downward,
    "serviceAccountToken": _token,
    "clusterTrustBundle": _trust_bundle,
}


def _ephemeral(source: KubeObject, path: str) -> Causes:
    template = source.get("volumeClaimTemplate")
    if template is None:
        yield required(f"{path}.volumeClaimTemplate")
    else:
        yield from claim_spec(template.get("spec") or {}, f"{path}.volumeClaimTemplate.spec")


def nfs(source: KubeObject, path: str) -> Causes:
    if not source.get("server"):
        yield required(f"{path}.server")
    if not source.get("path"):
        yield required(f"{path}.path")
    yield from absolute(source.get("path", ""), f"{path}.path")


def csi(source: KubeObject, path: str) -> Causes:
    driver = source.get("driver", "")
    if not driver:
        yield required(f"{path}.driver")
        return
    yield from all_invalid(f"{path}.driver", driver, dns_subdomain(driver.lower()))
    secret = source.get("nodePublishSecretRef")
    if secret is not None and not secret.get("name"):
        yield required(f"{path}.nodePublishSecretRef.name")


def iscsi(source: KubeObject, path: str) -> Causes:
    if not source.get("targetPortal"):
        yield required(f"{path}.targetPortal")
    name = source.get("iqn", "")
    if not name:
        yield required(f"{path}.iqn")
    elif not name.startswith(("iqn", "eui", "naa")):
        yield invalid(f"{path}.iqn", name, "must be valid format starting with iqn, eui, or naa")
    elif name.startswith("iqn") and not re.fullmatch(r"iqn\.\d{4}-\d{2}\.([A-Za-z0-9.-]+)(:.+)?", name):
        yield invalid(f"{path}.iqn", name, "must be valid format")
    lun = source.get("lun", 0)
    if not 0 <= lun <= 255:
        yield invalid(f"{path}.lun", lun, between(0, 255))


def gce_disk(source: KubeObject, path: str) -> Causes:
    if not source.get("pdName"):
        yield required(f"{path}.pdName")
    partition = source.get("partition", 0)
    if not 0 <= partition <= 255:
        yield invalid(f"{path}.partition", partition, between(1, 255))


def azure_disk(source: KubeObject, path: str) -> Causes:
    for member in ("diskName", "diskURI"):
        if not source.get(member):
            yield required(f"{path}.{member}")
    uri, managed = source.get("diskURI", ""), source.get("kind") == "Managed"
    managed_uri = "/subscriptions/{sub-id}/resourcegroups/{group-name}/providers/microsoft.compute/disks/{disk-id}"
    blob_uri = "https://{account-name}.blob.core.windows.net/{container-name}/{disk-name}.vhd"
    if managed and not uri.startswith("/subscriptions"):
        yield unsupported(f"{path}.diskURI", uri, (managed_uri,))
    if uri and not managed and not uri.startswith("https://") and not uri.startswith("/subscriptions"):
        yield unsupported(f"{path}.diskURI", uri, (blob_uri,))


def fibre_channel(source: KubeObject, path: str) -> Causes:
    names, ids = source.get("targetWWNs"), source.get("wwids")
    if bool(names) == bool(ids):
        yield required(f"{path}.targetWWNs", "must specify either targetWWNs or wwids, but not both")
    elif names and not 0 <= source.get("lun", -1) <= 255:
        yield (
            invalid(f"{path}.lun", source.get("lun"), between(0, 255))
            if "lun" in source
            else required(f"{path}.lun", "lun is required if targetWWNs is specified")
        )


def quobyte(source: KubeObject, path: str) -> Causes:
    registry = source.get("registry", "")
    if not registry:
        yield required(f"{path}.registry", "must be a host:port pair or multiple pairs separated by commas")
    if not source.get("volume"):
        yield required(f"{path}.volume")


def flocker(source: KubeObject, path: str) -> Causes:
    if not source.get("datasetName") and not source.get("datasetUUID"):
        yield required(path, "one of datasetName and datasetUUID is required")


def git_repo(source: KubeObject, path: str) -> Causes:
    if not source.get("repository"):
        yield required(f"{path}.repository")
    if source.get("directory"):
        yield from local_file(source["directory"], f"{path}.directory")


SOURCES: Mapping[str, Check] = {
    "emptyDir": _empty_dir,
    "hostPath": host_path,
    "gitRepo": git_repo,
    "gcePersistentDisk": gce_disk,
    "awsElasticBlockStore": needs("volumeID"),
    "secret": _secret,
    "nfs": nfs,
    "iscsi": iscsi,
    "glusterfs": needs("endpoints", "path"),
    "flocker": flocker,
    "persistentVolumeClaim": needs("claimName"),
    "rbd": needs("monitors", "image"),
    "cinder": needs("volumeID"),
    "cephfs": needs("monitors"),
    "quobyte": quobyte,
    "downwardAPI": _downward,
    "fc": fibre_channel,
    "flexVolume": needs("driver"),
    "configMap": _config_map,
    "azureFile": needs("secretName", "shareName"),
    "vsphereVolume": needs("volumePath"),
    "photonPersistentDisk": needs("pdID"),
    "portworxVolume": needs("volumeID"),
    "azureDisk": azure_disk,
    "storageos": needs("volumeName"),
    "projected": _projected,
    "scaleIO": needs("gateway", "system", "volumeName"),
    "csi": csi,
    "ephemeral": _ephemeral,
    "image": needs("reference"),
}
