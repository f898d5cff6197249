"""Who calls: the issuer in whose name cards are shown and overrides are remembered."""

from __future__ import annotations

from dataclasses import dataclass

from mgcds.service.clients import Client


@dataclass(frozen=True, slots=True)
class Caller:
    """An EHR whose token was verified, or anybody where callers are not authenticated.

    `issuer` is the token's `iss`, `tenant` its `tenant` where it has one, `client` the entry of the clients file.
    """

    issuer: str
    client: Client | None = None
    tenant: str = ""

    @property
    def scope(self) -> str:
        """What patients and cards are kept apart by.

        Some EHRs sign for all their hospitals as one issuer; the tenant tells them apart, and two hospitals may well have
        the same patient id.
        """
        return f"{self.issuer} {self.tenant}" if self.tenant else self.issuer


# A token that nobody has verified says nothing, so without authentication all callers are one.
ANYBODY = Caller("unauthenticated")
