"""Thousands of requests that are almost right: no failure of ours, no hang, no echo, and cards that keep the rules.

2,000 here, 100,000 with MGCDS_LONG=1, or as many as MGCDS_FUZZ says; always the same ones for one seed.
"""

from __future__ import annotations

import os
import random
import time
from collections import Counter
from typing import Any

import pytest
from starlette.testclient import TestClient

from mgcds.language.library import Library
from mgcds.service.app import create_app
from mgcds.settings import Settings
from tests.fuzz.mutations import CANARY, Sent, sent
from tests.service.conftest import TODAY
from tests.service.test_leaks import logged

__all__ = ["logged"]
REQUESTS = int(os.environ.get("MGCDS_FUZZ") or (100_000 if os.environ.get("MGCDS_LONG") else 2_000))
SEED = int(os.environ.get("MGCDS_FUZZ_SEED", "20260615"))
HANG_SECONDS = 30
MOST_FAULTS = 20  # so many are collected before the run gives up
STATUSES = {200, 204, 400, 404, 405, 412, 413, 415}


@pytest.fixture(scope="module")
def http(library: Library, tmp_path_factory: pytest.TempPathFactory) -> TestClient:
    settings = Settings(today=TODAY, rate_per_second=0, data_dir=tmp_path_factory.mktemp("data"))
    return TestClient(create_app(library, settings), raise_server_exceptions=False)


def wrong(http: TestClient, request: Sent) -> tuple[int, str]:
    """The status, and what is wrong with the answer to a request ("" where nothing is)."""
    answer = http.request(request.method, request.path, content=request.body, headers=request.headers)
    status = answer.status_code
    if status not in STATUSES:
        return status, f"status {status}"
    if CANARY in str(answer.headers) or (status != 200 and CANARY in answer.text):
        return status, "echo"
    if status in (200, 204) or request.method == "HEAD":
        return status, _wrong_cards(answer.json()) if status == 200 and "/feedback" not in request.path else ""
    outcome = answer.json()
    return status, "" if outcome["resourceType"] == "OperationOutcome" and outcome["issue"][0]["code"] else "no outcome"


def _wrong_cards(answer: dict[str, Any]) -> str:
    if "services" in answer:
        return ""
    if "error" in {rule["state"] for rule in answer["extension"]["org.mgcds.evaluation"]["rules"].values()}:
        return "a rule ended as error"
    for card in answer["cards"]:
        if not 0 < len(card["summary"]) < 140 or card["indicator"] not in ("info", "warning", "critical"):
            return "a card that breaks the rules"
    return ""


def test_no_mutated_request_breaks_the_service(http: TestClient, logged: Any) -> None:
    chance = random.Random(SEED)
    seen: Counter[int] = Counter()
    faults: list[str] = []
    slowest, lines = 0.0, 0
    for number in range(REQUESTS):
        request = sent(chance)
        started = time.monotonic()
        status, fault = wrong(http, request)
        slowest = max(slowest, time.monotonic() - started)
        seen[status] += 1
        if number % 500 == 499 or number == REQUESTS - 1:
            text = logged()
            lines += text.count("\n")
            assert CANARY not in text
            assert "Traceback" not in text
        if fault:
            faults.append(
                f"request {number} of seed {SEED}: {fault}\n{request.method} {request.path}\n{request.body[:20_000]!r}"
            )
        assert len(faults) < MOST_FAULTS, "\n\n".join(faults)
        assert slowest < HANG_SECONDS, f"request {number} of seed {SEED} hangs"
    assert faults == [], "\n\n".join(faults)
    assert lines >= REQUESTS
    assert seen[200] > REQUESTS * 0.3  # most requests still reach the rules
    assert seen[400] > REQUESTS * 0.05
    print(f"{REQUESTS} requests, seed {SEED}: {dict(sorted(seen.items()))}; slowest {slowest:.2f} s")
