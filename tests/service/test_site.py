"""The service with a site file: discovery, answers, pages."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from mgcds.language.library import Library
from mgcds.language.load import load
from mgcds.language.rule import HOOKS
from mgcds.service.app import create_app
from mgcds.settings import read_settings
from tests.conftest import RULES
from tests.service.conftest import TODAY, Client
from tests.service.test_pages import Outline, text_of

APPROVED = "because: <b>we</b> count first, approved_by: safety committee, on: 2026-05-04"
LIMITS = """site: General hospital
changes:
  serum_mg:
    low:        {taken: within 90 days, below: 1.40 mg/dL}
    mildly low: {taken: within 90 days, at_least: 1.20 mg/dL, below: 1.40 mg/dL}
    low-normal: {taken: within 90 days, at_least: 1.40 mg/dL, below: 1.82 mg/dL}
    low value:    {below: 1.40 mg/dL}
    no low value: {at_least: 1.40 mg/dL}
    because: our laboratory says so
    approved_by: head of the laboratory
    on: 2026-05-04
print_first:
  serum-magnesium: {unit: mmol/L, because: as reported, approved_by: head of the laboratory, on: 2026-05-04}
"""


def sited(text: str, folder: Path) -> tuple[Client, Library]:
    file = folder / "site.yaml"
    file.write_text(text)
    library = load(RULES, site=file)
    settings = read_settings(today=TODAY, public_url="https://cds.example.org", site=file)
    return Client(TestClient(create_app(library, settings), raise_server_exceptions=False)), library


def rules(**states: str) -> str:
    lines = [f"  {name.replace('_', '-')}: {{{what}, {APPROVED}}}\n" for name, what in states.items()]
    return "site: General hospital\nrules:\n" + "".join(lines)


def prefetch(client: Client) -> dict[str, dict[str, str]]:
    services = client.http.get("/cds-services").json()["services"]
    return {service["hook"]: service["prefetch"] for service in services}


def states(answer: dict[str, Any]) -> dict[str, str]:
    return {key: rule["state"] for key, rule in answer["extension"]["org.mgcds.evaluation"]["rules"].items()}


@pytest.fixture(scope="module")
def limits(tmp_path_factory: pytest.TempPathFactory) -> Client:
    return sited(LIMITS, tmp_path_factory.mktemp("site"))[0]


def test_a_changed_limit_changes_the_answer(client: Client, limits: Client) -> None:
    request = client.fixture("12-ppi-and-thiazide-low-mg")  # 1.46 mg/dL
    _, before = client.call(request)
    _, after = limits.call(request)
    assert (states(before)["mg-low-ppi-diuretic"], states(after)["mg-low-ppi-diuretic"]) == ("fired", "not-fired")
    assert [card["source"]["topic"]["code"] for card in before["cards"]][:1] == ["low-mg"]
    assert "low-mg" not in [card["source"]["topic"]["code"] for card in after["cards"]]
    hashes = {answer["extension"]["org.mgcds.evaluation"]["library"] for answer in (before, after)}
    assert len(hashes) == 2


def test_cards_print_the_sites_unit_first_and_no_outdated_number(client: Client, limits: Client) -> None:
    request = client.fixture("02-severely-low-mmol")
    before, after = (each.call(request)[1]["cards"][0] for each in (client, limits))
    assert before["summary"].index("mg/dL") < before["summary"].index("mmol/L")
    assert after["summary"].index("mmol/L") < after["summary"].index("mg/dL")
    assert "1.7 mg/dL" not in after["detail"]


def test_discovery_asks_for_nothing_that_only_rules_in_use_elsewhere_need(
    client: Client, library: Library, tmp_path: Path
) -> None:
    plain = prefetch(client)
    needing = [rule.id for rule in library.rules_at("patient-view") if {"calcium", "corrected_ca"} & rule.needs]
    assert needing
    assert "calcium" in plain["patient-view"]
    off, _ = sited(rules(**dict.fromkeys(needing, "state: off")), tmp_path)
    assert "calcium" not in prefetch(off)["patient-view"]
    shadow, _ = sited(rules(**dict.fromkeys(needing, "state: shadow")), tmp_path)
    assert prefetch(shadow) == plain  # what is in the shadow is still evaluated


def test_fewer_hooks_ask_for_less(library: Library, tmp_path: Path) -> None:
    away = {rule.id: "hooks: [patient-view]" for rule in library.rules_at("order-sign") if "patient-view" in rule.model.hooks}
    narrowed, changed = sited(rules(**away), tmp_path)
    left = {rule.id for rule in library.rules_at("order-sign")} - set(away)
    assert {rule.id for rule in changed.rules_at("order-sign")} == left
    assert len(prefetch(narrowed)["order-sign"]) < len(prefetch(narrowed)["patient-view"])


def test_a_service_whose_rules_are_all_off_still_answers(library: Library, tmp_path: Path) -> None:
    every = {rule.id: "state: off" for rule in library.rules.values() if rule.model.stewardship.status != "retired"}
    client, _ = sited(rules(**every), tmp_path)
    assert list(prefetch(client)) == list(HOOKS)
    status, answer = client.call(client.fixture("12-ppi-and-thiazide-low-mg"))
    assert (status, answer["cards"], set(states(answer).values())) == (200, [], {"off"})


def test_the_page_of_a_rule_says_what_the_site_has_changed(limits: Client) -> None:
    page = limits.http.get("/rules/mg-low-ppi").text
    text = text_of(page)
    assert ("Serum magnesium: low is below 1.40 mg/dL (in the library: below 1.70 mg/dL), because our laboratory says so; "
            "approved by head of the laboratory on 2026-05-04.") in text  # fmt: skip
    assert "mildly low" not in text  # a word that this rule does not use
    assert "Serum magnesium below 1.4 mg/dL" in text
    assert "General hospital: Because our laboratory says so" in text  # what stands behind the number
    assert "No longer true here, and so left out of the card" in text
    assert Outline(page).open == []


def test_the_page_of_an_untouched_rule_says_nothing_of_the_site(limits: Client, client: Client) -> None:
    def without_hash(each: Client) -> str:
        return text_of(each.http.get("/rules/mg-bisphosphonate").text).rpartition("Rule library")[0]

    assert without_hash(limits) == without_hash(client)


@pytest.mark.parametrize(
    ("what", "short", "tag"),
    [("state: shadow", "In the shadow at General hospital.", "shadow"), ("state: off", "Switched off at General hospital.", "off"),
     ("hooks: [patient-view]", "Fewer moments at General hospital.", "")],
)  # fmt: skip
def test_pages_say_the_state_of_a_rule_and_why(tmp_path: Path, what: str, short: str, tag: str) -> None:
    client, _ = sited(rules(mg_low_ppi=what), tmp_path)
    page, overview = client.http.get("/rules/mg-low-ppi").text, client.http.get("/rules").text
    assert short in text_of(page)
    assert "because &lt;b&gt;we&lt;/b&gt; count first; approved by safety committee on 2026-05-04." in page
    assert "Changed by General hospital: 1 " in text_of(overview)
    item = next(part for part in overview.split("<li>") if '/rules/mg-low-ppi"' in part)
    assert (f'<span class="tag draft">{tag}</span>' in item) == bool(tag)
    for each in (page, overview):
        assert Outline(each).open == []
        assert Outline(each).forbidden == []


def test_pages_say_nothing_of_a_site_where_there_is_none(client: Client) -> None:
    overview = client.http.get("/rules").text
    assert "Changed by" not in overview
    assert '<span class="tag draft">shadow</span>' not in overview
