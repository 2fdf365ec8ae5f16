"""The CA certificate that every `kube-root-ca.crt` holds on a site without TLS: self-signed, valid until 2126, and nobody
has its key.
"""

from __future__ import annotations

ROOT_CA = """\
-----BEGIN CERTIFICATE-----
MIIBgjCCASegAwIBAgIUAwiZfWoTuZXCx+ATgnb+0VWTlt0wCgYIKoZIzj0EAwIw
FTETMBEGA1UEAwwKa3ViZXJuZXRlczAgFw0yNjExMjUwMzI4MTlaGA8yMTI2MTEw
MTAzMjgxOVowFTETMBEGA1UEAwwKa3ViZXJuZXRlczBZMBMGByqGSM49AgEGCCqG
SM49AwEHA0IABB4RgruNCG/XzjUYqCCCFe9cO/RnmM4+Q73CZPljc29+SuaH/76q
v7ZctlVo5rd0j4fNtDwMZtbTN0+bG1CzLAyjUzBRMB0GA1UdDgQWBBQWfaprqKv1
LmUnpDgv7/GQVgYMnzAfBgNVHSMEGDAWgBQWfaprqKv1LmUnpDgv7/GQVgYMnzAP
BgNVHRMBAf8EBTADAQH/MAoGCCqGSM49BAMCA0kAMEYCIQD0favfeymtQ5Z7K1EJ
M0hvrgFGBoetVDpVEdAvQraJBgIhAKjsRj7V2a4X1O5M+gPXFxdvL7ZXnbzXCodd
qwljTzzv
-----END CERTIFICATE-----
"""
