"""Keeps the key sets of clients: fetched when needed, not too often, and used a while longer when their address is down."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

import structlog
from anyio import Lock

from mgcds.service.bearer import Cause, Rejected
from mgcds.service.clients import Client
from mgcds.service.jwks import Key, Keys, NoKeySet, read_key_set
from mgcds.service.key_set_fetch import NotFetched, fetch_key_set

log = structlog.get_logger(__name__)
FRESH = 600.0  # seconds for which a set is used without asking again
STALE = 3600.0  # for which it is used while its address is down
PAUSE = 30.0  # after a try, before a kid that is not in the set, or an address that was down, is asked for again
COLD_PAUSE = 10.0  # the same without any set: nobody can call meanwhile


class Fetch(Protocol):
    """Gives what an address answers; raises NotFetched."""

    async def __call__(self, address: str, *, private: bool) -> bytes: ...


@dataclass(slots=True)
class _Kept:
    """What is known of one issuer's keys; times are of the monotonic clock."""

    keys: Keys | None = None
    fetched: float = 0.0
    tried: float | None = None
    fetching: Lock = field(default_factory=Lock)


class KeySets:
    """The public keys of every client, by issuer. One for each event loop."""

    def __init__(self, fetch: Fetch = fetch_key_set, clock: Callable[[], float] = time.monotonic) -> None:
        self._fetch = fetch
        self._clock = clock
        self._kept: dict[str, _Kept] = {}

    async def key(self, client: Client, key_id: str, algorithm: str) -> Key:
        """The key of a client that has this kid and may be used with this algorithm. Raises Rejected."""
        kept = self._kept.setdefault(str(client.issuer), _Kept())
        name = (key_id, algorithm)
        if self._is_due(kept, name):
            known = self._known(kept)
            if kept.fetching.locked() and known is not None and name in known:
                return known[name]  # somebody is asking already; their wait is enough
            async with kept.fetching:
                if self._is_due(kept, name):
                    await self._ask(client, kept)
        known = self._known(kept)
        if known is None:
            raise Rejected(Cause.KEYS_UNAVAILABLE)
        if name not in known:
            raise Rejected(Cause.KEY_UNKNOWN)
        return known[name]

    def _known(self, kept: _Kept) -> Keys | None:
        return kept.keys if kept.keys is not None and self._clock() - kept.fetched < STALE else None

    def _is_due(self, kept: _Kept, name: tuple[str, str]) -> bool:
        """Whether the address should be asked now."""
        if kept.tried is None:
            return True
        now, known = self._clock(), self._known(kept)
        if known is not None and name in known and now - kept.fetched < FRESH:
            return False
        return now - kept.tried >= (COLD_PAUSE if known is None else PAUSE)

    async def _ask(self, client: Client, kept: _Kept) -> None:
        kept.tried = self._clock()
        try:
            data = await self._fetch(str(client.key_set), private=client.private_addresses == "allowed")
            kept.keys = read_key_set(data)
        except NotFetched as error:
            log.error("key set not fetched", client=client.name, why=str(error))
        except NoKeySet:
            log.error("key set not fetched", client=client.name, why="what came is no key set")
        else:
            kept.fetched = self._clock()
            log.info("key set fetched", client=client.name, keys=len({key_id for key_id, _ in kept.keys}))
