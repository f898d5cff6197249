"""How many calls are taken at once, and how many a second from one issuer. Kept in the memory of each worker."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from mgcds.service.errors import Refused

Clock = Callable[[], float]  # seconds that only ever grow
BURST_SECONDS = 2.0  # a client that was quiet may send at once what it may send in this time
MOST_ISSUERS = 1000  # who was heard of longest ago is forgotten first, and starts again with a full bucket
_FULL = "Too many calls are waiting; nothing was decided. Call again."
_FAST = "Too many calls in too short a time; nothing was decided. Call again later."


class Gate:
    """Lets a bounded number of calls in: each holds its body in memory, and the last would be answered too late to be read."""

    def __init__(self, most: int) -> None:
        self._most = most
        self.inside = 0

    @contextmanager
    def entered(self) -> Iterator[None]:
        """A place for one call while it lasts. Raises Refused with status 503 where there is none."""
        if self.inside >= self._most:
            raise Refused(503, "throttled", _FULL, retry_after=1)
        self.inside += 1
        try:
            yield
        finally:
            self.inside -= 1


class Rate:
    """A bucket of tokens for each issuer, filled by so many a second; 0 a second: no limit."""

    def __init__(self, per_second: float, clock: Clock) -> None:
        self._per_second = per_second
        self._most = max(1.0, per_second * BURST_SECONDS)
        self._clock = clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()  # tokens, and when there were so many

    def take(self, issuer: str) -> None:
        """One token of an issuer. Raises Refused with status 429 where its bucket is empty."""
        if self._per_second <= 0:
            return
        now = self._clock()
        tokens, since = self._buckets.pop(issuer, (self._most, now))
        tokens = min(self._most, tokens + (now - since) * self._per_second)
        taken = tokens >= 1
        self._buckets[issuer] = (tokens - 1 if taken else tokens, now)
        if len(self._buckets) > MOST_ISSUERS:
            self._buckets.popitem(last=False)
        if not taken:
            raise Refused(429, "throttled", _FAST, retry_after=max(1, round((1 - tokens) / self._per_second)))
