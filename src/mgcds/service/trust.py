"""Verifies who calls: a CDS Hooks JWT of a registered client, made out to this address, valid now, and never seen before."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Protocol

import structlog
from anyio import CapacityLimiter, move_on_after
from anyio.to_thread import run_sync
from joserfc import jws
from joserfc.errors import JoseError

from mgcds.service.bearer import LONGEST_TOKEN, Cause, Presented, Rejected, read_bearer
from mgcds.service.caller import Caller
from mgcds.service.claims import check_claims
from mgcds.service.clients import Client, Clients
from mgcds.service.errors import Refused
from mgcds.service.jwks import Key
from mgcds.service.key_set_fetch import tls
from mgcds.service.key_sets import KeySets
from mgcds.settings import Settings
from mgcds.store import StoreError

log = structlog.get_logger(__name__)
SPENDING_SECONDS = 2.5  # a little more than the database itself waits
SPENDING_THREADS = 4
RETRY_AFTER = "5"  # seconds
STORE = "store"  # the one cause that is no fault of the caller: whether a token was used before could not be told
_NOT_AUTHENTICATED = "The caller is not authenticated."
_CANNOT_TELL = "Callers cannot be authenticated now. Send it again later, with a new token."


class TokenStore(Protocol):
    """Remembers which tokens were used."""

    def spend(self, issuer: str, jti: str, until: datetime, now: datetime) -> bool:
        """Notes a token until `until`; False when it was noted before. At once for all workers. Raises StoreError."""
        ...


class Trust:
    """The clients that may call, their keys, and the tokens that they have used."""

    def __init__(
        self,
        clients: Clients,
        keys: KeySets,
        tokens: TokenStore,
        *,
        public_url: str,
        now: Callable[[], datetime],
        count: Callable[[str], None] = lambda _: None,
    ) -> None:
        """`count` is called with the cause (a `Cause`, or STORE) of every refusal, and with nothing of who was refused."""
        self._clients = clients
        self.keys = keys
        self.tokens = tokens
        self._public_url = public_url
        self._now = now
        self.count = count
        self._spending = CapacityLimiter(SPENDING_THREADS)

    async def caller(self, authorization: Sequence[str], path: str) -> Caller:
        """Who calls `path` with these Authorization headers. Raises Refused: 401 without a reason, 503 if it cannot be told."""
        verified: dict[str, str] = {}  # what the log may say: nothing of a token before its signature is checked
        try:
            return await self._caller(read_bearer(authorization), f"{self._public_url}{path}", verified)
        except Rejected as rejected:
            self.count(rejected.cause.value)
            log.warning("caller refused", cause=rejected.cause.value, **verified)
            raise Refused(401, "login", _NOT_AUTHENTICATED, {"www-authenticate": "Bearer"}) from None
        except StoreError as error:
            self.count(STORE)
            log.error("caller refused", cause=STORE, why=str(error), **verified)
            raise Refused(503, "transient", _CANNOT_TELL, {"retry-after": RETRY_AFTER}) from None

    async def _caller(self, token: Presented, audience: str, verified: dict[str, str]) -> Caller:
        issuer = token.claims.get("iss")
        client = self._clients.of(issuer) if isinstance(issuer, str) else None
        if client is None:
            raise Rejected(Cause.ISSUER)
        if token.algorithm not in client.algorithms:
            raise Rejected(Cause.ALGORITHM)
        if token.key_set is not None and token.key_set != str(client.key_set):
            raise Rejected(Cause.KEY_SET_ADDRESS)
        now = self._now()
        claims = check_claims(token.claims, client, audience=audience, now=now)
        verify(token, await self.keys.key(client, token.key_id, token.algorithm))
        verified |= {"client": client.name, "iss": str(client.issuer), "jti": claims.token_id}
        if not await self._spend(client, claims.token_id, claims.until, now):
            raise Rejected(Cause.REPLAYED)
        structlog.contextvars.bind_contextvars(client=client.name)
        return Caller(str(client.issuer), client, claims.tenant)

    async def _spend(self, client: Client, token_id: str, until: datetime, now: datetime) -> bool:
        fresh = False
        with move_on_after(SPENDING_SECONDS) as waiting:
            fresh = await run_sync(
                lambda: self.tokens.spend(str(client.issuer), token_id, until, now),
                limiter=self._spending,
                abandon_on_cancel=True,
            )
        if waiting.cancelled_caught:
            raise StoreError("the database is slow")
        return fresh


class _Registry(jws.JWSRegistry):
    """The library's limits, wide enough for an address in the header; a token is bounded as a whole."""

    max_header_length = LONGEST_TOKEN
    max_signature_length = LONGEST_TOKEN


def verify(token: Presented, key: Key) -> None:
    """Checks the signature with one algorithm, the one that the key was looked up by. Raises Rejected."""
    registry = _Registry(algorithms=[token.algorithm], strict_check_header=False)
    try:
        jws.deserialize_compact(token.compact, key, registry=registry)
    except (JoseError, ValueError, TypeError):
        raise Rejected(Cause.SIGNATURE) from None


def trusting(settings: Settings, clients: Clients, tokens: TokenStore, count: Callable[[str], None]) -> Trust:
    """Who may call, of a site that authenticates its callers. `count`: as for Trust."""
    tls()  # reading the system's authorities takes longer than a call may
    return Trust(clients, KeySets(), tokens, public_url=settings.public_url, now=settings.instant, count=count)
