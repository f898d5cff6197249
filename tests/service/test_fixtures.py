"""Every fixture request, over HTTP against the real application, gives the cards that its README promises."""

from __future__ import annotations

import json

import pytest

from mgcds.cards import findings_on
from tests.service.conftest import FIXTURES, Client

EXPECTED = json.loads((FIXTURES / "expected.json").read_text(encoding="utf-8"))


def cards_of(answer: dict) -> list[dict]:
    return [
        {
            "topic": card["source"]["topic"]["code"],
            "indicator": card["indicator"],
            "rules": [finding["rule"] for finding in findings_on(card)],
        }
        for card in answer["cards"]
    ]


@pytest.mark.parametrize("name", sorted(EXPECTED["requests"]))
def test_fixture_gives_the_expected_cards(client: Client, name: str) -> None:
    request = json.loads((FIXTURES / "requests" / name).read_text(encoding="utf-8"))
    status, answer = client.call(request)
    assert status == 200
    assert cards_of(answer) == EXPECTED["requests"][name]


def test_every_request_file_has_an_expectation() -> None:
    assert {path.name for path in (FIXTURES / "requests").glob("*.json")} == set(EXPECTED["requests"])
