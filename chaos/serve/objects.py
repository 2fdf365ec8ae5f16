"""The objects of `--load DIR`: read once, created at every site as any client would."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from chaos.serve.options import refused
from fakekube.apiserver.request import Request
from fakekube.apiserver.response import Response
from fakekube.apiserver.server import Apiserver
from fakekube.meta.objects import GroupVersionKind, KubeObject, group_of, metadata
from fakekube.registry.resources import builtin

# Others need these to exist first.
_FIRST = ("Namespace", "CustomResourceDefinition")
_SUFFIXES = (".yaml", ".yml", ".json")


@dataclass(frozen=True, slots=True)
class Loaded:
    """One object, where it was read, and the path it is posted to."""

    source: str
    path: str
    obj: KubeObject


def read(folder: Path) -> list[Loaded]:
    """Every object of the folder's files in name order, namespaces and definitions first. Raises BadScenario."""
    if not folder.is_dir():
        raise refused(f"--load {folder}", "not a folder; give one with .yaml, .yml or .json files")
    files = sorted(file for file in folder.iterdir() if file.suffix in _SUFFIXES)
    found = [_loaded(source, obj) for file in files for source, obj in _documents(file)]
    return sorted(found, key=lambda each: each.obj["kind"] not in _FIRST)


def _documents(file: Path) -> Iterator[tuple[str, Any]]:
    try:
        documents = list(yaml.safe_load_all(file.read_text()))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise refused(f"--load {file}", f"cannot be read: {' '.join(str(error).split())}") from None
    for number, document in enumerate(documents, 1):
        source = f"{file} (document {number})"
        items = document.get("items") if isinstance(document, dict) and document.get("kind") == "List" else [document]
        yield from ((source, item) for item in items or [] if item is not None)


def _loaded(source: str, obj: Any) -> Loaded:
    if not isinstance(obj, dict) or not obj.get("kind") or not obj.get("apiVersion"):
        raise refused(f"--load {source}", "an object with apiVersion and kind is expected")
    group, version = group_of(obj["apiVersion"])
    resource = builtin().of_kind(GroupVersionKind(group, version, obj["kind"]))
    if resource is None:
        raise refused(f"--load {source}", f"no resource of kind {obj['kind']} in {obj['apiVersion']} is served")
    root = f"/apis/{group}/{version}" if group else f"/api/{version}"
    namespace = metadata(obj).get("namespace") or "default"
    place = f"/namespaces/{namespace}" if resource.namespaced else ""
    return Loaded(source, f"{root}{place}/{resource.plural}", obj)


def create(apiserver: Apiserver, objects: list[Loaded], token: str) -> None:
    """POST each object to the site, as whom `token` names (anybody, where nobody is asked). Raises BadScenario with the apiserver's own words for one that is refused."""
    for loaded in objects:
        request = Request(
            method="POST",
            path=loaded.path,
            headers={
                "content-type": "application/json",
                "user-agent": "fakekube-load/1",
                "authorization": f"Bearer {token}",
            },
            body=json.dumps(loaded.obj).encode(),
        )
        answer = apiserver.handle(request)
        assert isinstance(answer, Response), "a create is answered at once"
        if answer.status not in (200, 201):
            message = json.loads(answer.body).get("message", answer.body.decode())
            raise refused(f"--load {loaded.source}", f"refused by the apiserver: {message}")
