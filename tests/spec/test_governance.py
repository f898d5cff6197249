"""Upkeep by example: days that follow each other, second readers, reviews that fall due, and rules that are retired."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from mgcds.cards import respond
from mgcds.check.cases import CaseFile, in_use, read_cases, uncovered
from mgcds.check.nudge import nudges
from mgcds.check.review import overdue, warnings
from mgcds.engine.evaluate import Engine
from mgcds.language.files import read_files
from mgcds.language.library import Library
from tests.spec.mini import Mini, case

VOCABULARY = """
serum_mg: {latest: serum-magnesium, as: mg/dL}
"""
RULE = "when:\n  - serum_mg: {below: 1.70 mg/dL}\nlevel: info\ncard: {summary: Seen.}\n"
PLACE = "examples/ex-ample.yaml:3"


def kept(mini: Mini, *changes: tuple[str, str], id: str = "ex-ample", vocabulary: str = VOCABULARY) -> Mini:
    """A rule whose stewardship is changed (it starts as a draft reviewed on 2026-01-01 until 2027-01-01)."""
    mini.write("vocabulary/spec.yaml", vocabulary)
    mini.rule(RULE, id=id, backs="serum_mg.below")
    path = mini.root / f"examples/{id}.yaml"
    text = path.read_text()
    for old, new in changes:
        assert text.count(old) == 1
        text = text.replace(old, new)
    path.write_text(text)
    return mini


def library_of(mini: Mini) -> Library:
    library, problems = mini.build()
    assert library is not None, problems
    return library


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("2027-01-01", "2026-01-01", ":93: review_by must come after reviewed; choose a later day"),
        ("2027-01-01", "2027-02-30", ":93: review_by: '2027-02-30' is not a day of the calendar; write it like 2026-01-31"),
        ("2027-01-01", "20270101", ":93: review_by: '20270101' is not a day of the calendar; write it like 2026-01-31"),
        ("reviewed: 2026-01-01", "reviewed: soon", ":70: reviewed: 'soon' is not a day of the calendar"),
        ("reviewed:", "released: 2026-01-02, reviewed:", ":70: released must not come after reviewed; it is the day of the first version"),
        ("owner: tests", "owner: TBD", ":53: owner: 'TBD' is nobody; name the team that answers for the rule"),
        ("status: draft", "status: active", "an active rule needs a second_reader; name who signed it off, or set status: draft"),
        ("status: draft", "status: active, second_reader: to be determined", "an active rule needs a second_reader"),
        ("owner: tests", "owner: tests, second_reader: Tests", ":75: second_reader: 'Tests' is the owner; somebody else must read it"),
    ],
)  # fmt: skip
def test_each_mistake_of_stewardship_has_a_place_a_cause_and_a_way_out(mini: Mini, old: str, new: str, message: str) -> None:
    found = kept(mini, (old, new)).problems()
    assert len(found) == 1, found
    assert message in found[0]
    assert found[0].startswith("examples/ex-ample.yaml:")


def test_an_active_rule_that_was_signed_off_is_no_draft(mini: Mini) -> None:
    kept(mini, ("status: draft", "status: active, second_reader: renal-pharmacy"))
    assert mini.problems() == []
    assert not library_of(mini).rules["ex-ample"].model.is_draft
    kept(mini, id="ex-draft")
    labels = []
    for left_out in ("ex-draft", "ex-ample", "nothing"):
        evaluation = mini.evaluate(f"- {LOW}")
        findings = tuple(finding for finding in evaluation.findings if finding.rule.id != left_out)
        (shown,) = respond(replace(evaluation, findings=findings), service_id="s", hook_instance="i", public_url="")["cards"]
        labels.append(shown["source"]["label"])
    assert labels == ["mgcds Other", "mgcds Other (draft)", "mgcds Other (draft)"]


def test_without_a_day_of_release_the_version_came_out_when_it_was_reviewed(mini: Mini) -> None:
    assert library_of(kept(mini)).rules["ex-ample"].model.stewardship.first_released == "2026-01-01"
    kept(mini, ("reviewed:", "released: 2025-03-01, reviewed:"))
    assert library_of(mini).rules["ex-ample"].model.stewardship.first_released == "2025-03-01"


@pytest.mark.parametrize(
    ("today", "late", "soon"),
    [
        ("2026-11-01", [], []),  # 61 days before
        ("2026-11-02", [], ["its review is due on 2027-01-01, in 60 days; plan it"]),
        ("2027-01-01", [], ["its review is due on 2027-01-01, in 0 days; plan it"]),
        (
            "2027-01-02",
            ["its review was due on 2027-01-01; review it, set reviewed and a new review_by, or retire the rule"],
            [],
        ),
    ],
)
def test_a_review_is_announced_60_days_ahead_and_overdue_from_the_day_after(
    mini: Mini, today: str, late: list[str], soon: list[str]
) -> None:
    library, day = library_of(kept(mini)), date.fromisoformat(today)
    assert [str(problem) for problem in overdue(library, day)] == [f"{PLACE}:93: {text}" for text in late]
    assert [str(problem) for problem in warnings(library, day)] == [f"{PLACE}:93: warning: {text}" for text in soon]


def test_a_revision_should_say_when_the_rule_first_came_out(mini: Mini) -> None:
    day = date(2026, 6, 1)
    library = library_of(kept(mini, ("version: 1.0.0", "version: 1.1.0")))
    assert [str(problem) for problem in warnings(library, day)] == [
        f"{PLACE}:70: warning: version 1.1.0 is a revision; add released: with the day of the first version"
    ]
    library = library_of(kept(mini, ("version: 1.0.0", "version: 1.1.0"), ("reviewed:", "released: 2025-03-01, reviewed:")))
    assert warnings(library, day) == []
    assert warnings(library_of(kept(mini, ("version: 1.0.0", "version: 0.9.1"))), day) == []


RETIRED = ("status: draft", "status: retired")
LOW = "{lab: serum-magnesium, value: 1.5 mg/dL, taken: 3 days ago}"


def two_rules(mini: Mini) -> Library:
    """ex-ample, retired, and ex-other, in use; both hold when magnesium is low."""
    kept(mini, id="ex-other")
    return library_of(kept(mini, RETIRED))


def test_a_retired_rule_is_not_evaluated(mini: Mini) -> None:
    two_rules(mini)
    evaluation = mini.evaluate(f"- {LOW}")
    assert {rule: outcome.state for rule, outcome in evaluation.outcomes.items()} == {"ex-other": "fired"}
    assert [finding.rule.id for finding in evaluation.findings] == ["ex-other"]


def test_a_retired_rule_asks_nothing(mini: Mini) -> None:
    kept(mini, id="ex-other")
    local = "find:\n  potassium: {latest: potassium, as: mmol/L}\n" + RULE.replace(
        "serum_mg: {below: 1.70 mg/dL}", "potassium: present"
    )
    mini.rule(local, id="ex-ample")
    assert "ex-ample/potassium" in Engine(library_of(mini)).evaluate(chart(mini)).answers
    path = mini.root / "examples/ex-ample.yaml"
    path.write_text(path.read_text().replace(*RETIRED))
    assert "ex-ample/potassium" not in Engine(library_of(mini)).evaluate(chart(mini)).answers


def chart(mini: Mini):  # type: ignore[no-untyped-def]
    from mgcds.check.charts import chart_of

    return chart_of(case(f"- {LOW}"), library_of(mini).terminology)


def test_a_retired_rule_silences_nobody_and_is_no_draft(mini: Mini) -> None:
    library = two_rules(mini)
    assert not library.rules["ex-ample"].model.is_draft
    assert [rule.id for rule in library.rules_in_use()] == ["ex-other"]
    policy = mini.root / "policy.yaml"
    policy.write_text(policy.read_text() + "supersede: {ex-ample: [ex-other]}\n")
    assert any("'ex-ample' is retired and never fires; take it out of this row" in line for line in mini.problems())
    assert mini.outcome(f"- {LOW}", rule="ex-other") == "info"


def test_a_retired_rule_keeps_its_cases_unrun_and_its_numbers_unnudged(mini: Mini) -> None:
    library = two_rules(mini)
    mini.write("examples/ex-ample.test.yaml", f"cases:\n  - case: low\n    chart: [{LOW}]\n    expect: info\n")
    mini.write("examples/ex-other.test.yaml", f"cases:\n  - case: low\n    chart: [{LOW}]\n    expect: info\n")
    files: list[CaseFile] = read_cases(mini.root)
    assert [file.about for file in in_use(files, library)] == ["ex-other"]
    assert uncovered(library, files) == []
    assert uncovered(library, in_use(files, library)) == []  # a retired rule needs no cases either
    assert {nudge.file for nudge in nudges(read_files(mini.root)) if nudge.file.startswith("examples/")} == {
        "examples/ex-other.yaml"
    }


def test_a_table_that_only_a_retired_rule_uses_is_not_nudged(mini: Mini) -> None:
    kept(mini, id="ex-other")
    mini.rule("find:\n  limit: {table: choline-ul, by: age}\n" + RULE, id="ex-ample", backs="serum_mg.below")
    assert any(nudge.file == "tables/choline-ul.yaml" for nudge in nudges(read_files(mini.root)))
    path = mini.root / "examples/ex-ample.yaml"
    path.write_text(path.read_text().replace(*RETIRED))
    assert not any(nudge.file == "tables/choline-ul.yaml" for nudge in nudges(read_files(mini.root)))


def test_a_question_that_only_a_retired_rule_asks_moves_into_that_rule(mini: Mini) -> None:
    kept(mini, RETIRED)
    assert mini.problems() == [
        "vocabulary/spec.yaml:1:1: only the retired rule ex-ample asks 'serum_mg'; move the question into that rule, under find"
    ]


def test_a_retired_rule_is_never_overdue(mini: Mini) -> None:
    library = library_of(kept(mini, RETIRED, ("version: 1.0.0", "version: 2.0.0")))
    assert overdue(library, date(2030, 1, 1)) == []
    assert warnings(library, date(2026, 12, 31)) == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("developer: we\n", "governance.yaml:1:1: 'funding' is missing; add it"),
        ("developer: we\nfunding: TBD\n", "governance.yaml:2:10: funding: 'TBD' says nothing; write who or what it is"),
        ("developer: we\nfunding: not stated\n", "governance.yaml:2:10: funding: 'not stated' says nothing"),
        ("developer: ''\nfunding: we\n", "governance.yaml:1:12: developer: '' says nothing"),
        ("developer: we\nfunding: Unknown\n", "governance.yaml:2:10: funding: 'Unknown' says nothing"),
        ("developer: we\nfunding: n/a\n", "governance.yaml:2:10: funding: 'n/a' says nothing"),
        ("developer: we\nfunding: we\ndata: {race: [no-such]}\n", "governance.yaml:3:15: 'no-such' is no concept; add it"),
        ("developer: we\nfunding: we\ndata: {rase: [pregnancy]}\n", "governance.yaml:3:"),
    ],
)
def test_governance_says_who_makes_and_pays_and_names_concepts_that_exist(mini: Mini, text: str, message: str) -> None:
    kept(mini)
    (mini.root / "governance.yaml").write_text(text)
    assert any(line.startswith(message) for line in mini.problems()), mini.problems()
