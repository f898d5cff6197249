"""The verbs for those who connect an EHR."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from mgcds.cards import respond
from mgcds.cards.dialect import DIALECTS, profile
from mgcds.chart.facts import Chart, Person
from mgcds.chart.supply import supplied_by
from mgcds.engine.evaluate import Engine
from mgcds.engine.outcome import Outcome
from mgcds.service.discovery import services_of
from mgcds.service.fhir_query import kind_of
from mgcds.service.install_sheet import resource_types
from mgcds.settings import read_settings
from tests.conftest import ROOT
from tests.unit.test_cli import PATIENT, REQUEST, run

R4_ONLY = ("MedicationRequest", "ServiceRequest", "on-hold")


def queries(sheet: str, version: str = "") -> dict[tuple[str, str], str]:
    """The query that can be copied, by key and hook: of R4, or of an older version."""
    hooks = re.findall(r"^\| `([a-z-]+)` \| [0-9.]+ \|", sheet, re.MULTILINE)
    part = sheet.partition(f"speaks {version}\n" if version else "## Prefetch\n")[2]
    blocks = re.findall(r"^`(\w+)` at (.+):\n\n```text\n(.+)\n```$", re.split("^##", part, flags=re.MULTILINE)[0], re.MULTILINE)
    return {
        (key, hook): query
        for key, where, query in blocks
        for hook in (hooks if where == "all hooks" else re.findall("`(.+?)`", where))
    }


@pytest.mark.parametrize("name", DIALECTS)
def test_the_sheet_holds_every_value_to_be_typed(engine: Engine, name: str) -> None:
    sheet = run("install-sheet", "--ehr", name, "--public-url", "https://cds.hospital.example").stdout
    for service in services_of(engine, read_settings()):
        address = f"`https://cds.hospital.example/cds-services/{service['id']}`"
        assert (address in sheet) == profile(name).fires(service["hook"])
        for key, template in service["prefetch"].items():
            if profile(name).fires(service["hook"]):
                assert queries(sheet)[key, service["hook"]] == template
                assert all(f"`patient/{kind}.rs`" in sheet for kind in resource_types(template))
    assert all(f"| `{code}` | {reason.display} |" in sheet for code, reason in engine.library.reasons.items())
    assert all(f"| `{group}` |" in sheet for group in engine.library.policy.groups)
    assert all(str(note) in sheet for note in profile(name).notes)


def test_a_query_can_be_copied_with_the_bar_between_system_and_code() -> None:
    found = queries(run("install-sheet", "--ehr", "epic").stdout)
    assert found["magnesium", "order-sign"].startswith(
        "Observation?patient={{context.patientId}}&code=http://loinc.org|19123-9,http://loinc.org|2601-3&"
    )


@pytest.mark.parametrize("name", DIALECTS)
def test_the_sheet_has_other_queries_for_the_older_versions_that_an_ehr_speaks(name: str) -> None:
    """A server of DSTU2 has no MedicationRequest: with the query of R4 no medicine comes, and every call is refused."""
    sheet = run("install-sheet", "--ehr", name).stdout
    now, older = queries(sheet), {version: queries(sheet, version) for version in ("DSTU2", "STU3")}
    assert {version for version, found in older.items() if found} == set(profile(name).fhir) & {"DSTU2", "STU3"}
    for version, newer in {"DSTU2": (*R4_ONLY, "_sort=-"), "STU3": ("ServiceRequest", "on-hold")}.items():
        if found := older[version]:
            assert all(f"`patient/{kind}.rs`" in sheet for query in found.values() for kind in resource_types(query))
            typed = now | found
            assert not [query for query in typed.values() if any(word in query for word in newer)]
            assert {key for key, query in now.items() if query != typed[key]} == found.keys() & now.keys()


def test_the_sheet_says_what_is_refused_and_read_in_an_older_version_only() -> None:
    sheet = run("install-sheet", "--ehr", "epic").stdout
    dstu2, stu3 = (sheet.partition(f"speaks {version}\n")[2].partition("\n`")[0] for version in ("DSTU2", "STU3"))
    assert "Without `medications` a call is refused (412)." in dstu2
    assert "refused" not in stu3  # its medicines are asked for as in R4
    assert "| MedicationOrder (DSTU2) |" in sheet
    assert "| ProcedureRequest (DSTU2, STU3) |" in sheet


def test_what_the_older_queries_bring_is_what_the_rules_read() -> None:
    sheet = run("install-sheet", "--ehr", "oracle").stdout
    older = {key: query for (key, _), query in queries(sheet, "DSTU2").items()}
    assert older["medications"] == (
        "MedicationOrder?patient={{context.patientId}}&_include=MedicationOrder:medication&_sort:desc=datewritten&_count=200"
    )
    asked = {key: kind_of(query) for key, query in older.items() if key in ("medications", "orders", "procedure_requests")}
    assert asked == {"medications": "MedicationOrder", "orders": "DiagnosticOrder", "procedure_requests": "ProcedureRequest"}
    for key, kind in asked.items():
        sent = {key: {"resourceType": "Bundle", "entry": [{"resource": {"resourceType": kind, "id": "1"}}]}}
        meant = "orders" if key == "procedure_requests" else key
        assert supplied_by(sent, ()).kinds == {meant}
        assert supplied_by({key: None}, ()).kinds == {meant}  # a search that found nothing


def test_the_page_on_versions_has_the_queries_of_the_sheet() -> None:
    page = (ROOT / "docs/reference/fhir-versions.md").read_text(encoding="utf-8")
    sheet = run("install-sheet", "--ehr", "epic").stdout
    told = re.findall(r"^    (\w+): +(\S+)$", page.partition("## Asking for it")[2], re.MULTILINE)
    typed = {version: {(key, query) for (key, _), query in queries(sheet, version).items()} for version in ("DSTU2", "STU3")}
    assert [key for key, _ in told] == ["medications", "orders", "procedure_requests", "orders"]
    assert set(told[:3]) <= typed["DSTU2"]
    assert set(told[3:]) <= typed["STU3"]


def test_every_topic_that_a_card_can_have_is_in_the_sheet(engine: Engine) -> None:
    """Also those of cards that say what is missing: Epic maps topics by hand, and one that is not mapped may not be shown."""
    sheet = run("install-sheet", "--ehr", "epic").stdout
    nothing = engine.evaluate(Chart(date(2026, 6, 15), "patient-view", Person("Patient/1"), frozenset()))
    shown = replace(nothing, outcomes=nothing.outcomes | {"mg-duplicate": Outcome("suppressed", reason="repeated")})
    cards = respond(shown, service_id="s", hook_instance="i", public_url="")["cards"]
    topics = [card["source"]["topic"] for card in cards]
    assert [topic["code"] for topic in topics] == ["incomplete", "repeated"]
    titles = [(topic["code"], topic["display"]) for topic in topics] + [("further-notes", "Further notes")]
    titles += [(key, group.title) for key, group in engine.library.policy.groups.items()]
    assert all(f"| `{code}` | {title} |" in sheet for code, title in titles)


def test_a_template_reads_its_type_and_what_it_includes() -> None:
    template = "MedicationRequest?patient={{context.patientId}}&_include=MedicationRequest:medication"
    assert resource_types(template) == {"MedicationRequest", "Medication"}
    assert resource_types("Patient/{{context.patientId}}") == {"Patient"}


def test_an_unknown_ehr_is_exit_2() -> None:
    result = run("install-sheet", "--ehr", "paper")
    assert result.exit_code == 2
    assert "choose one of athena, epic, oracle, spec" in result.stderr


def test_lint_cards_counts_cards_and_goes_on_after_what_it_cannot_read(tmp_path: Path) -> None:
    (tmp_path / "bad.json").write_text("{", encoding="utf-8")
    (tmp_path / "good.json").write_bytes(REQUEST.read_bytes())
    result = run("lint-cards", tmp_path, "--ehr", "epic", "--today", "2026-06-15")
    assert result.exit_code == 0
    assert "bad.json" in result.stderr
    assert result.stdout.endswith("0 problems at Epic\n")
    assert not result.stdout.startswith("0 cards")


@pytest.mark.parametrize("name", DIALECTS)
@pytest.mark.parametrize("file", ["17-refill-ppi.json", REQUEST.name])
def test_lint_cards_finds_cards_at_a_hook_that_the_ehr_never_calls(name: str, file: str) -> None:
    path = REQUEST.parent / file
    result = run("lint-cards", path, "--ehr", name, "--today", "2026-06-15")
    to, hook = profile(name), json.loads(path.read_text(encoding="utf-8"))["hook"]
    *lines, last = result.stdout.splitlines()
    cards = int(last.split()[0])
    assert cards
    assert last.endswith(f" at {to.title}")
    if to.fires(hook):
        assert (result.exit_code, lines) == (0, [])
    else:
        assert result.exit_code == 1
        assert len(lines) == cards
        assert all(line.endswith(f": {to.title} never calls at {hook}") for line in lines)


def test_lint_cards_asks_of_the_hook_at_which_a_patient_is_looked_at() -> None:
    seen = [run("lint-cards", PATIENT, "--ehr", "oracle", "--today", "2026-06-15", "--hook", hook).exit_code
            for hook in ("patient-view", "encounter-discharge")]  # fmt: skip
    assert seen == [0, 1]


def test_redact_prints_the_request_and_the_day_to_evaluate_it_on(tmp_path: Path) -> None:
    result = run("redact", REQUEST, "--today", "2026-06-15", "--seed", "4")
    assert result.exit_code == 0
    day = result.stderr.split("--today ")[1].strip()
    (tmp_path / "shared.json").write_text(result.stdout, encoding="utf-8")
    cards = [json.loads(run("evaluate", path, "--today", on, "--json").stdout)["cards"]
             for path, on in ((REQUEST, "2026-06-15"), (tmp_path / "shared.json", day))]  # fmt: skip
    assert [card["source"]["topic"] for card in cards[0]] == [card["source"]["topic"] for card in cards[1]]


def test_redact_refuses_what_it_cannot_read(tmp_path: Path) -> None:
    assert run("redact", tmp_path / "nothing.json").exit_code == 2
