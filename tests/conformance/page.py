"""Writes docs/conformance.md: the kit's table on every arm that can be had, and what became of Kubernetes' own specs.

python -m tests.conformance.page
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from fakekube.testing import Access, Arm, CoreArm, HttpArm, Result, cluster_arm, run_kit, served_site
from fakekube.testing.table import markdown, totals
from tests.conformance.e2e import CENSUS, Spec, must_pass
from tests.real import start

PAGE = Path(__file__).parents[2] / "docs/conformance.md"
REAL = f"kube-apiserver {start.VERSION}"

_HEAD = """# Conformance

How faithful is it? Three ways to see for yourself; what is known to differ is on [Divergence](divergence.md).

| way | what it asks | command |
|---|---|---|
| the kit | one statement about apiservers after the other, on the core, over HTTP, and on any cluster | `python -m fakekube.testing [--kubeconfig FILE]` |
| Kubernetes' own end-to-end tests | the specs that need no running pod, against `fakekube serve` | `make e2e` |
| recorded conversations | what a real server answered, word for word | `make recordings` |

## The kit in your own tests

```python
from fakekube.testing import CoreArm, suite

test_conformance = suite(CoreArm.fresh)
```

gives one pytest case a body. Any function that returns an arm will do: `lambda: cluster_arm(Path("kubeconfig"))` asks a
cluster, `HttpArm(Access(url=...))` any server. `suite(arm, match="watches/")` takes an area alone. A cluster gets
namespaces `kit-*` and CustomResourceDefinitions in groups below `example.com`, all deleted in the end.

`--match TEXT` chooses bodies, `--arm core|http` arms, `--list` shows statements without running them. Exit codes: 0 all
as a real apiserver (or marked as different), 1 not, 2 bad input, 4 the cluster cannot be reached. A body that is marked
and passes all the same is reported as `MARK STALE`, so that no mark outlives its reason.
"""

_SPECS = f"""## Kubernetes' own end-to-end tests

The test binary of Kubernetes {start.VERSION} is built from its Go module (`make e2e`, ten minutes, once) and run against
served sites with the light controllers. `tests/conformance/e2e-must-pass.txt` names what must pass in every CI run. All
others that could do without a kubelet were tried one by one, two and a half minutes each at most
(`python -m tests.conformance.e2e --census`): skipped are those that skip themselves.
"""

# The first that a name matches is why it cannot pass here.
_WHY = {
    "AdmissionWebhook|ConversionWebhook|CustomResourceFieldSelectors": "their webhook is a server in a pod",
    "ValidatingAdmissionPolicy": "expressions are not type checked into the status, and one runs a command in a pod",
    "MutatingAdmissionPolicy": "they are stored, not applied",
    "Aggregator|Aggregated API": "an aggregated apiserver would run in a pod",
    "priority and fairness": "no request is queued",
    "CronJob|Deployment": "not within the time they were given, on a busy machine",
    "Job": "their pods run shell scripts that keep files",
    "StatefulSet": "they break the probe of a pod by a command in it, or evict through a kubelet",
    "Daemon": "a rollback waits for an image that cannot be pulled",
    "ReplicaSet|ReplicationController|Update Demo|expose|EndpointSlice|Services|Service CIDRs|Connectivity": (
        "they ask a server in a pod, or run a command in one"
    ),
    "ResourceQuota": "not tried again since volumes know attributes classes",
    "Lifecycle Hook|lifecycle hook|Ephemeral|kubectl debug|evicted pods|extra sandbox|blackbox": (
        "a kubelet would run commands in containers"
    ),
    "NodeLease|NodeAuthenticator|Kubelet|kubelet": "there is no kubelet",
    "Metrics|Histograms": "there is nothing that exposes these metrics",
    "Scheduler": "pods go to the first node that fits: no scores, no preemption",
    "ServiceAccount|Certificates": "a client in a pod, or one that has nothing but a certificate",
}
_OTHER = "a difference of ours"


def page(results: Sequence[Result], specs: Sequence[Spec]) -> str:
    arms = list(dict.fromkeys(each.arm for each in results))
    lines = [f"{arm}: {totals(results, arm)}." for arm in arms]
    kit = "\n".join(["## The kit's table", "", *(f"- {line}" for line in lines), "", markdown(results)])
    return "\n".join([_HEAD, _SPECS, _by_sig(specs), "", _whys(specs), "", kit, ""])


def _by_sig(specs: Sequence[Spec]) -> str:
    found: dict[str, Counter[str]] = {}
    required = set(must_pass())
    for each in specs:
        sig = re.match(r"\[([^\]]+)\]", each.name)
        count = found.setdefault(sig[1] if sig else "other", Counter())
        count["tried"] += 1
        count["pass" if each.state == "passed" else "skip" if each.state == "skipped" else "fail"] += 1
        count["must"] += each.name in required
    rows = [
        f"| {sig} | {c['tried']} | {c['pass']} | {c['must']} | {c['skip']} | {c['fail']} |"
        for sig, c in sorted(found.items())
    ]
    return "\n".join(
        ["| sig | tried | pass | must pass | skip themselves | do not pass |", "|---|---|---|---|---|---|", *rows]
    )


def _whys(specs: Sequence[Spec]) -> str:
    count: Counter[tuple[str, str]] = Counter()
    for each in specs:
        if each.state not in ("passed", "skipped"):
            count[_why(each.name)] += 1
    rows = [f"| {what} | {number} | {why} |" for (what, why), number in sorted(count.items())]
    return "\n".join(["| do not pass | specs | why |", "|---|---|---|", *rows])


def _why(name: str) -> tuple[str, str]:
    for pattern, why in _WHY.items():
        if re.search(pattern, name):
            return pattern.replace("|", ", "), why
    return "others", _OTHER


@contextmanager
def _arms() -> Iterator[list[Arm]]:
    """The real server is left out, not guessed, where it is not built."""
    with ExitStack() as stack:
        arms: list[Arm] = [CoreArm.fresh(), HttpArm(Access(url=stack.enter_context(served_site())))]
        with suppress(start.NotBuilt):
            real = stack.enter_context(start.apiserver())
            arms.append(cluster_arm(Path(real.kubeconfig), REAL))
        for arm in arms:
            stack.callback(arm.close)
        yield arms


def main() -> None:
    specs = [Spec(**each) for each in json.loads(CENSUS.read_text())]
    with _arms() as arms:
        PAGE.write_text(page(list(run_kit(arms, "kit")), specs))


if __name__ == "__main__":
    main()
