"""Random charts hold durable-rules and the referee together; the order of entries never changes an answer.

500 charts here, 20,000 with MGCDS_LONG=1.
"""

from __future__ import annotations

import os
import random
from dataclasses import replace

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mgcds.cards import findings_on, respond
from mgcds.chart.facts import Chart, Person
from mgcds.check.cases import read_cases
from mgcds.engine.evaluate import Engine, Evaluation
from mgcds.language.load import load
from tests.conftest import ROOT, RULES
from tests.property.charts import TODAY, Known, charts, mixtures

LIBRARY = load(RULES)
ENGINE = Engine(LIBRARY)
KNOWN = Known(LIBRARY)
CHARTS = st.one_of(charts(KNOWN), mixtures(KNOWN, read_cases(RULES)))
EXAMPLES = 20_000 if os.environ.get("MGCDS_LONG") else 500
EMPTY = Chart(TODAY, "patient-view", Person("Patient/p"), frozenset())
RELAXED = settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)


def said(evaluation: Evaluation) -> dict:
    return respond(evaluation, service_id="s", hook_instance="i", public_url="")


@RELAXED
@given(CHARTS)
def test_the_engines_agree_on_every_rule(chart: Chart) -> None:
    evaluation = ENGINE.evaluate(chart)
    assert {rule: outcome.reason for rule, outcome in evaluation.outcomes.items() if outcome.state == "error"} == {}


SITED = Engine(load(RULES, LIBRARY.terminology, site=ROOT / "deploy/site-example.yaml"))


@settings(RELAXED, max_examples=EXAMPLES // 4)
@given(CHARTS)
def test_the_engines_agree_under_a_site_file_and_what_is_not_shown_is_no_finding(chart: Chart) -> None:
    evaluation = SITED.evaluate(chart)
    assert {rule: outcome.reason for rule, outcome in evaluation.outcomes.items() if outcome.state == "error"} == {}
    assert {finding.rule.state for finding in evaluation.findings} <= {"active"}
    assert {rule for rule, outcome in evaluation.outcomes.items() if outcome.state == "off"} <= {"mg-duplicate"}


@settings(RELAXED, max_examples=EXAMPLES // 2)
@given(CHARTS)
def test_every_finding_has_a_reference_and_a_summary_that_fits(chart: Chart) -> None:
    for card in said(ENGINE.evaluate(chart))["cards"]:
        assert 0 < len(card["summary"]) <= 139
        assert not card["summary"].endswith("…"), card["summary"]
        for finding in findings_on(card):
            assert any("reference" in because for because in finding["because"]), finding


@settings(RELAXED, max_examples=EXAMPLES // 2)
@given(CHARTS, st.integers(0, 2**32))
def test_the_order_of_entries_changes_nothing(chart: Chart, seed: int) -> None:
    shuffled = chart
    for name in ("results", "uses", "problems", "requests"):
        facts = list(getattr(chart, name))
        random.Random(seed).shuffle(facts)
        shuffled = replace(shuffled, **{name: tuple(facts)})
    assert said(ENGINE.evaluate(shuffled)) == said(ENGINE.evaluate(chart))


def test_a_difference_ends_the_rule_as_error_and_the_others_go_on(monkeypatch) -> None:  # type: ignore[no-untyped-def]
    engine = Engine(LIBRARY)
    assert engine.session is not None
    honest = engine.session.run

    def dishonest(*arguments):  # type: ignore[no-untyped-def]
        ruling = honest(*arguments)
        return replace(ruling, levels={**ruling.levels, "mg-low-severe": "info"})

    monkeypatch.setattr(engine.session, "run", dishonest)
    outcomes = engine.evaluate(EMPTY).outcomes
    assert (outcomes["mg-low-severe"].state, outcomes["mg-low-severe"].reason) == ("error", "engines-differ")
    assert all(outcome.state != "error" for rule, outcome in outcomes.items() if rule != "mg-low-severe")


def test_a_word_on_which_the_engines_differ_ends_the_rules_that_need_it_and_no_others(monkeypatch) -> None:  # type: ignore[no-untyped-def]
    engine = Engine(LIBRARY)
    assert engine.session is not None
    honest = engine.session.run
    rules = LIBRARY.rules_at(EMPTY.hook)
    (word, *_) = (asked.key for asked in LIBRARY.questions_at(EMPTY.hook) if asked.lines)
    needing = {rule.id for rule in rules if word in rule.needs}
    assert 0 < len(needing) < len(rules)

    def dishonest(*arguments):  # type: ignore[no-untyped-def]
        ruling = honest(*arguments)
        return replace(ruling, words={**ruling.words, word: "another word"})

    monkeypatch.setattr(engine.session, "run", dishonest)
    outcomes = engine.evaluate(EMPTY).outcomes
    assert {rule for rule, outcome in outcomes.items() if outcome.reason == "engines-differ"} == needing


def test_a_difference_in_what_is_suppressed_ends_every_rule(monkeypatch) -> None:  # type: ignore[no-untyped-def]
    engine = Engine(LIBRARY)
    assert engine.session is not None
    honest = engine.session.run
    monkeypatch.setattr(engine.session, "run", lambda *asked: replace(honest(*asked), suppressing=frozenset({0})))
    assert {outcome.reason for outcome in engine.evaluate(EMPTY).outcomes.values()} == {"engines-differ"}


def test_a_failing_engine_ends_every_rule_as_error(monkeypatch) -> None:  # type: ignore[no-untyped-def]
    engine = Engine(LIBRARY)

    def fails(*_):  # type: ignore[no-untyped-def]
        raise RuntimeError("Mrs Canary, 1.5 mg/dL")

    monkeypatch.setattr(engine.session, "run", fails)
    outcomes = engine.evaluate(EMPTY).outcomes
    assert {outcome.state for outcome in outcomes.values()} <= {"error"}
