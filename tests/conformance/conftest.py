"""The real application, called over HTTP in process."""

from __future__ import annotations

from typing import Any

import pytest

from tests.service.conftest import FIXTURES, Client, client

__all__ = ["client"]
NAMES = sorted(path.stem for path in (FIXTURES / "requests").glob("*.json"))


@pytest.fixture
def proven(request: pytest.FixtureRequest) -> Any:
    """The rows that a test shows."""
    return request.param


@pytest.fixture(scope="session")
def answers(client: Client) -> dict[str, dict[str, Any]]:
    """The answer to every fixture."""
    made = {}
    for name in NAMES:
        status, answer = client.call(client.fixture(name))
        assert status == 200, name
        made[name] = answer
    return made


@pytest.fixture(scope="session")
def cards(answers: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    """Every card of every fixture."""
    return [card for answer in answers.values() for card in answer["cards"]]


@pytest.fixture(scope="session")
def services(client: Client) -> list[dict[str, Any]]:
    """The services of discovery."""
    found: list[dict[str, Any]] = client.http.get("/cds-services").json()["services"]
    return found
