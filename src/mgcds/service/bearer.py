"""Takes a bearer token apart, strictly, before anything in it is believed."""

from __future__ import annotations

import binascii
import re
from base64 import urlsafe_b64decode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from mgcds.service.body import parse
from mgcds.service.errors import Refused

LONGEST_TOKEN = 8192  # characters; real ones have 600 to 1,500
LONGEST_NAME = 256  # characters of a kid, a jti or a tenant
_TOKEN = re.compile(r"[Bb][Ee][Aa][Rr][Ee][Rr] +([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+) *")
# A key that comes with the token proves nothing, and what must be understood (crit) would have to be known to us.
_FORBIDDEN = frozenset({"jwk", "x5u", "x5c", "crit", "b64"})


class Cause(StrEnum):
    """Why a caller was refused: for the log and the count, never for the caller."""

    ABSENT = "absent"
    SEVERAL = "several-headers"
    MALFORMED = "malformed"
    TOO_LONG = "too-long"
    HEADER = "header"
    ALGORITHM = "algorithm"
    ISSUER = "issuer-unknown"
    KEY_SET_ADDRESS = "key-set-address"
    CLAIMS = "claims"
    AUDIENCE = "audience"
    EXPIRED = "expired"
    TOO_EARLY = "too-early"
    LIFETIME = "lifetime"
    TENANT = "tenant"
    KEYS_UNAVAILABLE = "keys-unavailable"
    KEY_UNKNOWN = "key-unknown"
    SIGNATURE = "signature"
    REPLAYED = "replayed"


class Rejected(Exception):
    """A token that is not accepted."""

    def __init__(self, cause: Cause) -> None:
        self.cause = cause
        super().__init__(cause.value)


@dataclass(frozen=True, slots=True)
class Presented:
    """A token as it came: well formed, but not yet verified."""

    compact: str = field(repr=False)
    algorithm: str
    key_id: str
    key_set: str | None
    claims: Mapping[str, Any] = field(repr=False)


def read_bearer(authorization: Sequence[str]) -> Presented:
    """The token of the Authorization headers of one request. Raises Rejected."""
    if not authorization:
        raise Rejected(Cause.ABSENT)
    if len(authorization) > 1:
        raise Rejected(Cause.SEVERAL)
    if len(authorization[0]) > LONGEST_TOKEN:
        raise Rejected(Cause.TOO_LONG)
    match = _TOKEN.fullmatch(authorization[0])
    if match is None:
        raise Rejected(Cause.MALFORMED)
    header = _object(match[1])
    names = {name: header.get(name) for name in ("alg", "kid", "typ")}
    if _FORBIDDEN & header.keys() or not all(is_name(value) for value in names.values()):
        raise Rejected(Cause.HEADER)
    key_set = header.get("jku")
    if str(names["typ"]).upper() != "JWT" or not ("jku" not in header or isinstance(key_set, str)):
        raise Rejected(Cause.HEADER)
    return Presented(".".join(match.groups()), str(names["alg"]), str(names["kid"]), key_set, _object(match[2]))


def is_name(value: object) -> bool:
    """Whether a value is a text that may name something: not empty, bounded, without control characters."""
    return isinstance(value, str) and 0 < len(value) <= LONGEST_NAME and value.isprintable()


def _object(segment: str) -> Mapping[str, Any]:
    """A segment as a JSON object, in which no key stands twice."""
    try:
        return parse(urlsafe_b64decode(segment + "=" * (-len(segment) % 4)))
    except (binascii.Error, Refused):
        raise Rejected(Cause.MALFORMED) from None
