"""Objects for the acts of a story: samples as recorded, with labels, sometimes with a mistake or with a hole in them."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st

from fakekube.meta.objects import KubeObject
from tests.differential.subjects import Subject

Draw = Callable[[st.SearchStrategy[Any]], Any]

LABELS = st.dictionaries(st.sampled_from(["app", "tier", "x.y/z"]), st.sampled_from(["1", "two", ""]), max_size=2)


def sound(draw: Draw, subject: Subject, letter: str) -> KubeObject:
    """A sample of the kind under that name, with labels."""
    obj: KubeObject = copy.deepcopy(draw(st.sampled_from(subject.samples)))
    meta = obj.setdefault("metadata", {})
    meta["name"] = subject.named(letter)
    meta.pop("namespace", None)
    if labels := draw(LABELS):
        meta["labels"] = {**(meta.get("labels") or {}), **labels}
    return obj


def sample(draw: Draw, subject: Subject, letter: str) -> KubeObject:
    """A sound one, or one with a mistake in it."""
    obj = sound(draw, subject, letter)
    mistake = draw(st.sampled_from([None] * 8 + [*_MISTAKES]))
    if mistake is not None:
        mistake(obj)
    return obj


def partial(draw: Draw, subject: Subject, letter: str) -> KubeObject:
    """A sound one with some members of its spec, or of itself, left out: what one of several managers cares for."""
    obj = sound(draw, subject, letter)
    body = obj.get("spec") if isinstance(obj.get("spec"), dict) and draw(st.booleans()) else obj
    assert isinstance(body, dict)
    for name in sorted(body.keys() - {"apiVersion", "kind", "metadata"}):
        if draw(st.integers(0, 2)) == 0:
            del body[name]
    return obj


_JUNK: st.SearchStrategy[Any] = st.sampled_from(
    [None, "", 0, -1, [], {}, "x", True, 1.5, [None], [{}], {"a": None}, "A_b", "x" * 70, 2**40]
)


def dented(draw: Draw, subject: Subject, letter: str) -> KubeObject:
    """A sample with one member, anywhere, replaced by something else."""
    obj = sound(draw, subject, letter)
    holder: Any = obj
    while True:
        places = sorted(holder) if isinstance(holder, dict) else range(len(holder))
        place = draw(st.sampled_from(list(places)))
        below = holder[place]
        if not (isinstance(below, dict | list) and below) or (holder is not obj and draw(st.integers(0, 3)) == 0):
            break
        holder = below
    if isinstance(holder, dict) and place == "name" and holder is obj["metadata"]:
        place = "generateName"
    holder[place] = draw(_JUNK)
    return obj


def _misnamed(obj: KubeObject) -> None:
    obj["metadata"]["name"] = "Not_A_Name"


def _unknown_field(obj: KubeObject) -> None:
    obj["bogus"] = {"a": 1}


def _unknown_below(obj: KubeObject) -> None:
    obj["metadata"]["bogus"] = True


def _bad_label(obj: KubeObject) -> None:
    obj["metadata"]["labels"] = {"a b": "c"}


def _bad_label_value(obj: KubeObject) -> None:
    obj["metadata"]["labels"] = {"a": "-x-"}


def _wrong_type(obj: KubeObject) -> None:
    obj["metadata"]["labels"] = ["a"]


def _other_kind(obj: KubeObject) -> None:
    obj["kind"] = "Pod"


def _other_version(obj: KubeObject) -> None:
    obj["apiVersion"] = "v9"


def _annotated(obj: KubeObject) -> None:
    obj["metadata"]["annotations"] = {"example.com/note": "é" * 3}


def _finalized(obj: KubeObject) -> None:
    obj["metadata"]["finalizers"] = ["example.com/hold"]


def _generated(obj: KubeObject) -> None:
    obj["metadata"].pop("name", None)


def _owned(obj: KubeObject) -> None:
    obj["metadata"]["ownerReferences"] = [{"apiVersion": "v1", "kind": "ConfigMap", "name": "x", "uid": ""}]


_MISTAKES = (
    _misnamed,
    _unknown_field,
    _unknown_below,
    _bad_label,
    _bad_label_value,
    _wrong_type,
    _other_kind,
    _other_version,
    _annotated,
    _finalized,
    _generated,
    _owned,
)
