"""Certificate requests as others need to know them: their signer for clients, and what is inside one."""

from __future__ import annotations

import base64
import binascii

CLIENT_SIGNER = "kubernetes.io/kube-apiserver-client"
REQUESTS = "certificatesigningrequests.certificates.k8s.io"


def organizations(encoded: str) -> tuple[str, ...]:
    """The groups that a request (PEM, in base64) asks for; none in what is no request."""
    from cryptography import x509
    from cryptography.x509.oid import NameOID

    try:
        request = x509.load_pem_x509_csr(base64.b64decode(encoded))
    except (binascii.Error, ValueError):
        return ()
    return tuple(str(each.value) for each in request.subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME))
