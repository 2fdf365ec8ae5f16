"""The hash of a trace: what happens at one instant has no order, everything else has."""

from __future__ import annotations

from chaos.virtual.trace import Trace


def digest(*deliveries: tuple[int, str]) -> str:
    trace = Trace()
    for t_ns, label in deliveries:
        trace.add(t_ns, label, "syn", 0)
    return trace.hexdigest()


def test_deliveries_of_one_instant_may_come_in_any_order() -> None:
    assert digest((1, "a>b a#1"), (1, "b>c b#1"), (2, "a>b a#1")) == digest(
        (1, "b>c b#1"), (1, "a>b a#1"), (2, "a>b a#1")
    )


def test_an_instant_later_is_another_trace() -> None:
    assert digest((1, "a>b a#1"), (1, "b>c b#1")) != digest((1, "a>b a#1"), (2, "b>c b#1"))
    assert digest((1, "a>b a#1"), (2, "b>c b#1")) != digest((1, "b>c b#1"), (2, "a>b a#1"))


def test_asking_for_the_hash_changes_nothing() -> None:
    trace = Trace()
    trace.add(1, "a>b a#1", "syn", 0)
    first = trace.hexdigest()
    trace.add(1, "b>c b#1", "syn", 0)
    assert first != trace.hexdigest() == digest((1, "a>b a#1"), (1, "b>c b#1"))
