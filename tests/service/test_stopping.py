"""Told to stop, the service first says so, then answers what is in flight, then ends."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from tests.service.running import Running, small_library

pytestmark = pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="children are found in /proc")


def listens(service: Running) -> bool:
    try:
        return service.get("/healthz")[0] > 0
    except OSError:
        return False


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_request_in_flight_is_answered_after_sigterm(tmp_path: Path, workers: str) -> None:
    mini = small_library(tmp_path)
    with Running("--rules", str(mini.root), "--workers", workers, MGCDS_DATA_DIR=str(tmp_path / "data"),
                 MGCDS_DRAIN_SECONDS="4") as service:  # fmt: skip
        slow = service.slow_call()
        service.process.send_signal(signal.SIGTERM)
        service.until(lambda: service.get("/readyz")[0] == 503)
        assert service.ready()["status"] == "stopping"
        assert service.get("/healthz")[0] == 200  # alive, and taking requests while the proxy looks elsewhere
        assert service.library()
        service.until(lambda: not listens(service))
        assert service.process.poll() is None  # it waits for the slow one
        status, answer = service.finish(slow)
        assert status == 200
        assert answer["cards"]
        assert service.process.wait(timeout=30) == 0
    assert not (tmp_path / "data/mgcds.sqlite3-wal").exists()  # SQLite removes it when the last connection is closed


def test_workers_end_where_the_supervisor_is_killed(tmp_path: Path) -> None:
    mini = small_library(tmp_path)
    with Running("--rules", str(mini.root)) as service:
        (worker,) = service.workers()
        service.process.kill()
        service.process.wait(timeout=30)
        end = Path(f"/proc/{worker}")
        for _ in range(600):
            if not end.exists() or ") Z " in (end / "stat").read_text():
                return
            os.sched_yield()
            signal.sigtimedwait([], 0.05)
        os.kill(worker, signal.SIGKILL)
        raise AssertionError("the worker goes on without its supervisor")


def test_a_worker_that_hangs_is_replaced(tmp_path: Path) -> None:
    """A loop in the C engine stops the whole interpreter of a worker; a stopped process looks the same from outside."""
    mini = small_library(tmp_path)
    with Running(
        "--rules", str(mini.root), before="from mgcds.service import supervisor\nsupervisor.STALE_SECONDS = 4"
    ) as service:
        (worker,) = service.workers()
        os.kill(worker, signal.SIGSTOP)
        service.until(lambda: bool(service.lines("worker hangs")))
        service.until(lambda: bool(service.workers()) and worker not in service.workers())
        service.until(lambda: service.get("/healthz")[0] == 200)
