"""Keeps the key sets of clients: fetched when needed, not too often, and used a while longer when their address is down."""

from __future__ import annotations

import time
from asyncio import Task, create_task
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
AHEAD = 300.0  # seconds after which a set is asked for again, while calls go on with the one at hand
FRESH = 600.0  # after which a call waits for the answer
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
    is_down: bool = False  # the last try has failed, or is not answered yet
    fetching: Lock = field(default_factory=Lock)


class KeySets:
    """The public keys of every client, by issuer. One for each event loop."""

    def __init__(self, fetch: Fetch = fetch_key_set, clock: Callable[[], float] = time.monotonic) -> None:
        self._fetch = fetch
        self._clock = clock
        self._kept: dict[str, _Kept] = {}
        self._asking: set[Task[None]] = set()

    async def key(self, client: Client, key_id: str, algorithm: str) -> Key:
        """The key of a client that has this kid and may be used with this algorithm. Raises Rejected."""
        kept = self._kept.setdefault(str(client.issuer), _Kept())
        name = (key_id, algorithm)
        known = self._known(kept)
        if known is not None and name in known and self._is_fresh(kept):
            if self._clock() - kept.fetched >= AHEAD:
                self._ask_meanwhile(client, kept)
            return known[name]
        await self._ask(client, kept, name)
        known = self._known(kept)
        if known is None:
            raise Rejected(Cause.KEYS_UNAVAILABLE)
        if name not in known:
            raise Rejected(Cause.KEY_UNKNOWN)
        return known[name]

    def _known(self, kept: _Kept) -> Keys | None:
        return kept.keys if kept.keys is not None and self._clock() - kept.fetched < STALE else None

    def _is_fresh(self, kept: _Kept) -> bool:
        """Whether a call need not wait for an answer; where the last try failed, the next one is hardly worth it."""
        return self._clock() - kept.fetched < FRESH or kept.is_down

    def _ask_meanwhile(self, client: Client, kept: _Kept) -> None:
        if not kept.fetching.locked() and self._may_ask(kept):
            task = create_task(self._ask(client, kept))
            self._asking.add(task)  # the loop itself keeps no hold of it
            task.add_done_callback(self._asking.discard)

    def _may_ask(self, kept: _Kept) -> bool:
        pause = COLD_PAUSE if self._known(kept) is None else PAUSE
        return kept.tried is None or self._clock() - kept.tried >= pause

    async def _ask(self, client: Client, kept: _Kept, name: tuple[str, str] | None = None) -> None:
        """Fetches the set, once for all who wait, and not again for a name that came with it or too soon after a try."""
        async with kept.fetching:
            known = self._known(kept)
            if self._may_ask(kept) and not (known is not None and name in known and self._is_fresh(kept)):
                await self._fetch_into(kept, client)

    async def _fetch_into(self, kept: _Kept, client: Client) -> None:
        kept.tried, kept.is_down = self._clock(), True
        try:
            data = await self._fetch(str(client.key_set), private=client.private_addresses == "allowed")
            kept.keys = read_key_set(data)
        except NotFetched as error:
            log.error("key set not fetched", client=client.name, why=str(error))
        except NoKeySet:
            log.error("key set not fetched", client=client.name, why="what came is no key set")
        else:
            kept.is_down = False
            kept.fetched = self._clock()
            log.info("key set fetched", client=client.name, keys=len({key_id for key_id, _ in kept.keys}))
