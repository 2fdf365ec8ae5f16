"""Kubernetes' own end-to-end tests against served sites.

    python -m tests.conformance.e2e                       the specs of e2e-must-pass.txt; exit status 1 when one fails
    python -m tests.conformance.e2e --census [--match R]  every spec that could pass without a kubelet, each on its own

The test binary is built by `make e2e` (tests/real/build.sh). Several sites are served at a time and each runs its share:
specs mostly wait. A census writes e2e-census.json, from which docs/conformance.md is made.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.real import start

HERE = Path(__file__).parent
MUST_PASS = HERE / "e2e-must-pass.txt"
CENSUS = HERE / "e2e-census.json"
SITES = 5
# One spec of a census: CronJobs need two turns of the clock, and those that need a container would wait for five minutes.
SPEC_TIMEOUT_S = 150
RUN_TIMEOUT_S = 1200
_START_S = 120
_GRACE_S = 5
# What cannot pass where no container runs, nothing listens in a pod, and no node has a disk, a network or a kubelet.
_HOPELESS = re.compile(
    r"\[sig-(windows|autoscaling|storage|testing)\](?!.*(API|CRUD|lifecycle of a (Persistent|VolumeAtt)))"
    r"|\[Disruptive\]|Feature:|\[Slow\]|\[sig-node\](?!.*(lifecycle|Lease|PodTemplate|RuntimeClass|Secrets should (fail|patch)"
    r"|ConfigMap should (fail|run|update)|collection|status|events|ephemeral))"
    r"|Port forwarding|Simple pod|Kubectl (exec|logs|copy)|Guestbook|DNS|Networking|Conntrack|Proxy version|KubeProxy"
    r"|LoadBalancer|SchedulerPre(dicates|emption validates)|SchedulerPriorities|NodeAuthenticator|Aggregat(or|ed APIServer)"
    r"|Projected|ClusterTrustBundleProjection|DRA|ServiceLB|Topology|Hints|NodePort|session affinity|terminating(?! scopes)|HostPort"
    r"|Container Status|MetricsGrabber|NativeHistograms|IssuerDiscovery|mount|Downward API|NoSNAT|hairpin|ExternalIP"
    r"|ports exposed by|source pod IP|internalTrafficPolicy|Traffic Distribution"
)
_FLAGS = (
    "--provider=skeleton",
    "--disable-log-dump=true",
    "--dump-logs-on-failure=false",
    "--ginkgo.no-color",
    f"--ginkgo.grace-period={_GRACE_S}s",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Spec:
    """What came of one spec: `passed`, `failed`, `skipped` (by itself), `timedout`."""

    name: str
    state: str
    seconds: float
    message: str = ""


@contextmanager
def served(sites: int, *options: str) -> Iterator[list[Path]]:
    """The kubeconfigs of fresh sites with two nodes each."""
    with tempfile.TemporaryDirectory(prefix="e2e-") as folder:
        command = [sys.executable, "-m", "chaos.cli", "serve", "--sites", str(sites), "--out", folder]
        command += ["--load", str(HERE / "cluster"), "--controllers", "workloads", *options]
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
            try:
                assert process.stderr is not None
                first = process.stderr.readline()
                if "ready in" not in first:
                    raise start.NotReady(first + process.stderr.read())
                ready = json.loads((Path(folder) / "ready.json").read_text())
                for site in ready["sites"].values():
                    _admit_nodes(site["url"])
                yield [Path(site["kubeconfig"]).absolute() for site in ready["sites"].values()]
            finally:
                process.terminate()


def _admit_nodes(url: str) -> None:
    """New nodes are tainted as not ready; in a cluster a controller takes that away."""
    headers = {"Content-Type": "application/merge-patch+json"}
    with urllib.request.urlopen(f"{url}/api/v1/nodes", timeout=_START_S) as answer:
        names = [item["metadata"]["name"] for item in json.load(answer)["items"]]
    for name in names:
        patch = urllib.request.Request(
            f"{url}/api/v1/nodes/{name}", b'{"spec": {"taints": null}}', headers, method="PATCH"
        )
        urllib.request.urlopen(patch, timeout=_START_S).close()


def known_specs() -> list[str]:
    """The names of all specs that the binary would run by default."""
    with tempfile.TemporaryDirectory() as folder:
        dump = Path(folder) / "specs"
        command = [start.binary("e2e.test"), "--ginkgo.dry-run", f"--spec-dump={dump}", "--ginkgo.succinct"]
        subprocess.run(command, check=True, capture_output=True, timeout=_START_S)
        reports = [json.loads(line) for line in dump.read_text().splitlines()]
    return sorted(_name(each) for each in reports if each["LeafNodeType"] == "It" and each["State"] == "passed")


def candidates(match: str = "") -> list[str]:
    return [name for name in known_specs() if re.search(match, name) and not _HOPELESS.search(name)]


def must_pass() -> list[str]:
    lines = MUST_PASS.read_text().splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def run(kubeconfig: Path, names: Sequence[str], timeout_s: float) -> list[Spec]:
    """Run the named specs against one site, one after the other; what did not get its turn has timed out."""
    with tempfile.TemporaryDirectory(prefix="e2e-report-") as folder:
        report = Path(folder) / "report.json"
        pattern = "|".join(re.escape(name).replace("/", r"\/") for name in names)
        command = [start.binary("e2e.test"), f"--kubeconfig={kubeconfig}", *_FLAGS]
        command += [f"--ginkgo.timeout={timeout_s}s", f"--ginkgo.json-report={report}", f"--report-dir={folder}"]
        command += [f"--ginkgo.focus=^Kubernetes e2e suite ({pattern})$"]
        kubectl = start.folder() / "kubectl"
        command += [f"--kubectl-path={kubectl}"]
        done = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd=folder)
        try:
            output, _ = done.communicate(timeout=timeout_s + 6 * _GRACE_S)
        except subprocess.TimeoutExpired:
            done.kill()
            output, _ = done.communicate()
        found = _read(report) if report.exists() else {}
    tail = output.decode(errors="replace")[-400:]
    return [found.get(name) or Spec(name=name, state="timedout", seconds=timeout_s, message=tail) for name in names]


def _read(report: Path) -> dict[str, Spec]:
    (suite,) = json.loads(report.read_text())
    ran = [each for each in suite["SpecReports"] or [] if each["LeafNodeType"] == "It" and each["NumAttempts"]]
    return {_name(each): _spec(each) for each in ran}


def _spec(report: Mapping[str, object]) -> Spec:
    failure = report.get("Failure")
    message = str(failure.get("Message", "")) if isinstance(failure, dict) else ""
    seconds = float(str(report["RunTime"])) / 1e9
    return Spec(name=_name(report), state=str(report["State"]), seconds=round(seconds, 1), message=message[:600])


def _name(report: Mapping[str, object]) -> str:
    texts = report["ContainerHierarchyTexts"]
    return " ".join([*(texts if isinstance(texts, list) else []), str(report["LeafNodeText"])])


def census(names: Sequence[str], *options: str) -> list[Spec]:
    """Each spec on its own, so that none takes another's time."""
    waiting = deque(names)

    def work(kubeconfig: Path) -> list[Spec]:
        found: list[Spec] = []
        while waiting:
            found += run(kubeconfig, [waiting.popleft()], SPEC_TIMEOUT_S)
            print(f"{found[-1].state:9} {found[-1].seconds:6.1f} s  {found[-1].name}", flush=True)
        return found

    return _shared(work, *options)


def gate(names: Sequence[str], *options: str) -> list[Spec]:
    """All of them, dealt to the sites."""
    shares = deque([names[at::SITES] for at in range(SITES)])
    found = _shared(lambda kubeconfig: run(kubeconfig, shares.popleft(), RUN_TIMEOUT_S), *options)
    failed = [each.name for each in found if each.state != "passed"]
    if not failed:
        return found
    # Specs have time limits of their own, and a busy machine breaks them: what failed has one more try, alone.
    print(f"once more, each on its own: {'; '.join(failed)}", flush=True)
    again = {each.name: each for each in census(failed, *options)}
    return [again.get(each.name, each) for each in found]


def _shared(work: Callable[[Path], list[Spec]], *options: str) -> list[Spec]:
    with served(SITES, *options) as kubeconfigs, ThreadPoolExecutor(SITES) as pool:
        return sorted((spec for found in pool.map(work, kubeconfigs) for spec in found), key=lambda spec: spec.name)


def _remember(specs: Sequence[Spec], where: Path) -> None:
    """Into the census, in the place of what it said of the same specs before."""
    before = [Spec(**each) for each in json.loads(where.read_text())] if where.exists() else []
    found = {each.name: each for each in (*before, *specs)}
    where.write_text(json.dumps([asdict(found[name]) for name in sorted(found)], indent=1) + "\n")


def main() -> int:
    parser = argparse.ArgumentParser(description="Kubernetes' own end-to-end tests against served sites.")
    parser.add_argument("--census", action="store_true", help="try every candidate, and write e2e-census.json")
    parser.add_argument("--match", default="", help="only specs whose name this regular expression finds")
    parser.add_argument("--out", type=Path, default=CENSUS)
    arguments = parser.parse_args()
    began = time.monotonic()
    try:
        if arguments.census:
            specs = census(candidates(arguments.match))
            _remember(specs, arguments.out)
        else:
            specs = gate([name for name in must_pass() if re.search(arguments.match, name)])
    except start.NotBuilt as absent:
        print(f"skipped: {absent}")
        return 0
    failed = [each for each in specs if each.state != "passed"]
    for each in failed if not arguments.census else ():
        print(f"{each.state}: {each.name}\n    {each.message}")
    print(f"e2e, specs {len(specs)}, passed {len(specs) - len(failed)}, {time.monotonic() - began:.0f} s")
    return 1 if failed and not arguments.census else 0


if __name__ == "__main__":
    sys.exit(main())
