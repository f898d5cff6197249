"""A new library replaces the old one while the service runs; a bad one does not."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
from pathlib import Path

import pytest

from mgcds.engine.evaluate import Engine
from mgcds.language.load import load
from mgcds.service.operations import Lasting
from mgcds.service.reload import Reload
from mgcds.service.worker import application
from mgcds.settings import read_settings
from tests.service.running import Running, change, small_library

pytestmark = pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="children are found in /proc")


def test_every_worker_takes_a_changed_library_and_keeps_its_own_while_a_new_one_is_bad(tmp_path: Path) -> None:
    mini = small_library(tmp_path)
    with Running("--rules", str(mini.root), "--workers", "2", MGCDS_DATA_DIR=str(tmp_path / "data")) as service:
        first = service.library()
        workers = service.workers()
        assert len(workers) == 2
        slow = service.slow_call()

        change(mini, "1.80")
        service.hup()
        service.until(lambda: len(service.lines("library replaced")) == 2)
        assert {service.library() for _ in range(12)} == {service.ready()["library"]} != {first}
        second = service.library()
        status, answer = service.finish(slow)  # it was in flight, so it met the old library whole
        assert (status, answer["extension"]["org.mgcds.evaluation"]["library"]) == (200, first)
        assert service.metric("mgcds_library_info") == 2

        (mini.root / "examples/ex-ample.yaml").write_text("rule: ex-ample\nnonsense: 1\n")
        service.hup()
        service.until(lambda: service.ready()["status"] == "degraded")
        assert service.get("/readyz")[0] == 200
        service.until(
            lambda: any("examples/ex-ample.yaml:1:1:" in line["problem"] for line in service.lines("library refused"))
        )
        service.until(lambda: service.metric("mgcds_degraded") == 1)
        assert {service.library() for _ in range(12)} == {second}

        # A worker that dies meanwhile is replaced by one with the library that is in use, not with what is on the disk.
        victim = min(workers)
        os.kill(victim, signal.SIGKILL)
        service.until(lambda: len(service.workers()) == 2 and victim not in service.workers())
        service.until(lambda: service.metric("mgcds_worker_restarts_total") == 1)
        service.until(lambda: service.metric("mgcds_workers") == 2)
        assert {service.library() for _ in range(12)} == {second}

        change(mini, "1.90")
        service.hup()
        service.until(lambda: service.ready()["status"] == "ready" and service.library() not in (first, second))
        service.until(lambda: service.metric("mgcds_degraded") == 0)


def test_a_library_whose_own_cases_fail_is_refused(tmp_path: Path) -> None:
    mini = small_library(tmp_path)
    with Running("--rules", str(mini.root)) as service:
        first = service.library()
        change(mini, "1.80", at_limit="1.70")  # the case still expects silence at what is now below the limit
        service.hup()
        service.until(lambda: service.ready()["status"] == "degraded")
        service.until(lambda: bool(service.lines("library refused")))
        (line,) = service.lines("library refused")
        assert line["problem"].startswith("examples/ex-ample.test.yaml:4:")
        assert "expected silent, got info" in line["problem"]
        assert service.library() == first

        change(mini, "1.70")  # as it was
        service.hup()
        service.until(lambda: service.ready()["status"] == "ready")
        assert service.library() == first


def test_what_was_replaced_leaves_the_memory(tmp_path: Path) -> None:
    """It is held in many places: compiled in C, frozen for the collector, cached by the framework."""
    settings = read_settings(rules=small_library(tmp_path).root)
    lasting = Lasting()
    reload = Reload(application(settings, Engine(load(settings.rules)), lasting), lasting,
                    lambda: application(settings, Engine(load(settings.rules)), lasting))  # fmt: skip

    def engines() -> int:
        return sum(isinstance(found, Engine) for found in gc.get_objects())

    async def replaced() -> list[int]:
        counted = []
        for _ in range(3):
            assert await reload.replace(reload.library)
            await asyncio.gather(*reload._ending)
            gc.unfreeze()  # what is frozen is not listed
            counted.append(engines())
        return counted

    first, *rest = asyncio.run(replaced())
    assert rest == [first, first]
