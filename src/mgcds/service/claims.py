"""What a token says: whether it is made out to this address, for now and for not too long."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from mgcds.service.bearer import Cause, Rejected, is_name
from mgcds.service.clients import Client

LEEWAY = 60  # seconds by which two clocks may differ
# Ids of tokens are remembered for as long as they are valid. EHRs make tokens for 5 to 15 minutes.
LONGEST_LIFETIME = 3600  # seconds from iat to exp
_LAST = 2**40  # seconds; keeps arithmetic on numbers of any size out of the way


@dataclass(frozen=True, slots=True)
class Claims:
    """What is needed of a token that is in order. `until`: when it is refused in any case, leeway counted in."""

    token_id: str
    until: datetime
    tenant: str


def check_claims(claims: Mapping[str, Any], client: Client, *, audience: str, now: datetime) -> Claims:
    """The claims of a token of `client`, made out to `audience`. Raises Rejected."""
    issued, expires = _instant(claims.get("iat")), _instant(claims.get("exp"))
    token_id = claims.get("jti")
    if issued is None or expires is None or not is_name(token_id):
        raise Rejected(Cause.CLAIMS)
    if not _names(claims.get("aud"), audience):
        raise Rejected(Cause.AUDIENCE)
    moment = now.timestamp()
    if not 0 < expires - issued <= LONGEST_LIFETIME:  # with exp still to come, this also says how old iat may be
        raise Rejected(Cause.LIFETIME)
    if moment >= expires + LEEWAY:
        raise Rejected(Cause.EXPIRED)
    begins = _instant(claims.get("nbf", issued))
    if begins is None:
        raise Rejected(Cause.CLAIMS)
    if max(begins, issued) > moment + LEEWAY:
        raise Rejected(Cause.TOO_EARLY)
    tenant = claims.get("tenant", "")
    if "tenant" in claims and not is_name(tenant):
        raise Rejected(Cause.CLAIMS)
    if client.tenants and tenant not in client.tenants:
        raise Rejected(Cause.TENANT)
    return Claims(str(token_id), datetime.fromtimestamp(math.ceil(expires) + LEEWAY, UTC), tenant)


def _instant(value: object) -> float | None:
    """Seconds since 1970; None when it is no such number. True is a number to Python, and to nobody else."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if 0 < value < _LAST else None


def _names(audience: object, address: str) -> bool:
    """Whether `aud`, a text or a list of texts, names the address letter by letter."""
    named = audience if isinstance(audience, list) else [audience]
    return all(isinstance(name, str) for name in named) and address in named
