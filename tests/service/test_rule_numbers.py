"""What became of the cards of each rule, at /metrics."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from mgcds.language.library import Library
from mgcds.service.app import create_app
from mgcds.service.rule_numbers import CARDS, REASONS, RuleGauges
from mgcds.settings import read_settings
from mgcds.store import StoreError
from mgcds.store.report import RuleNumbers
from tests.service.conftest import TODAY, Client
from tests.service.test_operations import counted

RULE = "mg-low-severe"


@pytest.fixture
def client(library: Library, tmp_path: Path) -> Client:
    return Client(TestClient(create_app(library, read_settings(today=TODAY, data_dir=tmp_path))))


def override(client: Client, answer: dict[str, Any]) -> None:
    card = next(
        card for card in answer["cards"] if RULE in {found["rule"] for found in card["extension"]["org.mgcds.findings"]}
    )
    event = {"card": card["uuid"], "outcome": "overridden", "outcomeTimestamp": f"{TODAY}T08:00:00Z",
             "overrideReason": {"reason": {"system": "urn:mgcds:override-reason", "code": "already-managed"}}}  # fmt: skip
    done = client.http.post("/cds-services/mgcds-patient-view/feedback", json={"feedback": [event]})
    assert done.json()["extension"]["org.mgcds.feedback"] == {"received": 1, "unknown": 0}


def test_what_became_of_cards_is_told_by_rule(client: Client) -> None:
    request = client.fixture("02-severely-low-mmol")
    override(client, client.call(request)[1])
    found = counted(client)
    assert [found[CARDS, outcome, RULE] for outcome in ("shown", "accepted", "overridden", "ignored", "waiting", "repeated")] == [
        1, 0, 1, 0, 0, 0,
    ]  # fmt: skip
    assert found[REASONS, "already-managed", RULE] == 1


@pytest.mark.parametrize(
    "error", [StoreError("the database could not be read (OperationalError)", passing=True), TypeError("x")]
)
def test_numbers_that_cannot_be_had_cost_no_other_metric(
    client: Client, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def fail(**_: object) -> tuple[RuleNumbers, ...]:
        raise error

    monkeypatch.setattr(client.http.app.state.memory, "_count", fail)  # type: ignore[attr-defined]
    found = counted(client)
    assert not [key for key in found if key[0] == CARDS]
    assert found["mgcds_workers",] == 1
    assert counted(client)["mgcds_store_failures_total",] >= 1


def test_counting_that_takes_long_is_not_done_for_every_scraper() -> None:
    now, times = [0.0], [0]

    def count() -> Sequence[RuleNumbers]:
        times[0] += 1
        now[0] += 2.0  # seconds that the database takes
        return (RuleNumbers("ex-one", shown=times[0]),)

    gauges = RuleGauges(count, lambda: now[0])
    first = gauges.text()
    assert b'mgcds_rule_cards{outcome="shown",rule="ex-one"} 1.0' in first
    now[0] += 100
    assert gauges.text() == first
    now[0] += 101
    assert b'mgcds_rule_cards{outcome="shown",rule="ex-one"} 2.0' in gauges.text()
    assert times == [2]


def test_the_numbers_of_before_stand_while_the_database_is_away() -> None:
    now, answers = [0.0], iter([(RuleNumbers("ex-one", shown=7),), None, (RuleNumbers("ex-one", shown=8),)])

    def count() -> Sequence[RuleNumbers] | None:
        now[0] += 0.1
        return next(answers)

    gauges = RuleGauges(count, lambda: now[0])
    told = []
    for wait in (0.0, 11.0, 0.6):
        now[0] += wait
        told.append(b'mgcds_rule_cards{outcome="shown",rule="ex-one"} 7.0' in gauges.text())
    assert told == [True, True, False]
