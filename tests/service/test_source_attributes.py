"""The thirteen source attributes of every rule: all there, none empty, and what they say of data is what rules do."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, get_args

import pytest
from starlette.testclient import TestClient

from mgcds.chart.derived import SHAPES, TAKES, computed
from mgcds.chart.facts import Chart, Person, Result
from mgcds.check.cases import read_cases
from mgcds.check.charts import TODAY, chart_of
from mgcds.clock import on
from mgcds.engine.answers import answer_all
from mgcds.engine.person_answers import COLUMN_TAKES
from mgcds.engine.referee import referee
from mgcds.engine.truth import holds
from mgcds.language.find import Patient, Table
from mgcds.language.governance import PERSONAL_DATA, PersonalData
from mgcds.language.library import Library
from mgcds.service.app import create_app
from mgcds.service.personal_data import reached, used_by
from mgcds.service.source_attributes import SourceAttributes, field_of
from mgcds.settings import Settings
from tests.conftest import RULES
from tests.service.conftest import Client
from tests.service.test_discovery import empties
from tests.service.test_pages import text_of

IDS = sorted(path.stem for path in RULES.glob("*/*.yaml") if path.read_text(encoding="utf-8").startswith("rule:"))
KEYS = [
    "bibliographic_citation",
    "developer",
    "funding_source",
    "release_and_revision_dates",
    "use_of_race",
    "use_of_ethnicity",
    "use_of_language",
    "use_of_sexual_orientation",
    "use_of_gender_identity",
    "use_of_sex",
    "use_of_date_of_birth",
    "use_of_social_determinants_of_health",
    "use_of_health_status_assessments",
]
PROMISES = re.compile(r"\b(tbd|tba|todo|to be (determined|decided)|not stated|n/a)\b", re.IGNORECASE)


def texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    for item in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from texts(item)


@pytest.mark.parametrize("rule_id", IDS)
def test_every_rule_gives_all_thirteen_and_none_is_empty(client: Client, library: Library, rule_id: str) -> None:
    response = client.http.get(f"/rules/{rule_id}/source-attributes.json")
    assert response.status_code == 200
    assert response.headers["content-type"] == "application/json"
    answer = response.json()
    assert list(answer) == KEYS
    SourceAttributes.model_validate_json(response.text, strict=True)
    for key in KEYS:
        assert answer[key], key
        if key.startswith("use_of_"):
            assert answer[key]["used"] is ("through" in answer[key]), key
    assert all(text.strip() and not PROMISES.search(text) for text in texts(answer))
    assert list(empties(answer)) == []
    rule = library.rules[rule_id]
    cited = {citation["citation"]: citation for citation in answer["bibliographic_citation"]}
    assert len(cited) == len(answer["bibliographic_citation"])
    for entry in rule.model.evidence:
        for source in (library.sources[str(key)] for key in entry.source):
            assert cited[source.citation]["verification"] == source.state
            assert cited[source.citation]["behind"] == "rule"
            assert "strength" in cited[source.citation]
    dates = answer["release_and_revision_dates"]
    assert dates["released"] <= dates["revised"] < dates["review_by"]
    assert dates["version"] == rule.model.stewardship.version


@pytest.mark.parametrize("rule_id", IDS)
def test_the_page_of_a_rule_shows_the_same_and_leads_there(client: Client, rule_id: str) -> None:
    page = client.http.get(f"/rules/{rule_id}").text
    assert f'href="/rules/{rule_id}/source-attributes.json"' in page
    told, answer = text_of(page), client.http.get(f"/rules/{rule_id}/source-attributes.json").json()
    for key in KEYS:
        label = key.replace("_", " ").capitalize()
        if key.startswith("use_of_"):
            used = answer[key]["used"]
            assert f"{label} {'Yes, through: ' + '; '.join(answer[key]['through']) if used else 'No'}" in told
        else:
            assert label in told
    for text in (answer["developer"], answer["funding_source"], answer["release_and_revision_dates"]["released"]):
        assert text in told


def test_a_rule_that_is_not_there_is_an_outcome_that_does_not_echo(client: Client) -> None:
    response = client.http.get("/rules/no-such-rule/source-attributes.json")
    assert response.status_code == 404
    assert response.json()["resourceType"] == "OperationOutcome"
    assert response.json()["issue"][0]["code"] == "not-found"
    assert "no-such-rule" not in response.text


def test_below_a_root_path_the_page_leads_there_too(library: Library) -> None:
    http = TestClient(create_app(library, Settings(root_path="/cds")), root_path="/cds")
    assert 'href="/cds/rules/mg-low-ppi/source-attributes.json"' in http.get("/cds/rules/mg-low-ppi").text
    assert list(http.get("/cds/rules/mg-low-ppi/source-attributes.json").json()) == KEYS


def test_the_interface_describes_the_answer(client: Client) -> None:
    described = client.http.get("/openapi.json").json()
    path = described["paths"]["/rules/{rule_id}/source-attributes.json"]["get"]
    assert "404" in path["responses"]
    schema = path["responses"]["200"]["content"]["application/json"]["schema"]
    assert described["components"]["schemas"][schema["$ref"].rpartition("/")[2]]["required"] == KEYS


def used(library: Library, rule_id: str) -> dict[PersonalData, tuple[str, ...]]:
    return {kind: titles for kind, titles in used_by(library.rules[rule_id], library).items() if titles}


def test_an_egfr_uses_sex_and_birth_date_because_it_may_be_computed_from_creatinine(library: Library) -> None:
    assert used(library, "mg-laxative-ckd") == {"sex": ("eGFR",), "date-of-birth": ("eGFR",)}


def test_a_score_or_pregnancy_is_a_health_status_assessment_because_the_data_say_so(library: Library) -> None:
    assert used(library, "mg-trd-screen") == {"health-status-assessments": ("PHQ-9 total score",)}
    assert used(library, "ket-pregnancy") == {"health-status-assessments": ("Pregnancy",)}
    other = replace(library, governance=library.governance.model_copy(update={"data": {"race": ("pregnancy",)}}))
    assert used(other, "mg-trd-screen") == {}
    assert used(other, "ket-pregnancy") == {"race": ("Pregnancy",)}


def test_a_table_uses_what_its_columns_ask_of_the_patient(library: Library) -> None:
    title = "The recommended magnesium a day"
    assert title in used(library, "mg-intake-below-rda")["sex"]
    assert title in used(library, "mg-intake-below-rda")["date-of-birth"]
    assert title in used(library, "mg-intake-below-rda")["health-status-assessments"]  # by life stage: pregnancy


def test_a_suppression_that_can_silence_a_rule_counts_and_one_that_cannot_does_not(library: Library) -> None:
    assert "dialysis" in reached(library.rules["mg-screen-elderly"], library)
    assert "dialysis" not in reached(library.rules["mg-low-ppi"], library)
    assert "mg_order" in reached(library.rules["ket-mg-untested"], library)
    assert "mg_order" not in reached(library.rules["mg-toxicity-symptoms"], library)  # the policy keeps it
    assert "hospice" in reached(library.rules["mg-low-ppi"], library)
    assert "hospice" not in reached(library.rules["mg-low-severe"], library)  # critical only


def test_every_way_of_asking_about_the_patient_is_accounted_for(library: Library) -> None:
    """A new choice of `patient`, column of a table or shape of a formula must say what it takes."""
    assert set(get_args(Patient.model_fields["patient"].annotation)) == {"age", "sex"}
    columns = {
        str(column) for asked in library.questions.values() if isinstance(asked.question, Table) for column in asked.question.by
    }
    assert columns <= {*COLUMN_TAKES, "drug"}
    assert set(TAKES) == set(SHAPES)
    assert {field_of(kind) for kind in PERSONAL_DATA} == {key for key in KEYS if key.startswith("use_of_")}


@pytest.mark.parametrize("name", sorted(SHAPES))
def test_a_formula_takes_from_the_patient_what_it_says(library: Library, name: str) -> None:
    concept = next(
        concept for concept in library.terminology.concepts.values() if concept.formula and concept.formula.name == name
    )
    today, formula = TODAY, concept.formula
    assert formula is not None
    found = [Result(formula.of, library.terminology.concepts[formula.of].plausible[0] * 4, "", on(today), "Observation/1")]  # type: ignore[index]

    def value(person: Person) -> object:
        return [
            (result.value, result.concept)
            for result in computed(
                found, {concept.key: concept, formula.of: library.terminology.concepts[formula.of]}, person, today
            )
        ]

    woman, man = Person("Patient/1", on(BORN), "female"), Person("Patient/1", on(BORN), "male")
    older = Person("Patient/1", on(BORN.replace(year=BORN.year - 30)), "female")
    assert value(woman) != []
    assert (value(woman) != value(man)) == ("sex" in TAKES[name])
    assert (value(woman) != value(older)) == ("age" in TAKES[name])


CASES = read_cases(RULES)
BORN = TODAY.replace(year=TODAY.year - 40)


def with_person(chart: Chart, library: Library, **changes: Any) -> Chart:
    """The same records of somebody else, with what is computed from them computed anew."""
    person = replace(chart.person, **changes)
    measured = [result for result in chart.results if not result.computed_from]
    made = computed(measured, library.terminology.concepts, person, chart.today)
    return replace(chart, person=person, results=(*measured, *made))


def without(chart: Chart, concepts: set[str]) -> Chart:
    return replace(
        chart,
        results=tuple(result for result in chart.results if result.concept not in concepts),
        problems=tuple(problem for problem in chart.problems if not problem.concepts & concepts),
    )


CHANGES: dict[PersonalData, Callable[[Chart, Library], list[Chart]]] = {
    "sex": lambda chart, library: [with_person(chart, library, sex=sex) for sex in ("male", None)],
    "date-of-birth": lambda chart, library: [
        with_person(chart, library, born=born) for born in (None, on(TODAY.replace(year=TODAY.year - 85)))
    ],
    "health-status-assessments": lambda chart, library: [
        without(chart, set(map(str, library.governance.data["health-status-assessments"])))
    ],
}


def decided(chart: Chart, library: Library) -> dict[str, object]:
    """What every rule comes to at a hook, before others speak in its place, and which suppressions hold."""
    answers = answer_all(chart, library)
    rows = tuple(row for row in library.suppress if holds(row.when, answers, chart.hook))
    return {
        rule_id: (
            verdict.level,
            verdict.undecided,
            verdict.focused,
            [r.reason for r in rows if rule_id in _drops(r, rule_id, library)],
        )
        for rule_id, verdict in referee(library, answers, chart.hook).items()
    }


def _drops(row: Any, rule_id: str, library: Library) -> set[str]:
    names = {rule_id, f"group {library.rules[rule_id].group}"} & set(row.drop)
    return {rule_id} if names and rule_id not in row.keep else set()


@pytest.fixture(scope="module")
def charts(library: Library) -> list[tuple[Chart, dict[str, object]]]:
    """The chart of every case, and what the rules come to on it."""
    made = [chart_of(case, library.terminology) for file in CASES for case in file.cases]
    return [(chart, decided(chart, library)) for chart in made]


@pytest.mark.parametrize("kind", sorted(CHANGES))
def test_a_rule_that_says_it_does_not_use_data_decides_the_same_without_them(
    library: Library, charts: list[tuple[Chart, dict[str, object]]], kind: PersonalData
) -> None:
    """Over every case of the library, with the datum changed: who says "not used" is never moved by it."""
    users = {rule_id for rule_id in library.rules if used_by(library.rules[rule_id], library)[kind]}
    moved: set[str] = set()
    for chart, before in charts:
        for other in CHANGES[kind](chart, library):
            if other != chart:
                moved |= {rule_id for rule_id, verdict in decided(other, library).items() if verdict != before[rule_id]}
    assert moved <= users, moved - users
    assert len(moved) >= len(users) // 2  # the changes do reach most of those that say "used"


def test_the_schema_is_printed_with_all_thirteen(client: Client) -> None:
    schema = SourceAttributes.model_json_schema()
    assert schema["required"] == KEYS
    assert schema["additionalProperties"] is False
    assert json.loads(json.dumps(schema)) == schema
