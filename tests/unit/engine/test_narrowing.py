"""A narrowed run finds what a run of every ruleset with every fact finds, but for rules whose `when` cannot hold."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping

import pytest

from mgcds.check.cases import read_cases
from mgcds.check.charts import chart_of
from mgcds.engine.answers import answer_all
from mgcds.engine.compile import HOOK, compile_definitions, compile_rule, fact_of
from mgcds.engine.durable import Ruleset
from mgcds.engine.merging import merged
from mgcds.engine.narrowing import Kinds, Narrowed
from mgcds.engine.patterns import Compare, Fact, Pattern, Ref, Rule
from mgcds.engine.referee import referee
from mgcds.language.library import Library
from tests.conftest import RULES


def is_q(question: str, *tests: Compare) -> Pattern:
    return Pattern((Compare("q", "==", question), *tests))


def narrowing(*groups: list[Rule]) -> Callable[[Mapping[str, Fact]], frozenset[str]]:
    """What rules fire on facts, by question."""
    kinds = Kinds()
    narrowed = Narrowed("narrowed", groups, kinds)
    return lambda facts: narrowed.run(kinds.found(facts))


def test_on_the_cases_of_every_rule_it_fires_what_all_rulesets_fire(library: Library) -> None:
    charts = [chart_of(case, library.terminology) for file in read_cases(RULES) for case in file.cases]
    compiled: dict[str, tuple[Ruleset, Callable[[Mapping[str, Fact]], frozenset[str]]]] = {}
    fired_at_all = set()
    for chart in random.Random(1).sample(charts, 150):
        answers = answer_all(chart, library)
        referee(library, answers, chart.hook)
        if chart.hook not in compiled:
            rules = [rule for each in library.rules_at(chart.hook) for rule in compile_rule(each, with_focus=True)]
            rules += [rule for _, layer in compile_definitions(library, chart.hook) for rule in layer]
            compiled[chart.hook] = Ruleset("all", rules), narrowing(rules)
        whole, run = compiled[chart.hook]
        facts = {key: fact_of(answer) for key, answer in answers.items()} | {HOOK: {"q": HOOK, "word": chart.hook}}
        every = whole.run(list(facts.values()))
        holding = {name.split("|")[0] for name in every if "|when|" in name}
        rule_ids = set(library.rules)
        wanted = {name for name in every if (owner := name.split("|")[0]) not in rule_ids or owner in holding}
        got = run(facts)
        assert wanted <= got <= every
        fired_at_all |= got
    assert len(fired_at_all) > 100


def test_a_ruleset_in_which_nothing_can_fire_is_not_entered(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[int] = []
    run = Ruleset.run
    monkeypatch.setattr(Ruleset, "run", lambda self, facts: (sent.append(len(facts)), run(self, facts))[1])
    known = Compare("known", "==", 1.0)
    rules: list[Rule] = [("a|when|0", (is_q("x", known), is_q("y", known, Compare("value", "<", 2.0))))]
    run_narrowed = narrowing(rules, [("b|when|0", (is_q("z", known),))])
    yes, no = {"known": 1.0, "value": 1.0}, {"known": 0.0, "value": 1.0}
    assert not run_narrowed({"x": {"q": "x", **yes}, "y": {"q": "y", **no}})
    assert sent == []
    assert run_narrowed({"x": {"q": "x", **yes}, "y": {"q": "y", **yes}, "z": {"q": "z", **no}}) == {"a|when|0"}
    assert sent == [1]
    assert not run_narrowed({"x": {"q": "x", **yes}, "y": {"q": "y", "known": 1.0, "value": 2.0}})


def test_a_field_that_only_a_join_of_another_pattern_reads_is_sent() -> None:
    has = Compare("has", "==", 1.0)
    rules: list[Rule] = [("a|when|0", (is_q("limit", has), is_q("dose", has, Compare("value", ">", Ref(0, "high")))))]
    limit = {"q": "limit", "has": 1.0, "value": 9.0, "high": 5.0}
    assert narrowing(rules)({"limit": limit, "dose": {"q": "dose", "has": 1.0, "value": 6.0}}) == {"a|when|0"}


def test_where_a_rule_cannot_hold_its_levels_are_not_asked_for() -> None:
    rules: list[Rule] = [("a|when|0", (is_q("x"),)), ("a|warning|0", (is_q("y"),))]
    run = narrowing(rules)
    assert not run({"y": {"q": "y"}})
    assert run({"y": {"q": "y"}, "x": {"q": "x"}}) == {"a|when|0", "a|warning|0"}


def test_a_pattern_that_does_not_name_its_question_first_is_refused() -> None:
    with pytest.raises(ValueError, match="names its question first"):
        narrowing([("a|when|0", (Pattern((Compare("known", "==", 1.0),)),))])


def test_many_rules_are_split_into_rulesets() -> None:
    rules: list[Rule] = [(f"r{n}|when|0", (is_q(f"q{n % 50}"), is_q(f"p{n}"))) for n in range(760)]
    run = narrowing(rules)
    facts = {name: {"q": name} for name in ("q7", "p7", "p57", "p58")}
    assert run(facts) == {"r7|when|0", "r57|when|0"}


def test_a_rule_becomes_one_pattern_on_the_fact_of_the_chart_and_one_for_what_it_compares_with() -> None:
    has = Compare("has", "==", 1.0)
    above = (
        is_q("limit", has),
        is_q("age", has, Compare("value", "<", 18.0)),
        is_q("dose", has, Compare("value", ">", Ref(0, "high"))),
    )
    assert merged(above) == (
        is_q("limit"),
        Pattern((
            Compare("limit has", "==", 1.0), Compare("age has", "==", 1.0), Compare("age value", "<", 18.0),
            Compare("dose has", "==", 1.0), Compare("dose value", ">", Ref(0, "high")),
        )),
    )  # fmt: skip
    assert merged((is_q("x"),)) == (Pattern((Compare("x q", "==", "x"),)),)


def test_two_patterns_about_one_question_are_refused_as_one_fact_would_fill_both() -> None:
    with pytest.raises(ValueError, match="one pattern a question"):
        merged((is_q("x", Compare("known", "==", 1.0)), is_q("x", Compare("value", ">", 1.0))))


def test_rules_that_read_more_than_one_fact_holds_are_split_and_still_fire() -> None:
    tests = [(Compare(f"w{n}", "==", 1.0), Compare(f"w{n}", ">", 0.5)) for n in range(20)]
    rules: list[Rule] = [(f"r{n}|when|0", (is_q(f"x{n}", *(test for both in tests for test in both)),)) for n in range(40)]
    facts = {f"x{n}": {"q": f"x{n}", **{f"w{field}": 1.0 for field in range(20)}} for n in range(40)}
    assert narrowing(rules)(facts) == {name for name, _ in rules}


def test_rules_of_the_same_patterns_are_sent_once_and_all_fire(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[int] = []
    begin = Ruleset.__init__
    monkeypatch.setattr(Ruleset, "__init__", lambda self, name, rules: (made.append(len(rules)), begin(self, name, rules))[1])
    same = (is_q("x", Compare("value", "<", 2.0)),)
    rules: list[Rule] = [("a|when|0", same), ("b|when|0", (is_q("y"),)), ("b|unless 0|0", same), ("c|when|0", same)]
    run = narrowing(rules)
    assert made == [2]
    x = {"x": {"q": "x", "value": 1.0}}
    assert {"a|when|0", "c|when|0"} <= run(x) <= {"a|when|0", "c|when|0", "b|unless 0|0"}
    assert run({**x, "y": {"q": "y"}}) == {name for name, _ in rules}
