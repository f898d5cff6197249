"""The service over many evaluations: no error, and its memory stays flat."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from tests.conftest import ROOT
from tests.service.running import ENVIRONMENT


@pytest.mark.skipif(not os.environ.get("MGCDS_LONG"), reason="takes hours; set MGCDS_LONG=1")
def test_memory_stays_flat_over_two_hundred_thousand_evaluations() -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "benchmarks/soak.py"), "--evaluations", "200000", "--workers", "4"],
        env=ENVIRONMENT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    found = json.loads(done.stdout)
    assert found["good"], done.stdout


def test_the_soak_itself_runs() -> None:
    """A few evaluations, so that the long run is not found broken when it is needed."""
    done = subprocess.run(
        [sys.executable, str(ROOT / "benchmarks/soak.py"), "--evaluations", "40", "--workers", "2", "--most", "2"],
        env=ENVIRONMENT, capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads(done.stdout)
    assert found["errors"] == 0
    assert found["requests"] == 40
    assert found["different_requests"] > 20
    assert done.stderr.count(" requests, 0 errors, ") == 10  # it says how far it is, each tenth
    assert len(found["ratios"]) == 3  # two workers and their supervisor
