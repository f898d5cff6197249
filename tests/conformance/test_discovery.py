"""Rows D1 to D16, and of G what discovery shows."""

from __future__ import annotations

import json
import re
from typing import Any

from mgcds.language.library import Library
from mgcds.language.rule import HOOKS
from tests.conformance.rows import proves
from tests.service.conftest import Client
from tests.service.test_discovery import empties

PUBLISHED = {  # of the hook library
    "patient-view": "1.0", "order-select": "1.0", "order-sign": "1.0", "encounter-discharge": "1.0", "appointment-book": "1.0",
    "medication-refill": "0.1.0", "medication-verify": "0.1.0", "problem-list-item-create": "0.1.0",
}  # fmt: skip
TOKEN = re.compile(r"\{\{(.*?)\}\}")
USERS = {"userPractitionerId", "userPractitionerRoleId", "userPatientId", "userRelatedPersonId"}
LISTED = {"patient", "code", "status", "_sort", "_count"}
# Not in the list of D13, which is a SHOULD. Why we ask for it all the same: docs/decisions/0011-fetching.md.
BESIDE = {
    "MedicationRequest": "_include=MedicationRequest:medication",
    "MedicationStatement": "_include=MedicationStatement:medication",
}
Services = list[dict[str, Any]]


@proves("D1", "D16", "disc.get200")
def test_discovery_stands_at_one_address(client: Client) -> None:
    assert client.http.get("/cds-services").status_code == 200
    assert client.http.get("/cds-services/").status_code == 200
    assert client.http.get("/cds-service").status_code == 404
    assert client.http.delete("/cds-services").status_code == 405


@proves("G1", "G5", "D2", "disc.json-type", "disc.services-array")
def test_discovery_is_an_object_with_services(client: Client) -> None:
    answer = client.http.get("/cds-services")
    assert answer.headers["content-type"] == "application/json"
    assert isinstance(json.loads(answer.content)["services"], list)
    assert set(answer.json()) == {"services"}


@proves("D3", "D4", "D6", "D7", "disc.schema", "disc.title", "disc.version-3.0")
def test_what_each_service_says_of_itself(services: Services) -> None:
    for service in services:
        texts = {key: service[key] for key in ("hook", "id", "title", "description", "usageRequirements", "version")}
        assert all(isinstance(text, str) and text.strip() for text in texts.values())
        assert re.fullmatch(r"\d+\.\d+\.\d+", service["version"])
        assert set(service) <= {*texts, "hookVersion", "prefetch", "extension"}


@proves("D8")
def test_hook_versions_are_the_published_ones(services: Services) -> None:
    assert {service["hook"]: service["hookVersion"] for service in services} == PUBLISHED


@proves("D9", "disc.unique-id-hook")
def test_ids_are_not_shared(services: Services) -> None:
    assert len({service["id"] for service in services}) == len(services) == len(HOOKS)


@proves("D5", "D10", "D11", "D12", "disc.prefetch")
def test_templates_have_plain_tokens_only(services: Services) -> None:
    for service in services:
        for key, template in service["prefetch"].items():
            assert key.strip()
            for token in TOKEN.findall(template):
                assert re.fullmatch(r"context\.(patientId|userId|encounterId)", token) or token in USERS
            assert not set("{}%|()") & set(TOKEN.sub("", template).replace("|", "", 999 if "&code=" in template else 0))


@proves("D13", "D14", "disc.prefetch-sub")
def test_templates_are_short_reads_and_plain_searches(services: Services) -> None:
    for service in services:
        for template in service["prefetch"].values():
            assert len(template) < 1800
            kind, _, query = template.partition("?")
            if not query:
                assert re.fullmatch(r"[A-Z][A-Za-z]+/\{\{context\.patientId\}\}", template)
                continue
            assert re.fullmatch(r"[A-Z][A-Za-z]+", kind)
            others = [part for part in query.split("&") if part.partition("=")[0] not in LISTED]
            assert others == ([BESIDE[kind]] if kind in BESIDE else [])


@proves("D15")
def test_discovery_may_be_kept_for_a_while(client: Client) -> None:
    first = client.http.get("/cds-services")
    assert re.fullmatch(r"max-age=\d{1,4}", first.headers["cache-control"])
    again = client.http.get("/cds-services", headers={"if-none-match": f'"x", W/{first.headers["etag"]}'})
    assert (again.status_code, again.content) == (304, b"")
    assert client.http.get("/cds-services", headers={"if-none-match": '"x"'}).json() == first.json()


@proves("G3", "disc.no-null-empty")
def test_discovery_holds_nothing_empty(client: Client) -> None:
    assert list(empties(client.http.get("/cds-services").json())) == []


@proves("G6")
def test_people_can_read_what_each_rule_does(client: Client, library: Library) -> None:
    page = client.http.get("/rules")
    assert page.headers["content-type"].startswith("text/html")
    for rule in library.rules_in_use():
        assert f"/rules/{rule.id}" in page.text
        text = client.http.get(f"/rules/{rule.id}").text
        assert all(f"<code>{hook}</code>" in text for hook in rule.model.hooks)
