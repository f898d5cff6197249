"""What speed is measured with must be answered, and rightly: else `make bench` ends before its table."""

from __future__ import annotations

import pytest
from starlette.testclient import TestClient

from benchmarks.charts import SIZES, TODAY, request
from benchmarks.load import rules_of
from benchmarks.run import EXPECTED
from mgcds.language.library import Library
from mgcds.service.app import create_app
from mgcds.settings import read_settings


@pytest.fixture(scope="module")
def http(library: Library) -> TestClient:
    return TestClient(create_app(library, read_settings(today=TODAY.isoformat())))


@pytest.mark.parametrize("size", SIZES)
def test_every_request_of_the_benchmark_gets_its_cards(size: str, http: TestClient) -> None:
    sent = {"content-type": "application/json"}
    answer = http.post("/cds-services/mgcds-patient-view", content=request(SIZES[size]), headers=sent)
    assert answer.status_code == 200
    assert rules_of(answer.content) == EXPECTED
