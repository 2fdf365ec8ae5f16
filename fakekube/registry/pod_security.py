"""The Pod Security Standards: what a pod of level baseline or restricted must not, and must, say. Pure.

`violations(level, metadata, spec)` gives the real server's words; the rules are data: each from a version on.
Source: k8s.io/pod-security-admission/policy of Kubernetes 1.37.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from fakekube.meta.objects import KubeObject

PRIVILEGED, BASELINE, RESTRICTED = "privileged", "baseline", "restricted"
NEWEST = 37


@dataclass(frozen=True, slots=True)
class Level:
    """A level as of a minor version of Kubernetes; None is the latest."""

    name: str = PRIVILEGED
    minor: int | None = None

    def __str__(self) -> str:
        return f"{self.name}:{'latest' if self.minor is None else f'v1.{self.minor}'}"


@dataclass(frozen=True, slots=True)
class Violation:
    reason: str
    detail: str

    def __str__(self) -> str:
        return f"{self.reason} ({self.detail})" if self.detail else self.reason


@dataclass(frozen=True, slots=True)
class Pod:
    """What the rules look at; `minor` is the version whose rules are asked."""

    metadata: KubeObject
    spec: KubeObject
    minor: int

    @property
    def containers(self) -> list[KubeObject]:
        spec = self.spec
        return [each for name in _CONTAINERS for each in spec.get(name) or ()]

    @property
    def context(self) -> KubeObject:
        return self.spec.get("securityContext") or {}

    @property
    def in_user_namespace(self) -> bool:
        return self.spec.get("hostUsers") is False

    @property
    def on_windows(self) -> bool:
        return bool((self.spec.get("os") or {}).get("name") == "windows")


Rule = Callable[[Pod], Violation | None]
_CONTAINERS = ("initContainers", "containers", "ephemeralContainers")


def violations(level: Level, metadata: KubeObject, spec: KubeObject) -> list[Violation]:
    """Every rule of `level` that the pod breaks, in the real server's order."""
    if level.name == PRIVILEGED:
        return []
    pod = Pod(metadata, spec, NEWEST if level.minor is None else min(level.minor, NEWEST))
    restricted = [each for each in _RESTRICTED if pod.minor >= each.since] if level.name == RESTRICTED else []
    replaced = {name for each in restricted for name in each.replaces}
    rules = [each for each in _BASELINE if pod.minor >= each.since and each.name not in replaced] + restricted
    return [found for each in rules if (found := each.check(pod)) is not None]


# --- words ------------------------------------------------------------------------------------------------------------


def _quoted(names: Iterable[str]) -> str:
    return ", ".join(f'"{each}"' for each in names)


def _many(word: str, names: Collection[str]) -> str:
    return word if len(names) == 1 else f"{word}s"


def _use(names: Collection[str]) -> str:
    return "uses" if len(names) == 1 else "use"


def _named(names: Sequence[str]) -> str:
    return f"{_many('container', names)} {_quoted(names)}"


def _setters(pod: Pod, bad: Callable[[KubeObject], bool]) -> str:
    """`pod and containers "a", "b"`: whose security contexts are bad; empty for none."""
    found = ["pod"] if bad(pod.context) else []
    names = _names(pod, lambda each: bad(_context(each)))
    return " and ".join([*found, _named(names)] if names else found)


def _names(pod: Pod, bad: Callable[[KubeObject], bool]) -> list[str]:
    return [str(each.get("name")) for each in pod.containers if bad(each)]


def _context(container: KubeObject) -> KubeObject:
    return container.get("securityContext") or {}


# --- baseline ---------------------------------------------------------------------------------------------------------

_APP_ARMOR = "container.apparmor.security.beta.kubernetes.io/"


def _app_armor(pod: Pod) -> Violation | None:
    profiles = [(context.get("appArmorProfile") or {}).get("type") for context in _contexts(pod)]
    values = sorted({each for each in profiles if each and each not in ("RuntimeDefault", "Localhost")})
    setters = _setters(pod, lambda context: (context.get("appArmorProfile") or {}).get("type") in values)
    noted = [
        f"{key}={json.dumps(value)}"
        for key, value in sorted((pod.metadata.get("annotations") or {}).items())
        if key.startswith(_APP_ARMOR) and value not in ("", "runtime/default") and not value.startswith("localhost/")
    ]
    if noted:
        setters = " and ".join(filter(None, [setters, _many("annotation", noted)]))
    if not setters:
        return None
    shown = [*values, *noted]
    reason = _many("forbidden AppArmor profile", shown)
    return Violation(reason, f"{setters} must not set AppArmor profile type to {_quoted(shown)}")


def _contexts(pod: Pod) -> Iterator[KubeObject]:
    yield pod.context
    yield from map(_context, pod.containers)


_CAPABILITIES = frozenset(
    [
        "AUDIT_WRITE",
        "CHOWN",
        "DAC_OVERRIDE",
        "FOWNER",
        "FSETID",
        "KILL",
        "MKNOD",
        "NET_BIND_SERVICE",
        "SETFCAP",
        "SETGID",
        "SETPCAP",
        "SETUID",
        "SYS_CHROOT",
    ]
)


def _added(container: KubeObject) -> list[str]:
    return (_context(container).get("capabilities") or {}).get("add") or []


def _capabilities(pod: Pod) -> Violation | None:
    names, found = _forbidden_capabilities(pod, _CAPABILITIES)
    if not names:
        return None
    detail = f"{_named(names)} must not include {_quoted(found)} in securityContext.capabilities.add"
    return Violation("non-default capabilities", detail)


def _forbidden_capabilities(pod: Pod, allowed: Collection[str]) -> tuple[list[str], list[str]]:
    found = sorted({each for container in pod.containers for each in _added(container) if each not in allowed})
    return _names(pod, lambda container: any(each in found for each in _added(container))), found


def _host_namespaces(pod: Pod) -> Violation | None:
    found = [f"{name}=true" for name in ("hostNetwork", "hostPID", "hostIPC") if pod.spec.get(name)]
    return Violation("host namespaces", ", ".join(found)) if found else None


def _host_paths(pod: Pod) -> Violation | None:
    found = [str(each.get("name")) for each in pod.spec.get("volumes") or () if each.get("hostPath") is not None]
    return Violation("hostPath volumes", f"{_many('volume', found)} {_quoted(found)}") if found else None


def _host_ports(pod: Pod) -> Violation | None:
    def used(container: KubeObject) -> list[str]:
        return [str(each["hostPort"]) for each in container.get("ports") or () if each.get("hostPort")]

    names = _names(pod, lambda container: bool(used(container)))
    ports = sorted({port for container in pod.containers for port in used(container)})
    if not names:
        return None
    return Violation("hostPort", f"{_named(names)} {_use(names)} {_many('hostPort', ports)} {', '.join(ports)}")


def _hosts(container: KubeObject) -> list[str]:
    lifecycle = container.get("lifecycle") or {}
    handlers = [container.get(name) or {} for name in ("livenessProbe", "readinessProbe", "startupProbe")]
    handlers += [lifecycle.get(name) or {} for name in ("postStart", "preStop")]
    hosts = [(each.get(name) or {}).get("host") for each in handlers for name in ("httpGet", "tcpSocket")]
    return [each for each in hosts if each]


def _probe_hosts(pod: Pod) -> Violation | None:
    names = sorted(set(_names(pod, lambda container: bool(_hosts(container)))))
    hosts = sorted({host for container in pod.containers for host in _hosts(container)})
    if not names:
        return None
    words = _many("probe or lifecycle host", hosts)
    return Violation("probe or lifecycle host", f"{_named(names)} {_use(names)} {words} {_quoted(hosts)}")


def _privileged(pod: Pod) -> Violation | None:
    names = _names(pod, lambda container: bool(_context(container).get("privileged")))
    return Violation("privileged", f"{_named(names)} must not set securityContext.privileged=true") if names else None


def _proc_mount(pod: Pod) -> Violation | None:
    found = sorted({str(_context(each).get("procMount", "Default")) for each in pod.containers} - {"Default"})
    names = _names(pod, lambda container: _context(container).get("procMount") in found)
    detail = f"{_named(names)} must not set securityContext.procMount to {_quoted(found)}"
    return Violation("procMount", detail) if names else None


def _proc_mount_baseline(pod: Pod) -> Violation | None:
    return None if pod.minor >= 35 and pod.in_user_namespace else _proc_mount(pod)


def _selinux(pod: Pod) -> Violation | None:
    types = {"", "container_t", "container_init_t", "container_kvm_t"}
    if pod.minor >= 31:
        types.add("container_engine_t")

    def options(context: KubeObject) -> KubeObject:
        return context.get("seLinuxOptions") or {}

    def bad(context: KubeObject) -> bool:
        found = options(context)
        return bool(found.get("type", "") not in types or found.get("user") or found.get("role"))

    setters = _setters(pod, bad)
    if not setters:
        return None
    named = sorted({options(each).get("type", "") for each in _contexts(pod)} - types)
    data = [f"{_many('type', named)} {_quoted(named)}"] if named else []
    for member in ("user", "role"):
        if any(options(each).get(member) for each in _contexts(pod)):
            data.append(f"{member} may not be set")
    return Violation("seLinuxOptions", f"{setters} set forbidden securityContext.seLinuxOptions: {'; '.join(data)}")


def _seccomp_type(context: KubeObject) -> str | None:
    profile = context.get("seccompProfile")
    return None if profile is None else str(profile.get("type", ""))


_SECCOMP = ("Localhost", "RuntimeDefault")


def _seccomp(pod: Pod) -> Violation | None:
    bad = sorted({found for each in _contexts(pod) if (found := _seccomp_type(each)) not in (None, *_SECCOMP)} - {None})
    setters = _setters(pod, lambda context: _seccomp_type(context) in bad)
    detail = f"{setters} must not set securityContext.seccompProfile.type to {_quoted(map(str, bad))}"
    return Violation("seccompProfile", detail) if setters else None


_SYSCTLS: Mapping[int, str] = {
    0: "kernel.shm_rmid_forced net.ipv4.ip_local_port_range net.ipv4.tcp_syncookies net.ipv4.ping_group_range "
    "net.ipv4.ip_unprivileged_port_start",
    27: "net.ipv4.ip_local_reserved_ports",
    29: "net.ipv4.tcp_keepalive_time net.ipv4.tcp_fin_timeout net.ipv4.tcp_keepalive_intvl "
    "net.ipv4.tcp_keepalive_probes",
    32: "net.ipv4.tcp_rmem net.ipv4.tcp_wmem",
    37: "net.ipv4.tcp_slow_start_after_idle net.ipv4.tcp_notsent_lowat",
}


def _sysctls(pod: Pod) -> Violation | None:
    allowed = {name for since, names in _SYSCTLS.items() if pod.minor >= since for name in names.split()}
    found = [str(each.get("name")) for each in pod.context.get("sysctls") or () if each.get("name") not in allowed]
    return Violation("forbidden sysctls", ", ".join(found)) if found else None


def _host_process(pod: Pod) -> Violation | None:
    setters = _setters(pod, lambda context: bool((context.get("windowsOptions") or {}).get("hostProcess")))
    detail = f"{setters} must not set securityContext.windowsOptions.hostProcess=true"
    return Violation("hostProcess", detail) if setters else None


# --- restricted -------------------------------------------------------------------------------------------------------


def _escalation(pod: Pod) -> Violation | None:
    if pod.minor >= 25 and pod.on_windows:
        return None
    names = _names(pod, lambda container: _context(container).get("allowPrivilegeEscalation") is not False)
    detail = f"{_named(names)} must set securityContext.allowPrivilegeEscalation=false"
    return Violation("allowPrivilegeEscalation != false", detail) if names else None


def _few_capabilities(pod: Pod) -> Violation | None:
    if pod.minor >= 25 and pod.on_windows:
        return None

    def keeps(container: KubeObject) -> bool:
        return "ALL" not in ((_context(container).get("capabilities") or {}).get("drop") or ())

    keeping = _names(pod, keeps)
    details = [f'{_named(keeping)} must set securityContext.capabilities.drop=["ALL"]'] if keeping else []
    names, found = _forbidden_capabilities(pod, ["NET_BIND_SERVICE"])
    if names:
        details.append(f"{_named(names)} must not include {_quoted(found)} in securityContext.capabilities.add")
    return Violation("unrestricted capabilities", "; ".join(details)) if details else None


_VOLUMES = frozenset(
    [
        "configMap",
        "csi",
        "downwardAPI",
        "emptyDir",
        "ephemeral",
        "image",
        "persistentVolumeClaim",
        "projected",
        "secret",
    ]
)


def _volumes(pod: Pod) -> Violation | None:
    bad = [each for each in pod.spec.get("volumes") or () if not _VOLUMES & each.keys()]
    if not bad:
        return None
    names = [str(each.get("name")) for each in bad]
    types = sorted({next((member for member in each if member != "name"), "unknown") for each in bad})
    words = _many("restricted volume type", types)
    detail = f"{_many('volume', names)} {_quoted(names)} {_use(names)} {words} {_quoted(types)}"
    return Violation("restricted volume types", detail)


def _non_root(pod: Pod) -> Violation | None:
    if pod.minor >= 35 and pod.in_user_namespace:
        return None
    reason, setters = "runAsNonRoot != true", _setters(pod, lambda context: context.get("runAsNonRoot") is False)
    if setters:
        return Violation(reason, f"{setters} must not set securityContext.runAsNonRoot=false")
    if pod.context.get("runAsNonRoot"):
        return None
    silent = _names(pod, lambda container: _context(container).get("runAsNonRoot") is None)
    return Violation(reason, f"pod or {_named(silent)} must set securityContext.runAsNonRoot=true") if silent else None


def _not_root(pod: Pod) -> Violation | None:
    if pod.minor >= 35 and pod.in_user_namespace:
        return None
    setters = _setters(pod, lambda context: context.get("runAsUser") == 0)
    return Violation("runAsUser=0", f"{setters} must not set runAsUser=0") if setters else None


def _seccomp_said(pod: Pod) -> Violation | None:
    if pod.minor >= 25 and pod.on_windows:
        return None
    bad = _seccomp(pod)
    if bad or _seccomp_type(pod.context) is not None:
        return bad
    silent = _names(pod, lambda container: _seccomp_type(_context(container)) is None)
    wanted = 'must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost"'
    return Violation("seccompProfile", f"pod or {_named(silent)} {wanted}") if silent else None


@dataclass(frozen=True, slots=True)
class _Check:
    """A rule, the version it is asked from, and the rules it is asked instead of."""

    name: str
    check: Rule
    since: int = 0
    replaces: tuple[str, ...] = ()


_BASELINE: Sequence[_Check] = (
    _Check("appArmorProfile", _app_armor),
    _Check("capabilities_baseline", _capabilities),
    _Check("hostNamespaces", _host_namespaces),
    _Check("hostPathVolumes", _host_paths),
    _Check("hostPorts", _host_ports),
    _Check("hostProbesAndHostLifecycle", _probe_hosts, since=34),
    _Check("privileged", _privileged),
    _Check("procMount", _proc_mount_baseline),
    _Check("seLinuxOptions", _selinux),
    _Check("seccompProfile_baseline", _seccomp, since=19),
    _Check("sysctls", _sysctls),
    _Check("windowsHostProcess", _host_process),
)
_RESTRICTED: Sequence[_Check] = (
    _Check("allowPrivilegeEscalation", _escalation, since=8),
    _Check("capabilities_restricted", _few_capabilities, since=22, replaces=("capabilities_baseline",)),
    _Check("procMount_restricted", _proc_mount, since=35, replaces=("procMount",)),
    _Check("restrictedVolumes", _volumes, replaces=("hostPathVolumes",)),
    _Check("runAsNonRoot", _non_root),
    _Check("runAsUser", _not_root, since=23),
    _Check("seccompProfile_restricted", _seccomp_said, since=19, replaces=("seccompProfile_baseline",)),
)
