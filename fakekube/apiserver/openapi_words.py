"""What types and fields are for, in Kubernetes' own words: read where the package `kubernetes-validate` is installed.

The package (extra `fakekube[explain]`) carries Kubernetes' published definitions. It is not imported, only looked into,
and that when the first OpenAPI document is built; without it, or without its 1.37, documents have no descriptions.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import msgspec

_PACKAGE = "kubernetes_validate"
_DEFINITIONS = "kubernetes-json-schema/v1.37.*-local/_definitions.json"
# Every object has these two; the words for them are the same in every type.
_TYPE_META_OF = "io.k8s.apimachinery.pkg.apis.meta.v1.Status"


class _Field(msgspec.Struct, frozen=True):
    description: str = ""


class Words(msgspec.Struct, frozen=True):
    """What one type is for, and each of its fields; empty where nothing is said."""

    description: str = ""
    properties: dict[str, _Field] = {}

    def of(self, field: str) -> str:
        found = self.properties.get(field)
        return found.description if found is not None else ""


class _Definitions(msgspec.Struct, frozen=True):
    """A release of the package that arranges them otherwise has nothing for us."""

    types: dict[str, Words] = msgspec.field(name="$defs", default_factory=dict)


_NOTHING = Words()


def words_of(name: str) -> Words:
    """The words for the type of that OpenAPI name, such as `io.k8s.api.apps.v1.Deployment`."""
    return _words().get(name, _NOTHING)


def type_meta_words() -> Words:
    """The words for `apiVersion` and `kind`."""
    return words_of(_TYPE_META_OF)


def with_values(text: str, enum: Sequence[str]) -> str:
    """A field's words and the values it takes, as the server lists them; what each value means is not published."""
    if not text or not enum:
        return text
    return "\n".join([f"{text}\n\nPossible enum values:", *(f' - `"{value}"`' for value in enum)])


@cache
def _words() -> dict[str, Words]:
    """One table for the process: 1.5 MB, read in 10 ms."""
    path = _definitions()
    return {} if path is None else msgspec.json.decode(path.read_bytes(), type=_Definitions).types


def _definitions() -> Path | None:
    """The newest definitions of 1.37 that the package has."""
    package = find_spec(_PACKAGE)
    if package is None:
        return None
    folders = package.submodule_search_locations or ()
    found = sorted(path for folder in folders for path in Path(folder).glob(_DEFINITIONS))
    return found[-1] if found else None
