"""Opens the database at the start where it is there, and otherwise beside the calls, as soon as it is.

A service that is started again while its database is away answers with cards all the same: what holds for a database that
goes away later holds from the first call. Its tables are brought up to date before anybody reads or writes in it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

import structlog

from mgcds.store import StoreError

log = structlog.get_logger(__name__)
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 15.0  # seconds between two tries


class Opening:
    """One database that is to be opened. `open_it` raises StoreError; it may be called again and again."""

    def __init__(self, open_it: Callable[[], None]) -> None:
        self._open = open_it
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None
        self._said = ""
        self.is_away = False

    def first(self) -> None:
        """The try at the start. Raises StoreError where waiting would not help: a wrong address, a newer version's tables."""
        try:
            self._open()
        except StoreError as error:
            if not error.passing:
                raise
            self._stay_away(error)

    def begin(self) -> None:
        """Goes on trying beside the calls, where that is needed. After any fork."""
        if self.is_away and self._thread is None:
            self._thread = threading.Thread(target=self._run, name="opening", daemon=True)
            self._thread.start()

    def end(self) -> None:
        """Tries no more."""
        self._ended.set()
        if self._thread is not None:
            self._thread.join(5)

    def _stay_away(self, error: StoreError) -> None:
        self.is_away = True
        if str(error) != self._said:  # once, not every few seconds
            self._said = str(error)
            log.error("database away", why=self._said, meanwhile="cards go out, feedback is sent back, nothing is remembered")

    def _run(self) -> None:
        pause = FIRST_PAUSE
        while not self._ended.wait(pause):
            try:
                self._open()
            except StoreError as error:
                self._stay_away(error)
                pause = min(2 * pause, LONGEST_PAUSE)
            else:
                self.is_away = False
                log.info("database opened")
                return
