"""The test of a library on the disk, in a process of its own that may crash or hang: one at a time, the newest counts."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from mgcds.service.metrics import stand_alone
from mgcds.settings import Settings

MOST_SECONDS = 300


@dataclass(frozen=True, slots=True)
class Tested:
    """What a test of the library on the disk came to: its hash, and its problems (none: it is good)."""

    library: str
    problems: tuple[str, ...] = ()


class LibraryTest:
    """Runs `test`. `fork` gives the process that does a task; whoever reaps it hands its status to `ended`."""

    def __init__(
        self, settings: Settings, folder: Path, test: Callable[[Settings], Tested], fork: Callable[[Callable[[], None]], int]
    ) -> None:
        self._settings = settings
        self._verdict = folder / "tested.json"
        self._test = test
        self._fork = fork
        self._since = 0.0
        self._again = False
        self.process = 0  # that tests at this moment

    def begin(self, now: float) -> bool:
        """Whether a test began; while one runs, another follows it, because the files may have changed since it read them."""
        if self.process:
            self._again = True
            return False
        self._verdict.unlink(missing_ok=True)
        self._since = now
        self.process = self._fork(self._judge)
        return True

    def is_late(self, now: float) -> bool:
        """Whether it has to be ended."""
        return bool(self.process) and now - self._since > MOST_SECONDS

    def ended(self, status: int) -> Tested | None:
        """What the test came to whose process ended; None where the files must be tested again."""
        self.process = 0
        if self._again:
            self._again = False
            return None
        try:
            found = json.loads(self._verdict.read_text())
            return Tested(found["library"], tuple(found["problems"]))
        except (OSError, ValueError):
            return Tested("", (f"the test did not end (code {os.waitstatus_to_exitcode(status)})",))

    def _judge(self) -> None:
        with contextlib.suppress(OSError):  # a sandbox may forbid it
            os.nice(5)  # the workers answer meanwhile
        stand_alone()
        self._verdict.write_text(json.dumps(asdict(self._test(self._settings))))
