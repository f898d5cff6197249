"""Every fact of the seed document is carried by something, and the limits of the evidence stand on the cards that need them."""

from __future__ import annotations

import re
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from mgcds.cards import respond
from mgcds.check.cases import read_cases
from mgcds.check.charts import chart_of, overrides_of
from mgcds.engine.evaluate import Engine
from mgcds.language.library import Library
from mgcds.language.lint_facts import cited_by, fact_problems
from mgcds.language.load import load
from mgcds.language.rule import LEVELS
from mgcds.source import SourceError
from tests.conftest import ROOT, RULES

SHARED = ROOT.parent / "shared"
LIMITED = (
    "mg-low-",
    "mg-screen-",
    "mg-monitor-",
    "mg-recheck-",
    "mg-check-",
    "mg-trd-",
    "mg-discharge-",
    "ket-mg-",
    "ppi-beers-",
)
UNPROVEN = ("mg-trd-screen", "mg-trd-low", "ket-mg-untested", "ket-mg-low")


def test_every_fact_is_there_once_and_carried(library: Library) -> None:
    assert library.facts is not None
    facts = library.facts.facts
    assert list(facts) == [f"SF-{number:03d}" for number in range(1, 163)]
    for key, fact in facts.items():
        told_only = not (cited_by(library, key) or fact.sentence or fact.table or fact.conflict or fact.backlog or fact.limit)
        assert str(fact.section) in library.facts.sections
        if told_only:  # background: it must at least be a sentence that a reader understands
            assert len(str(fact.says).split()) >= 5, key
    assert fact_problems(library) == []


def test_a_fact_that_nothing_knows_is_named(tmp_path: Path) -> None:
    rules = Path(shutil.copytree(RULES, tmp_path / "rules"))
    file = rules / "magnesium/mg-duplicate.yaml"
    file.write_text(file.read_text().replace("SF-038", "SF-999"))
    facts = rules / "seed-facts.yaml"
    facts.write_text(facts.read_text().replace("sentence: mg-limit", "sentence: mg-limits", 1))
    with pytest.raises(SourceError) as raised:
        load(rules)
    said = [str(problem) for problem in raised.value.problems]
    assert any("mg-duplicate.yaml" in line and "'SF-999' is no fact" in line for line in said)
    assert any("seed-facts.yaml" in line and "'mg-limits' is no shared sentence" in line for line in said)


def test_grades_and_numbers_are_those_of_the_inventory(library: Library) -> None:
    inventory = SHARED / "clinical/SEED_FACTS.md"
    if not inventory.is_file():
        pytest.skip("the shared folder is not here")
    rows = dict(re.findall(r"^\|(SF-\d+)\|[^|]*\|([A-D])", inventory.read_text(encoding="utf-8"), re.MULTILINE))
    assert library.facts is not None
    assert {key: fact.grade for key, fact in library.facts.facts.items()} == rows


def test_the_rules_that_a_fact_feeds_cite_it(library: Library) -> None:
    inventory = SHARED / "clinical/SEED_FACTS.md"
    if not inventory.is_file():
        pytest.skip("the shared folder is not here")
    rows = re.findall(r"^\|(SF-\d+)\|[^|]*\|[A-D/]+\|[^\n]*\|([^|\n]*)\|$", inventory.read_text(encoding="utf-8"), re.MULTILINE)
    missing = [
        (key, rule)
        for key, feeds in rows
        for rule in re.findall(r"(?:mg|ket|ppi|zn|choline)-[a-z-]+[a-z]", feeds)
        if rule in library.rules and rule not in cited_by(library, key)
    ]
    assert missing == []


@pytest.fixture(scope="module")
def details(library: Library) -> dict[str, str]:
    """What the cards of each rule say where it fires, over all cases."""
    engine = Engine(library, with_durable=False)
    found: dict[str, str] = {}
    for file in read_cases(RULES):
        if file.about not in library.rules or file.about in found:
            continue
        for case in file.cases:
            if str(case.expect) in LEVELS:
                evaluation = engine.evaluate(chart_of(case, library.terminology), overrides_of(case))
                alone = [finding for finding in evaluation.findings if finding.rule.id == file.about]
                if alone:
                    only = respond(replace(evaluation, findings=tuple(alone)), service_id="s", hook_instance="i", public_url="")
                    found[file.about] = only["cards"][0]["detail"]
                    break
    return found


def test_cards_on_low_or_unmeasured_magnesium_say_what_a_level_does_not_show(library: Library, details: dict[str, str]) -> None:
    limit = str(library.policy.sentences["mg-limit"])
    wanted = [rule for rule in library.rules if rule.startswith(LIMITED)]
    assert len(wanted) > 25
    assert [rule for rule in wanted if limit not in details[rule]] == []


def test_cards_on_depression_and_ketamine_say_that_the_benefit_is_unproven(library: Library, details: dict[str, str]) -> None:
    unproven = str(library.policy.sentences["no-proof"])
    assert [rule for rule in UNPROVEN if unproven not in details[rule]] == []


@pytest.mark.parametrize(
    ("rule", "words"),
    [("mg-intake-below-rda", "is not a deficiency"), ("mg-screen-gi", "rare in healthy people"),
     ("choline-intake-low", "do not show that it prevents schizophrenia")],
)  # fmt: skip
def test_other_limits_of_the_evidence_stand_on_their_cards(details: dict[str, str], rule: str, words: str) -> None:
    assert words in details[rule]
