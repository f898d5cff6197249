"""The first process: forks the workers, restarts those that end, passes SIGTERM on, and tests a new library on SIGHUP.

It serves nothing and runs no thread, so a fork copies a process at rest, and it waits for signals one at a time. It holds the
last library that was good: a worker that ends while the files on the disk are broken is replaced by one that works.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import structlog

from mgcds.engine.evaluate import Engine
from mgcds.service.board import Board
from mgcds.service.library_test import LibraryTest, Tested
from mgcds.service.metrics import Metrics, forget, resident_bytes
from mgcds.service.worker import GRACE_SECONDS, from_disk, work
from mgcds.settings import Settings
from mgcds.source import SourceError

log = structlog.get_logger(__name__)
_SIGNALS = {signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD, signal.SIGALRM}
_LOOK_SECONDS = 0.5
STALE_SECONDS = 60  # without a heartbeat: a loop in the C engine holds the interpreter, so nothing else of a worker runs
_LONGEST_PAUSE = 30.0  # before a worker that ends again and again is started once more
_FROZEN_SECONDS = 5  # so late a look means that the whole container or machine stood still


@dataclass(slots=True)
class _Worker:
    number: int
    process: int  # 0: it is to be started at `due`
    started: float
    due: float = 0.0
    pause: float = 1.0


class Supervisor:
    """The workers of one service. `test` judges the library on the disk; it runs in a process of its own and may crash."""

    def __init__(
        self,
        settings: Settings,
        engine: Engine,
        *,
        workers: int,
        listening: socket.socket,
        folder: Path,
        test: Callable[[Settings], Tested],
    ) -> None:
        self._settings = settings
        self._engine = engine
        self._listening = listening
        self._test = LibraryTest(settings, folder, test, self._fork)
        self._board = Board(workers)
        self._metrics = Metrics()
        self._workers = [_Worker(number, 0, 0.0) for number in range(workers)]
        self._looked = time.monotonic()
        self._stopping_since: float | None = None
        self._failed = False
        self._mask: set[int] = set()

    def run(self) -> bool:
        """Until it is told to stop; whether all went well. False: a worker could not even start."""
        self._mask = {int(number) for number in signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)}
        signal.setitimer(signal.ITIMER_REAL, _LOOK_SECONDS, _LOOK_SECONDS)
        for worker in self._workers:
            self._start(worker)
        try:
            while self._stopping_since is None or any(worker.process for worker in self._workers):
                self._heed(signal.sigwait(_SIGNALS))
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            self._tell(self._test.process, signal.SIGKILL)
            signal.pthread_sigmask(signal.SIG_SETMASK, self._mask)
        return not self._failed

    def _heed(self, told: int) -> None:
        if told in (signal.SIGTERM, signal.SIGINT):
            self._stop(told)
        elif told == signal.SIGHUP:
            self._begin_test()
        elif told == signal.SIGCHLD:
            self._reap()
        else:
            self._look(time.monotonic())

    def _start(self, worker: _Worker) -> None:
        worker.started = time.monotonic()
        self._board.beat(worker.number, worker.started)
        generation = self._board.generation
        worker.process = self._fork(
            lambda: work(worker.number, self._settings, self._engine, self._board, generation, self._listening)
        )

    def _fork(self, task: Callable[[], None]) -> int:
        sys.stdout.flush()
        process = os.fork()
        return process or self._child(task)

    def _child(self, task: Callable[[], None]) -> NoReturn:
        """What a new process does, and nothing of the supervisor's after it."""
        code = 1
        try:
            signal.signal(signal.SIGHUP, signal.SIG_IGN)  # the supervisor's affair; sent to all, it must end nobody
            signal.pthread_sigmask(signal.SIG_SETMASK, self._mask)
            task()
            code = 0
        except SystemExit as error:
            code = error.code if isinstance(error.code, int) else 1
        except BaseException as error:  # noqa: BLE001 - a traceback could print values
            log.error("process failed", kind=type(error).__name__)
        finally:
            os._exit(code)

    def _stop(self, told: int) -> None:
        if self._stopping_since is None:
            log.info("stopping", signal=signal.Signals(told).name)
            self._stopping_since = time.monotonic()
            self._listening.close()  # the workers hold it as long as they take requests
        for worker in self._workers:
            self._tell(worker.process, told)

    def _reap(self) -> None:
        while True:
            try:
                process, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if not process:
                return
            if process == self._test.process:
                self._end_test(status)
            for worker in self._workers:
                if worker.process == process:
                    worker.process = 0
                    forget(process)
                    self._ended(worker, os.waitstatus_to_exitcode(status))

    def _ended(self, worker: _Worker, code: int) -> None:
        if self._stopping_since is not None:
            return
        lived = time.monotonic() - worker.started
        log.error("worker ended", worker=worker.number, code=code, seconds=round(lived, 1))
        if self._board.beaten(worker.number) <= worker.started and not self._board.generation:
            self._failed = True  # it never ran, and none has before: another try would end alike
            self._stop(signal.SIGTERM)
            return
        self._metrics.restarts.inc()
        worker.pause = 1.0 if lived > 2 * _LONGEST_PAUSE else min(2 * worker.pause, _LONGEST_PAUSE)
        worker.due = time.monotonic() + worker.pause

    def _look(self, now: float) -> None:
        """Starts who is due, ends who hangs."""
        self._metrics.resident.set(resident_bytes())
        frozen, self._looked = now - self._looked > _FROZEN_SECONDS, now
        if self._stopping_since is not None:
            if now - self._stopping_since > self._settings.drain_seconds + GRACE_SECONDS + 5:
                for worker in self._workers:
                    self._tell(worker.process, signal.SIGKILL)
            return
        if self._test.is_late(now):
            self._tell(self._test.process, signal.SIGKILL)
        for worker in self._workers:
            if not worker.process and now >= worker.due:
                self._start(worker)
            elif frozen:
                self._board.beat(worker.number, now)
            elif worker.process and now - self._board.beaten(worker.number) > STALE_SECONDS:
                log.error("worker hangs", worker=worker.number)
                self._tell(worker.process, signal.SIGKILL)

    def _begin_test(self) -> None:
        if self._stopping_since is None and self._test.begin(time.monotonic()):
            log.info("testing the library", library_in_use=self._engine.library.hash)

    def _end_test(self, status: int) -> None:
        tested = self._test.ended(status)
        if self._stopping_since is not None:
            return
        if tested is None:
            self._begin_test()
            return
        problems = list(tested.problems)
        if not problems:
            problems = self._take(tested.library)
        if problems:
            for problem in problems:
                log.error("library refused", problem=problem, library_in_use=self._engine.library.hash)
            self._board.refuse()
            return
        self._board.want(tested.library)
        log.info("library tested", library=tested.library)

    def _take(self, tested: str) -> list[str]:
        """Loads the tested library, for the workers that will be forked; the problems with it."""
        try:
            library = from_disk(self._settings)
        except SourceError as error:
            return [str(problem) for problem in error.problems]
        if library.hash != tested:
            return ["the files were changed during the test; send SIGHUP again"]
        self._engine = Engine(library)
        return []

    @staticmethod
    def _tell(process: int, told: int) -> None:
        if process:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, told)
