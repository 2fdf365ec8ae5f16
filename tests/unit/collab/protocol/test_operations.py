"""Operations as they are asked for: read strictly, and named where they are wrong."""

from __future__ import annotations

import random

import pytest

from collab.protocol.operations import BadOperationError, parse_operation

TEAM = "namespaces/team"


def parse(**body: object) -> object:
    return parse_operation(body, random.Random(1))


def test_an_operation_survives_its_own_json() -> None:
    body = {
        "verb": "extend",
        "resource": TEAM,
        "to": "b",
        "with": ["configmaps"],
        "role": "ro",
        "collision": "adopt",
        "timeoutSeconds": 7,
    }
    operation = parse_operation(body, random.Random(1))
    assert parse_operation(operation.to_json(), random.Random(2)) == operation


def test_an_id_is_drawn_from_the_given_chance() -> None:
    assert parse(verb="destroy", resource=TEAM) == parse(verb="destroy", resource=TEAM)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "verb"),
        ({"verb": "explode", "resource": TEAM}, "verb"),
        ({"verb": "destroy"}, "resource"),
        ({"verb": "destroy", "resource": "pods/x"}, "resource"),
        ({"verb": "destroy", "resource": "namespaces/Team"}, "resource"),
        ({"verb": "destroy", "resource": "namespaces/kube-system"}, "resource"),
        ({"verb": "destroy", "resource": "namespaces/default"}, "resource"),
        ({"verb": "extend", "resource": TEAM}, "to"),
        ({"verb": "extend", "resource": TEAM, "to": "B!"}, "to"),
        ({"verb": "retract", "resource": TEAM}, "from"),
        ({"verb": "reattach", "resource": TEAM}, "to"),
        ({"verb": "create", "resource": TEAM}, "members"),
        ({"verb": "create", "resource": TEAM, "members": ["a", 1]}, "members"),
        ({"verb": "extend", "resource": TEAM, "to": "b", "with": ["secrets"]}, "with"),
        ({"verb": "extend", "resource": TEAM, "to": "b", "timeoutSeconds": -1}, "timeoutSeconds"),
        ({"verb": "extend", "resource": TEAM, "to": "b", "timeoutSeconds": True}, "timeoutSeconds"),
        ({"verb": "extend", "resource": TEAM, "to": "b", "force": "yes"}, "force"),
        ({"verb": "extend", "resource": TEAM, "to": "b", "object": []}, "object"),
        ({"verb": "extend", "resource": TEAM, "to": "b", "extra": 1}, "extra"),
    ],
)
def test_what_is_wrong_is_named(body: dict[str, object], field: str) -> None:
    with pytest.raises(BadOperationError) as caught:
        parse(**body)
    assert caught.value.field == field


def test_a_body_that_is_no_object_is_refused() -> None:
    with pytest.raises(BadOperationError):
        parse_operation(["verb"], random.Random(1))
