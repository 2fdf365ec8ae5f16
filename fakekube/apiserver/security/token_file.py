"""The file of `--token-auth-file`: CSV, one line a token, as the real server reads it.

    token,user,uid,"group1,group2"

Source: k8s.io/apiserver/pkg/authentication/token/tokenfile.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping

from fakekube.registry.users import UserInfo

_LEAST_COLUMNS = 3


class BadTokenFile(ValueError):
    """What is wrong, with the number of the line."""


def parse_tokens(text: str) -> Mapping[str, UserInfo]:
    """The users of the file by token. A line without a token is passed over; of two lines for one token the later counts.

    Raises BadTokenFile.
    """
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    found: dict[str, UserInfo] = {}
    try:
        for record in reader:
            if record:
                found |= _users(record, reader.line_num)
    except csv.Error as error:
        raise BadTokenFile(f"line {reader.line_num}: {error}") from None
    return found


def _users(record: list[str], line: int) -> dict[str, UserInfo]:
    if len(record) < _LEAST_COLUMNS:
        raise BadTokenFile(
            f"line {line}: must have at least 3 columns (token, user name, user uid), found {len(record)}"
        )
    token, name, uid, *more = record
    groups = tuple(more[0].split(",")) if more else ()
    return {token: UserInfo(name=name, uid=uid, groups=groups)} if token else {}
