"""Keys and values of slots: one canonical way to write each, and strict reading."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collab.record.slots import (
    REMOVED,
    BadSlot,
    Claim,
    Field,
    OwnerStamp,
    Policy,
    Rank,
    SlotKey,
    Stamp,
    escape,
    field_path,
    key_text,
    parse_key,
    parse_slot,
    parse_value,
    path_names,
    site_of,
    unescape,
    value_text,
)

segments = st.text(min_size=1, max_size=12)
writers = st.from_regex(r"[a-z][a-z0-9-]{0,8}~[0-9a-z]{1,6}", fullmatch=True)


@settings(deadline=None)
@given(segments)
def test_a_segment_survives_escaping_and_never_holds_a_separator(segment: str) -> None:
    assert unescape(escape(segment)) == segment
    assert not {"/", "|"} & set(escape(segment))


@settings(deadline=None)
@given(st.lists(segments, min_size=1, max_size=4))
def test_a_path_gives_its_names_back(names: list[str]) -> None:
    assert path_names(field_path(*names)) == tuple(names)


@settings(deadline=None)
@given(segments, segments, st.integers(1, 99), st.lists(segments, min_size=1, max_size=3), writers)
def test_a_field_key_gives_its_parts_back(kind: str, name: str, n: int, names: list[str], writer: str) -> None:
    path = field_path(*names)
    text = key_text("f", kind, name, str(n), path, writer=writer)
    assert parse_key(text) == SlotKey("f", (kind, name, str(n), path), writer)


def test_the_keys_are_those_of_the_specification() -> None:
    writer = "paris~x7"
    path = field_path("metadata", "labels", "app.example.org/name")
    assert key_text("own", writer=writer) == "own|paris~x7"
    assert key_text("mb", "rennes", writer=writer) == "mb/rennes|paris~x7"
    assert key_text("an", "rennes", "paris~x7.2", writer=writer) == "an/rennes/paris~x7.2|paris~x7"
    assert key_text("d", "configmaps", "app", "1", writer=writer) == "d/configmaps/app/1|paris~x7"
    assert (
        key_text("f", "configmaps", "app", "1", path, writer=writer)
        == "f/configmaps/app/1/f:metadata/f:labels/f:app.example.org%2Fname|paris~x7"
    )


@pytest.mark.parametrize(
    "text",
    [
        "",
        "own",
        "own|",
        "own|paris",
        "own|~x7",
        "own|paris~",
        "own/extra|paris~x7",
        "lease|paris~x7",
        "mb|paris~x7",
        "mb/|paris~x7",
        "mb/a/b|paris~x7",
        "an/rennes|paris~x7",
        "o/configmaps/app|paris~x7",
        "o/configmaps/app/0|paris~x7",
        "o/configmaps/app/01|paris~x7",
        "o/configmaps/app/one|paris~x7",
        "o/configmaps/app/1/f:data|paris~x7",
        "f/configmaps/app/1|paris~x7",
        "f/configmaps/app/1/data|paris~x7",
        "f/configmaps/app/1/f:|paris~x7",
        "f/configmaps/app/1/f:data/|paris~x7",
        "f/configmaps/a%pp/1/f:data|paris~x7",
        "f/configmaps/a%2fp/1/f:data|paris~x7",
    ],
)
def test_a_key_outside_the_grammar_is_refused_by_name(text: str) -> None:
    with pytest.raises(BadSlot, match=r"slot key|FieldsV1"):
        parse_key(text)


@pytest.mark.parametrize(
    ("family", "text"),
    [
        ("own", "not json"),
        ("own", '{"e":0,"rk":1,"o":"paris"}'),
        ("own", '{"e":0,"rk":1,"o":"paris","s":"lent"}'),
        ("own", '{"e":0,"rk":1,"o":"paris","s":"own","surprise":1}'),
        ("own", '{"e":"0","rk":1,"o":"paris","s":"own"}'),
        ("f", '{"t":[1,"paris~x7"]}'),
        ("f", '{"t":[1,"paris~x7"],"v":1,"x":1}'),
        ("f", '{"t":[1],"v":1}'),
        ("f", '{"t":[1,"paris~x7"],"v":1,"b":[' + ",".join(['[1,"a~b"]'] * 9) + "]}"),
        ("mb", '{"t":[1,"paris~x7"],"inv":"i","state":"in"}'),
        ("mb", '{"t":[0,1,"paris",1,"paris~x7"],"inv":"i","state":"maybe"}'),
        ("an", '{"s":"refused"}'),
    ],
)
def test_a_value_outside_its_family_is_refused(family: str, text: str) -> None:
    with pytest.raises(BadSlot):
        parse_value(family, text)


def test_a_stamp_of_another_writer_is_refused() -> None:
    text = value_text(Field(t=Stamp(3, "rennes~1"), v="red"))
    with pytest.raises(BadSlot, match="rennes~1"):
        parse_slot(parse_key("f/configmaps/app/1/f:data/f:k|paris~x7"), text)


@pytest.mark.parametrize(
    ("family", "value"),
    [
        ("own", Claim(e=2, rk=0, o="rennes", s="own")),
        ("policy", Policy(t=OwnerStamp(0, 1, "paris", 2, "paris~x7"), kinds=("configmaps",))),
        ("f", Field(t=Stamp(4, "paris~x7"), v=None)),
        ("f", Field(t=Stamp(4, "paris~x7"), v=REMOVED, x=1, b=(Stamp(2, "rennes~1"),))),
        ("f", Field(t=Stamp(4, "paris~x7"), v={"b": 1, "a": [True, 1.5, "é"]})),
    ],
)
def test_a_value_is_read_as_it_was_written(family: str, value: Claim | Policy | Field) -> None:
    assert parse_value(family, value_text(value)) == value


def test_equal_values_are_equal_text_whatever_the_order_of_their_members() -> None:
    stamp = Stamp(1, "paris~x7")
    one, other = Field(t=stamp, v={"a": 1, "b": 2}), Field(t=stamp, v={"b": 2, "a": 1})
    assert value_text(one) == value_text(other) == '{"t":[1,"paris~x7"],"v":{"a":1,"b":2}}'


def test_a_stamp_under_a_higher_claim_is_larger_whatever_its_counter() -> None:
    deposed = OwnerStamp(1, 0, "paris", 900, "paris~x7")
    new = OwnerStamp(1, 0, "rennes", 3, "rennes~1")
    assert new > deposed
    assert new.rank == Rank(1, 0, "rennes")


def test_the_site_of_a_writer_and_of_its_numbered_ids() -> None:
    assert site_of("paris~x7") == site_of("paris~x7.12") == "paris"
