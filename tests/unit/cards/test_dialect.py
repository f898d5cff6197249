"""Cards as each EHR shows them: no card may lose its meaning, and only its edges change."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from mgcds.cards import findings_on, respond
from mgcds.cards.dialect import DIALECTS, adapt, lost, never_shown, profile
from mgcds.chart.intake import read_chart
from mgcds.engine.evaluate import Engine
from tests.conftest import ROOT

REQUESTS = sorted((ROOT / "fhir_fixtures/requests").glob("*.json"))


def answer(engine: Engine, path: Path) -> dict[str, Any]:
    request = json.loads(path.read_text(encoding="utf-8"))
    chart = read_chart(hook=request["hook"], context=request["context"], prefetch=request["prefetch"],
                       terminology=engine.library.terminology, today=date(2026, 6, 15))  # fmt: skip
    return respond(engine.evaluate(chart), service_id="s", hook_instance="i", public_url="https://cds.example.org")


@pytest.mark.parametrize("path", REQUESTS, ids=lambda path: path.stem)
@pytest.mark.parametrize("name", DIALECTS)
def test_every_card_says_finding_and_action_in_every_ehr(engine: Engine, name: str, path: Path) -> None:
    before, after = answer(engine, path)["cards"], adapt(answer(engine, path), profile(name))["cards"]
    assert len(before) == len(after)
    for old, new in zip(before, after, strict=True):
        assert lost(new) == []
        for key in ("uuid", "summary", "detail", "indicator", "source"):
            assert new[key] == old[key]
        bare = f"{new['summary']} {new['detail']}"  # with neither links nor suggestions
        for finding in findings_on(new):
            action = engine.library.rules[finding["rule"]].consider
            assert not action or "**Consider**" in bare


def test_what_an_ehr_removes_is_not_sent(engine: Engine) -> None:
    path = next(path for path in REQUESTS if path.name.startswith("12"))
    assert any("suggestions" in card and "links" in card for card in answer(engine, path)["cards"])
    for card in adapt(answer(engine, path), profile("oracle"))["cards"]:
        assert {"links", "suggestions", "selectionBehavior"}.isdisjoint(card)
    assert adapt(answer(engine, path), profile("spec")) == answer(engine, path)


def test_epic_gets_the_type_of_the_text_and_codes_under_oids_too(engine: Engine) -> None:
    path = next(path for path in REQUESTS if path.name.startswith("12"))
    cards = adapt(answer(engine, path), profile("epic"))["cards"]
    assert {card["extension"]["com.epic.cdshooks.card.detail.content-type"] for card in cards} == {"text/markdown"}
    created = [action["resource"]["code"]["coding"] for card in cards for suggestion in card.get("suggestions", ())
               for action in suggestion["actions"] if action["type"] == "create" and "coding" in action["resource"]["code"]]  # fmt: skip
    assert created
    for codings in created:
        assert {coding["system"] for coding in codings} == {"http://loinc.org", "urn:oid:2.16.840.1.113883.6.1"}
        assert len({coding["code"] for coding in codings}) * 2 == len(codings)


@pytest.mark.parametrize(
    ("card", "reason"),
    [
        ({"uuid": "u", "detail": "Bad.", "suggestions": [{"actions": [{"description": "d"}]}]}, "does not say what to do"),
        ({"uuid": "u", "detail": "**Consider**", "suggestions": [{"actions": [{}]}]}, "no description"),
        ({"uuid": "u", "detail": "[here](https://x)"}, "leads to a link"),
        ({"detail": "Good."}, "no feedback"),
    ],
)
def test_a_card_that_would_be_dead_is_found(card: dict[str, Any], reason: str) -> None:
    assert any(reason in one for one in lost(card))


def test_rules_that_an_ehr_never_asks_for_are_named() -> None:
    hooks = {"a": ("patient-view",), "b": ("order-sign", "order-select"), "c": ("appointment-book",)}
    assert never_shown(hooks, profile("oracle")) == ["b", "c"]
    assert never_shown(hooks, profile("epic")) == ["c"]
    assert never_shown(hooks, profile("spec")) == []
