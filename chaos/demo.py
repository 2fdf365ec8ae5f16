"""`make demo`: a partition with conflicting updates, among 5 sites and among 200, in virtual time; then what to try."""

from __future__ import annotations

import sys
from typing import Final

from chaos.report.text import print_report
from chaos.runner import run

SIZES: Final = (5, 200)
TRY_NEXT: Final = """
Try next:
  fakekube scenarios                                   what else ships
  fakekube run locality --out run/                     timeline, history and junit.xml of a run
  fakekube compile partition-e                         the schedule itself, one event a line
  fakekube run partition-e --world proxy               the same schedule on real sockets, through Toxiproxy
  fakekube serve --sites 3 --collab --toxiproxy        three apiservers for your own kubectl
"""


def main() -> int:
    """The worst exit code of the runs."""
    reports = []
    for sites in SIZES:
        sys.stdout.write(f"$ fakekube run partition-e --sites {sites}\n")
        sys.stdout.flush()
        report = run("partition-e", sites=sites)
        print_report(report, sys.stdout)
        reports.append(report)
    sys.stdout.write(TRY_NEXT)
    return max(report.exit_code for report in reports)


if __name__ == "__main__":
    sys.exit(main())
