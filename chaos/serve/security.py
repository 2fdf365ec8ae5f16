"""Who a run's sites ask for: its options `--tls`, `--token-file` and `--rbac` as what an apiserver is given."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from pathlib import Path

from chaos.serve.options import ServeOptions, refused
from fakekube.apiserver.security.authentication import Authentication
from fakekube.apiserver.security.secured import Authorization
from fakekube.apiserver.security.token_file import BadTokenFile, parse_tokens
from fakekube.http.kubeconfig import kubeconfig_text
from fakekube.http.tls import Authority
from fakekube.registry.users import MASTERS, UserInfo

_ADMIN = UserInfo(name="kubernetes-admin", uid="kubernetes-admin", groups=(MASTERS,))
_TOKEN_BYTES = 24


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """What every site of the run knows its clients by. `token` is an administrator's; empty where nobody is asked."""

    authentication: Authentication | None
    authorization: Authorization
    token: str


def credentials(options: ServeOptions) -> Credentials:
    """One administrator for all sites, since agents pass on what their clients show. Raises BadScenario."""
    authorization: Authorization = "RBAC" if options.rbac else "AlwaysAllow"
    if options.token_file is None and not options.rbac:
        return Credentials(authentication=None, authorization=authorization, token="")
    token = secrets.token_urlsafe(_TOKEN_BYTES)
    known = _read(options.token_file) if options.token_file is not None else {}
    tokens = {**known, token: _ADMIN}
    return Credentials(authentication=Authentication(tokens=tokens), authorization=authorization, token=token)


def _read(path: Path) -> dict[str, UserInfo]:
    try:
        return dict(parse_tokens(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise refused(f"--token-file {path}", str(error.strerror)) from None
    except UnicodeDecodeError:
        raise refused(f"--token-file {path}", 'is no UTF-8 text; a line is token,user,uid,"group1,group2"') from None
    except BadTokenFile as error:
        raise refused(f"--token-file {path}", f'{error}; a line is token,user,uid,"group1,group2"') from None


def write_site(folder: Path, name: str, url: str, token: str, authority: Authority | None) -> dict[str, str]:
    """The files by which a program knows the site and is known to it, none on a site that asks for nothing: their paths.

    `token` and `ca.crt` in the site's folder, and, with both, a kubeconfig that shows a certificate in place of the token.
    """
    found: dict[str, Path] = {}
    if token:
        found["token"] = folder / name / "token"
        write_private(found["token"], token + "\n")
    if authority is not None:
        found["ca"] = folder / name / "ca.crt"
        found["ca"].parent.mkdir(parents=True, exist_ok=True)
        found["ca"].write_text(authority.certificate)
    if token and authority is not None:
        shown = authority.client(_ADMIN.name, _ADMIN.groups).as_base64()
        text = kubeconfig_text(url, name, ca_data=authority.as_base64, client_data=shown)
        found["certificate_kubeconfig"] = folder / f"{name}.certificate.kubeconfig"
        write_private(found["certificate_kubeconfig"], text)
    return {kind: str(path) for kind, path in found.items()}


def write_private(path: Path, text: str) -> None:
    """For its owner alone: made so before anything is in it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o600)
    path.chmod(0o600)
    path.write_text(text)
