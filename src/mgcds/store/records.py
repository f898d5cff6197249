"""Decision records: written behind the answers, in batches, by one thread."""

from __future__ import annotations

import json
import threading
import time
import zlib
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

import structlog
from sqlalchemy import Engine, insert, select

from mgcds.jsonbytes import dumped
from mgcds.store.failures import StoreError
from mgcds.store.tables import record
from mgcds.store.transactions import reading, writing

log = structlog.get_logger(__name__)
MOST_WAITING = 2000  # records; beyond, they are dropped and counted
_BATCH = 200
_LEVEL = 3  # a tenth larger than with 6, in half the time: with the faster JSON 0.04 ms a record instead of 0.17
_GATHER_SECONDS = 0.5
_LONGEST_PAUSE_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Decision:
    """One evaluation. `patient`: the pseudonym; `request`: SHA-256 of the body; `content`: what JSON can hold."""

    at: datetime
    issuer: str
    patient: str
    service: str
    request: str
    content: Mapping[str, Any]


class Recorder:
    """Takes decisions from any thread, and never makes one wait or fail. `dropped` counts what was not written.

    Its thread starts with the first decision: a process may still fork before.
    """

    def __init__(self, engine: Engine, *, most: int = MOST_WAITING) -> None:
        self._engine = engine
        self._most = most
        self._waiting: deque[Decision] = deque()
        self._changed = threading.Condition()
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None
        self.written = 0
        self.dropped = 0

    def add(self, decision: Decision) -> None:
        """Leaves a decision to be written."""
        with self._changed:
            if len(self._waiting) >= self._most or self._closing.is_set():
                self.dropped += 1
                return
            self._waiting.append(decision)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="records", daemon=True)
                self._thread.start()
            self._changed.notify()

    def close(self, seconds: float = 5) -> None:
        """Writes what waits, but takes no longer than this for it."""
        with self._changed:
            self._closing.set()
            self._changed.notify()
        if self._thread is not None:
            self._thread.join(seconds)
        if self.dropped:
            log.error("records dropped", dropped=self.dropped)

    def _run(self) -> None:
        pause = _GATHER_SECONDS
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._closing.is_set())
                if not self._waiting:
                    return
            self._closing.wait(pause)  # the longer, the more records share one transaction
            batch = self._first()
            started = time.perf_counter()
            try:
                written = self._write(batch)
            except Exception as error:  # noqa: BLE001 - the thread must outlive whatever is wrong with one batch
                again = isinstance(error, StoreError) and error.passing and not self._closing.is_set()
                why = str(error) if isinstance(error, StoreError) else type(error).__name__
                log.error("records not written", why=why, records=len(batch), again=again)
                if again:
                    pause = min(2 * pause + time.perf_counter() - started, _LONGEST_PAUSE_SECONDS)
                    continue
                self.dropped += len(batch)
            else:
                self.written += written
            pause = _GATHER_SECONDS
            with self._changed:
                for _ in batch:
                    self._waiting.popleft()

    def _first(self) -> list[Decision]:
        with self._changed:
            return [self._waiting[index] for index in range(min(_BATCH, len(self._waiting)))]

    def _write(self, batch: list[Decision]) -> int:
        """Writes a batch, but for those that cannot be written; gives how many were. Raises StoreError."""
        rows = []
        for each in batch:
            try:
                content = zlib.compress(dumped(each.content), _LEVEL)
            except (ValueError, TypeError) as error:  # one that JSON cannot hold costs itself, not the others of its batch
                self.dropped += 1
                log.error("record not written", kind=type(error).__name__)
                continue
            rows.append(
                {
                    "id": uuid4(),
                    "at": each.at,
                    "issuer": each.issuer,
                    "patient": each.patient,
                    "service": each.service,
                    "request": each.request,
                    "content": content,
                }
            )
        if rows:
            with writing(self._engine, synced=False) as connection:
                connection.execute(insert(record), rows)
        return len(rows)


def records(
    engine: Engine, *, since: datetime | None = None, until: datetime | None = None, request: str | None = None
) -> Iterator[tuple[UUID, Decision]]:
    """Records with their ids, oldest first; `until` itself is not among them. `request`: only those of this body.

    Raises StoreError.
    """
    asked = select(record).order_by(record.c.at, record.c.id).execution_options(yield_per=500)
    if since is not None:
        asked = asked.where(record.c.at >= since)
    if until is not None:
        asked = asked.where(record.c.at < until)
    if request is not None:
        asked = asked.where(record.c.request == request)
    with reading(engine) as connection:
        for row in connection.execute(asked).mappings():
            content = json.loads(zlib.decompress(row["content"]))
            yield row["id"], Decision(row["at"], row["issuer"], row["patient"], row["service"], row["request"], content)


def exported(record_id: UUID, decision: Decision) -> dict[str, Any]:
    """A record as one JSON object."""
    return {
        "record": str(record_id),
        "at": decision.at.isoformat(),
        "issuer": decision.issuer,
        "patient": decision.patient,
        "service": decision.service,
        "request": decision.request,
        **decision.content,
    }
