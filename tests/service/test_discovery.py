"""What a client learns from discovery (rows D1 to D13 of the specification, and G3: nothing null or empty)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from mgcds.language.library import Library
from mgcds.language.rule import HOOKS
from tests.service.conftest import Client

YOUNG = ("medication-refill", "medication-verify", "problem-list-item-create")
PUBLISHED = dict.fromkeys(HOOKS, "1.0") | dict.fromkeys(YOUNG, "0.1.0")
KEYS = ("patient", "medications", "statements", "conditions", "procedures", "orders")
TOKEN = re.compile(r"\{\{(.*?)\}\}")
READ = re.compile(r"[A-Z][A-Za-z]+/\{\{context\.patientId\}\}")
SEARCH = re.compile(r"[A-Z][A-Za-z]+\?[a-z_-]+=[^&\s]+(&[a-zA-Z_-]+=[^&\s]+)*")


@pytest.fixture(scope="module")
def services(client: Client) -> list[dict[str, Any]]:
    response = client.http.get("/cds-services")
    assert response.status_code == 200
    assert response.headers["content-type"] == "application/json"
    found: list[dict[str, Any]] = response.json()["services"]
    return found


def empties(value: Any, where: str = "") -> Iterator[str]:
    if value is None or value == "" or value == [] or value == {}:
        yield where
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from empties(item, f"{where}.{key}")
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from empties(item, f"{where}[{number}]")


def test_there_is_one_service_a_hook_and_its_id_never_changes(services: list[dict[str, Any]]) -> None:
    assert {service["hook"]: service["id"] for service in services} == {hook: f"mgcds-{hook}" for hook in HOOKS}
    assert len(services) == len(HOOKS)


def test_every_service_says_what_a_client_must_and_should_know(services: list[dict[str, Any]]) -> None:
    for service in services:
        for field in ("hook", "id", "title", "description", "usageRequirements", "version", "hookVersion"):
            assert isinstance(service[field], str)
            assert service[field].strip()
        assert service["version"] == "2.0.1"
        assert service["hookVersion"] == PUBLISHED[service["hook"]]
        assert "not a medical device" in service["description"]


def test_nothing_is_null_or_empty(services: list[dict[str, Any]]) -> None:
    assert list(empties(services)) == []


def test_patient_and_medications_come_first_and_there_are_at_most_fifteen_keys(services: list[dict[str, Any]]) -> None:
    for service in services:
        keys = list(service["prefetch"])
        assert keys[:2] == ["patient", "medications"]
        assert len(keys) <= 15
        assert all(re.fullmatch(r"[a-z_]+", key) for key in keys)


def test_tokens_are_plain_and_of_the_first_level(services: list[dict[str, Any]]) -> None:
    for service in services:
        for template in service["prefetch"].values():
            assert TOKEN.findall(template) == ["context.patientId"]
            assert "{" not in TOKEN.sub("", template)


def test_templates_are_relative_short_reads_and_searches(services: list[dict[str, Any]]) -> None:
    for service in services:
        for key, template in service["prefetch"].items():
            assert len(template) < 1800
            assert (READ if key == "patient" else SEARCH).fullmatch(template), template


def test_fixed_templates_are_those_of_the_contract(services: list[dict[str, Any]]) -> None:
    who = "patient={{context.patientId}}"
    expected = {
        "patient": "Patient/{{context.patientId}}",
        "medications": f"MedicationRequest?{who}&_include=MedicationRequest:medication&_sort=-authoredon&_count=200",
        "statements": f"MedicationStatement?{who}&_include=MedicationStatement:medication&_sort=-effective&_count=100",
        "conditions": f"Condition?{who}&_count=200",
        "procedures": f"Procedure?{who}&_sort=-date&_count=50",
        "orders": f"ServiceRequest?{who}&status=active,draft,on-hold&_count=100",
    }
    for service in services:
        fixed = {key: template for key, template in service["prefetch"].items() if key in KEYS}
        assert fixed.items() <= expected.items()


def test_result_templates_ask_for_the_codes_of_their_batch_only(services: list[dict[str, Any]], library: Library) -> None:
    for service in services:
        for key, template in service["prefetch"].items():
            if key in KEYS:
                continue
            batch = [concept for concept in library.terminology.concepts.values() if concept.batch == key]
            codes = re.search(r"&code=([^&]+)&_sort=-date&_count=(\d+)$", template)
            assert codes
            asked = codes[1].split(",")
            assert asked == sorted(set(asked))
            assert set(asked) <= {f"{c.system}|{c.code}" for concept in batch for c in concept.codes}
            assert int(codes[2]) >= max(concept.newest for concept in batch)


def test_every_result_that_a_rule_looks_up_is_asked_for(services: list[dict[str, Any]], library: Library) -> None:
    concepts = library.terminology.concepts
    for service in services:
        asked = ",".join(service["prefetch"].values())
        for question in library.questions_at(service["hook"]):
            for name in question.question.names() if question.question.verb in ("latest", "lowest") else ():
                formula = concepts[str(name)].formula
                for part in [str(name)] if formula is None else [p for p in (formula.of, formula.with_) if p]:
                    assert all(f"|{coding.code}" in asked for coding in concepts[part].codes), (service["id"], part)


def test_discovery_may_be_cached_and_says_when_it_is_unchanged(client: Client) -> None:
    first = client.http.get("/cds-services")
    again = client.http.get("/cds-services", headers={"if-none-match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_a_service_with_no_rule_answers_with_no_cards(client: Client, library: Library) -> None:
    silent = [hook for hook in HOOKS if not library.rules_at(hook)]
    contexts = {"appointment-book": {"appointments": {"resourceType": "Bundle", "type": "collection"}}}
    for hook in silent:
        request = client.fixture("01-nothing-to-say") | {"hook": hook}
        request["context"] |= contexts.get(hook, {})
        status, answer = client.call(request)
        assert (status, answer["cards"]) == (200, [])


def test_answers_hold_nothing_null_or_empty_but_cards(client: Client) -> None:
    for name in ("01-nothing-to-say", "02-severely-low-mmol", "10-order-sign-impaired-kidneys", "22-draft-to-move"):
        status, answer = client.call(client.fixture(name))
        assert status == 200
        found = [where for where in empties(answer) if where != ".cards"]
        assert found == [], name
