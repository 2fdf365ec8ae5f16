"""`python -m fakekube.testing`: the conformance kit as one table."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from fakekube.testing.arms import Arm, CoreArm
from fakekube.testing.http_arm import Access, HttpArm, cluster_arm, served_site
from fakekube.testing.kit import Result, bodies, run_kit
from fakekube.testing.table import text


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code 0: all as a real apiserver, or as marked; 1: not; 2: bad input; 4: a server cannot be reached."""
    given = _parser().parse_args(arguments)
    chosen = bodies(given.match)
    if not chosen:
        print(f"--match {given.match}: no body has that in its name; see --list", file=sys.stderr)
        return 2
    if given.list:
        print("\n".join(f"{each.name}: {each.title}" for each in chosen))
        return 0
    try:
        with opened(given.arm, given.kubeconfig) as arms:
            results = _watched(run_kit(arms, f"kit-{int(time.time()):x}", chosen), len(chosen) * len(arms))
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    except OSError as error:
        print(f"cannot be reached: {error}", file=sys.stderr)
        return 4
    print(text(results))
    return 1 if any(each.needs_somebody for each in results) else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m fakekube.testing", description="Does it answer as a real Kubernetes apiserver does?"
    )
    parser.add_argument("--arm", choices=("core", "http"), action="append", help="fakekube in process, or over HTTP")
    parser.add_argument("--kubeconfig", type=Path, help="a cluster to ask too; namespaces kit-* are made and deleted")
    parser.add_argument("--match", default="", help="only bodies with this in their names")
    parser.add_argument("--list", action="store_true", help="names and statements; nothing is run")
    return parser


@contextmanager
def opened(names: Sequence[str] | None, kubeconfig: Path | None) -> Iterator[list[Arm]]:
    """The arms asked for: both of fakekube's own by default, a kubeconfig's cluster last."""
    chosen = names or ["core", "http"]
    with ExitStack() as stack:
        arms: list[Arm] = []
        if "core" in chosen:
            arms.append(CoreArm.fresh())
        if "http" in chosen:
            arms.append(HttpArm(Access(url=stack.enter_context(served_site()))))
        if kubeconfig is not None:
            arms.append(cluster_arm(kubeconfig))
        for arm in arms:
            stack.callback(arm.close)
        yield arms


def _watched(results: Iterator[Result], count: int) -> list[Result]:
    """The results; on a terminal, a line that counts them."""
    found: list[Result] = []
    for each in results:
        found.append(each)
        if sys.stderr.isatty():
            print(f"\r{len(found)}/{count} {each.body.name[:60]:60}", end="", file=sys.stderr, flush=True)
    if sys.stderr.isatty():
        print(file=sys.stderr)
    return found


if __name__ == "__main__":
    sys.exit(main())
