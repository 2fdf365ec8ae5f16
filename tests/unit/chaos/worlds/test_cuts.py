"""Cuts of several causes on one way: the strongest holds, each ends by itself."""

from __future__ import annotations

from chaos.scenario.faults import Mode
from chaos.scenario.timeline import LinkCut
from chaos.worlds.cuts import Cuts


def cut(cause: str, mode: Mode, origin: str = "a", target: str = "b") -> LinkCut:
    return LinkCut(t=0, id=cause, origin=origin, target=target, mode=mode, until=1)


def test_a_cut_is_of_one_way() -> None:
    cuts = Cuts()
    cuts.add(cut("f0", "drop"))
    assert cuts.mode("a", "b") == "drop"
    assert cuts.mode("b", "a") is None


def test_the_strongest_of_several_holds_until_it_ends() -> None:
    cuts = Cuts()
    for cause, mode in (("f0", "jam"), ("f1", "reject"), ("f2", "drop")):
        cuts.add(cut(cause, "jam" if mode == "jam" else "reject" if mode == "reject" else "drop"))
    seen = []
    for cause in ("f1", "f2", "f0"):
        seen.append(cuts.mode("a", "b"))
        cuts.remove(cut(cause, "drop"))
    assert [*seen, cuts.mode("a", "b")] == ["reject", "drop", "jam", None]


def test_a_cut_that_was_healed_with_all_others_may_end_again() -> None:
    cuts = Cuts()
    cuts.add(cut("f0", "drop"))
    cuts.clear()
    assert cuts.mode("a", "b") is None
    cuts.remove(cut("f0", "drop"))
