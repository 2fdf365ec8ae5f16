"""The kit as a pytest test of a downstream project."""

from __future__ import annotations

from collections.abc import Callable

from fakekube.testing.arms import Arm
from fakekube.testing.kit import Body, Outcome, bodies, outcome


def suite(arm: Callable[[], Arm], match: str = "", run: str = "kit") -> Callable[[Body], None]:
    """A parametrised test, one case a body; assign it to a name that begins with `test_`. Needs pytest.

    `arm` is called once for each case, so that no case sees another's objects: give `CoreArm.fresh`, or a function
    that returns an `HttpArm`. What the arm lacks is skipped; what is marked as different for its server is an xfail.
    """
    import pytest

    @pytest.mark.parametrize("body", bodies(match), ids=str)
    def test_conformance(body: Body) -> None:
        where = arm()
        try:
            found = outcome(body, where, run)
        finally:
            where.close()
        if found.outcome is Outcome.SKIPPED:
            pytest.skip(found.detail)
        if found.outcome is Outcome.DIFFERS:
            pytest.xfail(found.detail)
        assert found.outcome is Outcome.OK, f"{body.title}: {found.detail}"

    return test_conformance
