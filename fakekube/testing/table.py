"""Results as one table: a row for each body, a column for each arm."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from fakekube.testing.kit import Outcome, Result


def rows(results: Sequence[Result]) -> dict[str, dict[str, Result]]:
    """Body -> arm -> result, in the order of the results."""
    found: dict[str, dict[str, Result]] = {}
    for each in results:
        found.setdefault(each.body.name, {})[each.arm] = each
    return found


def text(results: Sequence[Result]) -> str:
    """For a terminal: the table, what needs somebody, and the totals."""
    arms = list(dict.fromkeys(each.arm for each in results))
    names = rows(results)
    width = max((len(name) for name in names), default=4)
    lines = ["  ".join([f"{'body':{width}}", *(f"{arm:10}" for arm in arms)]).rstrip()]
    for name, found in names.items():
        cells = (f"{found[arm].outcome.value if arm in found else '':10}" for arm in arms)
        lines.append("  ".join([f"{name:{width}}", *cells]).rstrip())
    lines += [_complaint(each) for each in results if each.needs_somebody]
    return "\n".join([*lines, "", *(f"{arm}: {totals(results, arm)}" for arm in arms)])


def _complaint(result: Result) -> str:
    return f"\n{result.body.name} on {result.arm}: {result.body.title}.\n    {result.detail}"


def totals(results: Sequence[Result], arm: str) -> str:
    """`62 bodies, 60 ok, 1 differs, 1 skipped, 0 failed`."""
    count = Counter(each.outcome for each in results if each.arm == arm)
    failed = count[Outcome.FAILED] + count[Outcome.STALE]
    return (
        f"{count.total()} bodies, {count[Outcome.OK]} ok, {count[Outcome.DIFFERS]} differ as marked, "
        f"{count[Outcome.SKIPPED]} skipped, {failed} failed"
    )


def markdown(results: Sequence[Result]) -> str:
    """For a page: statement by arm."""
    arms = list(dict.fromkeys(each.arm for each in results))
    lines = [f"| body | what a real apiserver does | {' | '.join(arms)} |", "|---" * (len(arms) + 2) + "|"]
    for name, found in rows(results).items():
        title = next(iter(found.values())).body.title
        cells = " | ".join(found[arm].outcome.value if arm in found else "" for arm in arms)
        lines.append(f"| `{name}` | {title} | {cells} |")
    return "\n".join(lines)
