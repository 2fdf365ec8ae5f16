"""What is wrong with an expression, shown as cel-go shows it: place, message, the line, and a caret below it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

# No more are told.
_MOST = 100
_LONGEST_LINE = 16384
_DOT, _WIDE_DOT, _CARET, _WIDE_CARET = ".", "．", "^", "＾"


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Issue:
    line: int
    """From 1."""
    column: int
    """From 0, in code points."""
    message: str = field(compare=False)


@dataclass(frozen=True, slots=True)
class Source:
    """An expression's text, by lines."""

    text: str

    def issue(self, offset: int, message: str) -> Issue:
        """An issue at an offset in code points; without a place (-1) it is told at 0."""
        if offset < 0:
            return Issue(line=-1, column=-1, message=message)
        before = self.text[:offset]
        return Issue(line=before.count("\n") + 1, column=offset - (before.rfind("\n") + 1), message=message)

    def shown(self, issues: Sequence[Issue]) -> str:
        """All issues by place, as one text."""
        lines = [self._shown(issue) for issue in sorted(issues[:_MOST])]
        if len(issues) > _MOST:
            lines.append(f"{len(issues) - _MOST} more errors were truncated")
        return "\n".join(lines)

    def _shown(self, issue: Issue) -> str:
        if not self.text:
            return f"ERROR: <input>:1:0: {issue.message}"  # where nothing is, there is no place either
        head = f"ERROR: <input>:{issue.line}:{issue.column + 1}: {issue.message}"
        lines = self.text.split("\n")
        if not 0 < issue.line <= len(lines) or len(lines[issue.line - 1].encode()) > _LONGEST_LINE:
            return head
        line = lines[issue.line - 1].replace("\t", " ")
        before = "".join(_WIDE_DOT if ord(each) > 0x7F else _DOT for each in line[: max(issue.column, 0)])
        at = line[issue.column : issue.column + 1]
        caret = _WIDE_CARET if at and ord(at) > 0x7F else _CARET
        return f"{head}\n | {line}\n | {before}{caret}"
