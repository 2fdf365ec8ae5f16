"""Which answers are compressed: large ones, for clients that ask. What the real server does with `Accept-Encoding`."""

from __future__ import annotations

from fakekube.apiserver.request import Request

# The real server compresses what is larger than this.
GZIP_MIN_BYTES = 128 * 1024


def worth_zipping(request: Request, body: bytes) -> bool:
    """Whether `body` goes out as gzip."""
    return len(body) > GZIP_MIN_BYTES and _takes_gzip(request)


def _takes_gzip(request: Request) -> bool:
    for clause in request.headers.get("accept-encoding", "").split(","):
        coding, _, quality = clause.strip().partition(";")
        if coding.strip() == "gzip":
            return quality.replace(" ", "") not in ("q=0", "q=0.0")
    return False
