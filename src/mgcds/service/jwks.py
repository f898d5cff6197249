"""Reads a JSON Web Key Set, and keeps of it the public keys that may verify a signature."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from joserfc.errors import JoseError
from joserfc.jwk import ECKey, RSAKey

from mgcds.service.bearer import is_name
from mgcds.service.body import parse
from mgcds.service.errors import Refused

Key = ECKey | RSAKey
Keys = Mapping[tuple[str, str], Key]  # by kid and algorithm
SHORTEST_RSA, LONGEST_RSA = 2048, 8192  # bits; a longer one would take long to verify with
_CURVES = {"P-256": "ES256", "P-384": "ES384"}
_RSA = ("RS256", "RS384")
_PRIVATE = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})


class NoKeySet(Exception):
    """What came is no key set."""


def read_key_set(data: bytes) -> Keys:
    """The keys of a set by kid and algorithm; what cannot be used is left out. Raises NoKeySet.

    Left out are keys without kid, with a private part (whoever reads the set could sign with it), for another use, of another
    type or curve, too short, and two different ones that claim to be the same.
    """
    try:
        listed = parse(data).get("keys")
    except Refused:
        listed = None
    if not isinstance(listed, list):
        raise NoKeySet
    found: dict[tuple[str, str], Key] = {}
    twice: set[tuple[str, str]] = set()
    for entry in listed:
        key = _key(entry) if isinstance(entry, dict) and _may_verify(entry) else None
        if key is None:
            continue
        for algorithm in _algorithms(entry):
            name = (entry["kid"], algorithm)
            if name in found and found[name].as_dict() != key.as_dict():
                twice.add(name)
            found[name] = key
    return {name: key for name, key in found.items() if name not in twice}


def _may_verify(entry: Mapping[str, Any]) -> bool:
    operations = entry.get("key_ops", ["verify"])
    return (
        is_name(entry.get("kid"))
        and not _PRIVATE & entry.keys()
        and entry.get("use", "sig") == "sig"
        and isinstance(operations, list)
        and "verify" in operations
    )


def _key(entry: Mapping[str, Any]) -> Key | None:
    """Made of the numbers alone: certificates and addresses in a set are not looked at."""
    try:
        match entry.get("kty"):
            case "EC" if entry.get("crv") in _CURVES:
                return ECKey.import_key({name: entry[name] for name in ("kty", "crv", "x", "y")})
            case "RSA" if isinstance(entry.get("n"), str) and SHORTEST_RSA <= 6 * len(entry["n"]) <= LONGEST_RSA + 16:
                key = RSAKey.import_key({name: entry[name] for name in ("kty", "n", "e")})
                return key if SHORTEST_RSA <= key.raw_value.key_size <= LONGEST_RSA else None
    except (JoseError, ValueError, TypeError, KeyError):
        return None
    return None


def _algorithms(entry: Mapping[str, Any]) -> tuple[str, ...]:
    """What a key may be used with: bound to its type and curve, and to its own `alg` where it names one."""
    able = _RSA if entry["kty"] == "RSA" else (_CURVES[entry["crv"]],)
    return tuple(algorithm for algorithm in able if entry.get("alg", algorithm) == algorithm)
