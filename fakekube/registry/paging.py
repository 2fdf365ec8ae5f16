"""Continue tokens: where the next page starts, and as of which revision.

Source: k8s.io/apiserver/pkg/storage/continue.go; the form is the real server's.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass

import msgspec

from fakekube.meta.errors import StatusError, bad_request
from fakekube.meta.gosyntax import syntax_fault

_VERSION = "meta.k8s.io/v1"
# A token with this revision goes on at the newest state, as after a 410.
INCONSISTENT = -1
_NO_TOKEN = "json: cannot unmarshal array into Go value of type storage.continueToken"


class _Token(msgspec.Struct):
    v: str = ""
    rv: int = 0
    start: str = ""


@dataclass(frozen=True, slots=True)
class Continue:
    """`after` is the key (namespace, name) behind which the next page starts."""

    revision: int
    after: tuple[str, str]


def encode_continue(revision: int, after: tuple[str, str], *, namespaced: bool) -> str:
    """The token for a list of one namespace (`namespaced`) or of all."""
    start = f"{after[1] if namespaced or not after[0] else '/'.join(after)}\0"
    token = msgspec.json.encode(_Token(v=_VERSION, rv=revision, start=start))
    return base64.urlsafe_b64encode(token).decode().rstrip("=")


def decode_continue(text: str, namespace: str | None) -> Continue:
    """The place that `text` stands for, in a list of `namespace` (None: of all). 400 for anything else."""
    token = _decoded(text)
    if token.v != _VERSION:
        raise _invalid(f"server does not recognize this encoded version {token.v}")
    key = token.start.removeprefix("/").removesuffix("\0")
    if namespace is not None:
        return Continue(token.rv, (namespace, key))
    space, slash, name = key.partition("/")
    return Continue(token.rv, (space, name) if slash else ("", key))


def _decoded(text: str) -> _Token:
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise _invalid(f"illegal base64 data at input byte {_first_bad(text)}") from None
    try:
        return msgspec.json.decode(raw, type=_Token)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise _invalid(syntax_fault(raw) or _NO_TOKEN) from None


def _first_bad(text: str) -> int:
    """Where Go's decoder stops: at the first letter that is none, or at the end of the last whole quantum."""
    for index, letter in enumerate(text):
        if not (letter.isascii() and (letter.isalnum() or letter in "-_")):
            return index
    return len(text) - len(text) % 4


def _invalid(why: str) -> StatusError:
    return bad_request(f"invalid continue token: continue key is not valid: {why}")
