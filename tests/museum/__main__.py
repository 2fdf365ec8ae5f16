"""`python -m tests.museum` prints what each exhibit shows; exit code 1 when one does not show what it should."""

from __future__ import annotations

import sys
from typing import Final

from tests.museum.exhibits import EXHIBITS, Exhibit, show

HEAD: Final = ("scenario", "naive", "collab")


def row(name: str, exhibit: Exhibit) -> tuple[str, str, str]:
    naive = show(name, exhibit.naive).says(exhibit.check)
    return name, f"{naive.verdict} ({exhibit.check})", show(name).verdict


def expected(name: str, exhibit: Exhibit) -> tuple[str, str, str]:
    return name, f"invalid ({exhibit.check})", "valid"


def main() -> int:
    rows = {name: row(name, exhibit) for name, exhibit in EXHIBITS.items()}
    print(table([HEAD, *rows.values()]))
    wrong = [name for name, exhibit in EXHIBITS.items() if rows[name] != expected(name, exhibit)]
    if wrong:
        print(f"not as it should be: {', '.join(wrong)}", file=sys.stderr)
    return 1 if wrong else 0


def table(rows: list[tuple[str, str, str]]) -> str:
    """Columns padded to their widest cell."""
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    lines = (" | ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)) for cells in rows)
    return "\n".join(line.rstrip() for line in lines)


if __name__ == "__main__":
    sys.exit(main())
