"""The real application on the real library, called over HTTP in process."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from mgcds.language.library import Library
from mgcds.service.app import create_app
from mgcds.settings import read_settings

FIXTURES = Path(__file__).parent.parent.parent / "fhir_fixtures"
TODAY = json.loads((FIXTURES / "expected.json").read_text(encoding="utf-8"))["today"]


class Client:
    """Sends requests; keeps the last response."""

    def __init__(self, http: TestClient) -> None:
        self.http = http

    def call(self, request: dict[str, Any], service: str | None = None) -> tuple[int, dict[str, Any]]:
        path = f"/cds-services/{service or 'mgcds-' + request['hook']}"
        response = self.http.post(path, content=json.dumps(request), headers={"content-type": "application/json"})
        return response.status_code, response.json()

    def fixture(self, name: str) -> dict[str, Any]:
        return copy.deepcopy(json.loads((FIXTURES / "requests" / f"{name}.json").read_text(encoding="utf-8")))


@pytest.fixture(scope="session")
def client(library: Library) -> Client:
    settings = read_settings(today=TODAY, public_url="https://cds.example.org")
    return Client(TestClient(create_app(library, settings), raise_server_exceptions=False))
