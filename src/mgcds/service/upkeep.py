"""Keeps the store small: at start and every hour, deletes what the site no longer keeps."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime, timedelta

import structlog

from mgcds.language.policy import Remember
from mgcds.settings import Settings
from mgcds.store import StoreError

log = structlog.get_logger(__name__)
EVERY_SECONDS = 3600.0
Forget = Callable[[datetime, datetime | None, datetime | None], dict[str, int]]  # now, memory before, records before


class Upkeep:
    """A thread that forgets. It starts when it is told to, once."""

    def __init__(self, forget: Forget, settings: Settings, remember: Remember) -> None:
        self._forget = forget
        self._settings = settings
        self._remember = remember
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None

    def begin(self) -> None:
        """Forgets now and every hour from now on, beside the calls."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="upkeep", daemon=True)
            self._thread.start()

    def end(self) -> None:
        """Stops after the rows that are being deleted."""
        self._ended.set()
        if self._thread is not None:
            self._thread.join(5)

    def once(self) -> dict[str, int]:
        """Deletes what is too old now; gives the number of rows by table."""
        now = self._settings.now()
        kept, records = kept_days(self._settings, self._remember)
        try:
            gone = self._forget(self._settings.instant(), _before(now, kept), _before(now, records))
        except StoreError as error:
            log.error("old rows not deleted", why=str(error))
            return {}
        if gone:
            log.info("old rows deleted", **gone)
        return gone

    def _run(self) -> None:
        while True:
            self.once()
            if self._ended.wait(EVERY_SECONDS):
                return


def kept_days(settings: Settings, remember: Remember) -> tuple[int | None, int | None]:
    """For how many days memory and records are kept; None: for ever.

    Memory is kept as long as an override counts, whatever the setting says: a card that comes back too early is a harm. A
    database in the memory of this process keeps nothing longer than that, or it would grow until the process ends.
    """
    needed = remember.longest + 1
    if settings.retention_days is None:
        return (None if settings.keeps_data else needed), None
    return max(settings.retention_days, needed), settings.retention_days


def _before(now: datetime, days: int | None) -> datetime | None:
    return None if days is None else now - timedelta(days=days)
