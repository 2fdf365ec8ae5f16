"""Kubeconfig files: how kubectl and every client library find a site.

Source: k8s.io/client-go/tools/clientcmd/api/v1.
"""

from __future__ import annotations

import json

from fakekube.meta.objects import KubeObject


def kubeconfig(
    url: str,
    name: str,
    *,
    token: str = "",
    ca_data: str = "",
    client_data: tuple[str, str] = ("", ""),
    namespace: str = "",
) -> KubeObject:
    """A kubeconfig with one context, named after the site. `ca_data` is base64 of a PEM certificate, `client_data` the
    same of a client's certificate and key."""
    cluster: KubeObject = {"server": url}
    if ca_data:
        cluster["certificate-authority-data"] = ca_data
    context: KubeObject = {"cluster": name, "user": name}
    if namespace:
        context["namespace"] = namespace
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": name, "cluster": cluster}],
        "contexts": [{"name": name, "context": context}],
        "users": [{"name": name, "user": _user(token, client_data)}],
        "current-context": name,
    }


def _user(token: str, client_data: tuple[str, str]) -> KubeObject:
    shown = {
        "token": token,
        "client-certificate-data": client_data[0],
        "client-key-data": client_data[1],
    }
    return {member: value for member, value in shown.items() if value}


def kubeconfig_text(
    url: str,
    name: str,
    *,
    token: str = "",
    ca_data: str = "",
    client_data: tuple[str, str] = ("", ""),
    namespace: str = "",
) -> str:
    """The same as a file's text: JSON, which is YAML too."""
    config = kubeconfig(url, name, token=token, ca_data=ca_data, client_data=client_data, namespace=namespace)
    return json.dumps(config, indent=2) + "\n"
